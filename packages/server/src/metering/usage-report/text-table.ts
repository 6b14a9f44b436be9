import { printable } from '../../telemetry/printable.ts';

/** A column of a table on a terminal. */
export interface TextColumn<Row> {
  readonly title: string;
  /** Numbers are aligned at the right. */
  readonly align: 'left' | 'right';
  cell(row: Row): string;
}

const widestCell = 48;

/**
 * An aligned table with a line of titles; `total` comes last, behind a rule. Cells are shortened to 48 characters, and hold
 * nothing that controls a terminal: users and tags are texts of clients.
 */
export function textTable<Row>(
  columns: readonly TextColumn<Row>[],
  rows: readonly Row[],
  total?: Row,
): string {
  const cells = (row: Row) => columns.map((column) => shown(column.cell(row)));
  const lines = [columns.map(({ title }) => shown(title)), ...rows.map(cells)];
  const last = total === undefined ? [] : [cells(total)];
  const widths = columns.map((_, index) =>
    [...lines, ...last].reduce((width, line) => Math.max(width, (line[index] ?? '').length), 0),
  );
  const text = (line: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const cell = line[index] ?? '';
        const width = widths[index] ?? 0;
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  const below = last.length === 0 ? [] : [rule, ...last.map(text)];
  return [...lines.map(text), ...below].map((line) => `${line}\n`).join('');
}

function shown(text: string): string {
  const clean = printable(text);
  return clean.length > widestCell ? `${clean.slice(0, widestCell - 1)}…` : clean;
}

const thousands = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const dollars = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 6,
  maximumFractionDigits: 6,
});

/** `1,234,567`. */
export function grouped(count: number): string {
  return thousands.format(count);
}

/** Exact to the micro-dollar: `$1,234.500000`. */
export function inDollars(microUsd: number): string {
  return dollars.format(microUsd / 1_000_000);
}
