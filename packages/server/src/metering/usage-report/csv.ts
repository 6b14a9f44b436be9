/** A cell of a table; null is an empty one. */
export type Cell = string | number | boolean | null;

/**
 * CSV by RFC 4180: a header line always, CRLF after each line. Programs for tables run a cell that begins with `=`, `+`, `-`
 * or `@` as a formula, also after a tab or a line end; such a text of a client (a user, a tag) gets `'` in front.
 */
export function csv(columns: readonly string[], rows: Iterable<Readonly<Record<string, Cell>>>): string {
  const lines = [columns.map(csvCell).join(',')];
  for (const row of rows) lines.push(columns.map((column) => csvCell(row[column] ?? null)).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

function csvCell(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = /^[\s\u0000]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
