import { printable } from '../telemetry/printable.ts';

/** A column: its title; with `right` one of numbers; with `shrinks` one that may be cut where the terminal is narrow. */
export type Column = string | { readonly right: string } | { readonly shrinks: string };

export interface TableOptions {
  /** The last row, under a rule. */
  readonly total?: readonly string[];
  /** Titles of columns that are left out where no row has anything there. */
  readonly optional?: readonly string[];
  /** The columns of the terminal; undefined: as wide as the texts. */
  readonly width?: number | undefined;
}

/** The widest text of a table; a user or a tag of a client may be as long as it likes. */
const widestCell = 64;
/** A column that shrinks keeps as much. */
const narrowest = 8;
const gap = 2;

/**
 * Rows as lines, each column as wide as its widest text. Texts of the data may be chosen by others: they are shortened, and
 * hold nothing that controls a terminal.
 */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { total, optional = [], width }: TableOptions = {},
): string {
  const kept = columns
    .map((column, at) => ({ column, at }))
    .filter(({ column, at }) => !optional.includes(titleOf(column)) || rows.some((row) => row[at] !== ''));
  const cells = (row: readonly string[]) => kept.map(({ at }) => printable(row[at] ?? ''));
  const head = [kept.map(({ column }) => titleOf(column)), ...rows.map(cells)];
  const foot = total === undefined ? [] : [cells(total)];
  const widths = fit(
    kept.map((_, at) =>
      Math.min(widestCell, Math.max(...[...head, ...foot].map((row) => row[at]?.length ?? 0))),
    ),
    kept.map(({ column }) => typeof column !== 'string' && 'shrinks' in column),
    width,
  );
  const rule = foot.length === 0 ? [] : [widths.map((wide) => '─'.repeat(wide))];
  return [...head, ...rule, ...foot]
    .map((row) =>
      kept.map(({ column }, at) => {
        const wide = widths[at] ?? 0;
        const text = shortened(row[at] ?? '', wide);
        const right = typeof column !== 'string' && 'right' in column;
        return right ? text.padStart(wide) : text.padEnd(wide);
      }),
    )
    .map((row) => `${row.join(' '.repeat(gap)).trimEnd()}\n`)
    .join('');
}

/** Names and values, one pair a line. */
export function textPairs(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd())
    .join('\n')
    .concat('\n');
}

/** Takes from the widest columns that shrink, until the table fits or each of them is as narrow as it may be. */
function fit(
  widths: readonly number[],
  shrinks: readonly boolean[],
  most = Number.POSITIVE_INFINITY,
): readonly number[] {
  const fitted = [...widths];
  let excess = fitted.reduce((sum, wide) => sum + wide + gap, -gap) - most;
  while (excess > 0) {
    const candidates = fitted.map((wide, at) => (shrinks[at] === true && wide > narrowest ? wide : 0));
    const widest = candidates.indexOf(Math.max(...candidates));
    if ((candidates[widest] ?? 0) === 0) break;
    fitted[widest] = (fitted[widest] ?? 0) - 1;
    excess -= 1;
  }
  return fitted;
}

function titleOf(column: Column): string {
  if (typeof column === 'string') return column;
  return 'right' in column ? column.right : column.shrinks;
}

function shortened(text: string, wide: number): string {
  return text.length > wide ? `${text.slice(0, wide - 1)}…` : text;
}
