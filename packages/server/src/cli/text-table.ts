import { printable } from '../telemetry/printable.ts';

/** A column: its title, or with `right` one of numbers. */
export type Column = string | { readonly right: string };

/** The widest text of a table; a user or a tag of a client may be as long as it likes. */
const widestCell = 64;

/**
 * Rows as lines, each column as wide as its widest text. `total` comes last, under a rule. Texts of the data may be chosen by
 * others: they are shortened, and hold nothing that controls a terminal.
 */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  total?: readonly string[],
): string {
  const titles = columns.map((column) => (typeof column === 'string' ? column : column.right));
  const head = [titles, ...rows].map((row) => row.map(shown));
  const foot = total === undefined ? [] : [total.map(shown)];
  const widths = columns.map((_, at) => Math.max(...[...head, ...foot].map((row) => row[at]?.length ?? 0)));
  const rule = foot.length === 0 ? [] : [widths.map((width) => '─'.repeat(width))];
  return [...head, ...rule, ...foot]
    .map((row) =>
      columns.map((column, at) => {
        const [text, width] = [row[at] ?? '', widths[at] ?? 0];
        return typeof column === 'string' ? text.padEnd(width) : text.padStart(width);
      }),
    )
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
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

function shown(text: string): string {
  const clean = printable(text);
  return clean.length > widestCell ? `${clean.slice(0, widestCell - 1)}…` : clean;
}
