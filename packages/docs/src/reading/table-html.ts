import type { Tokens } from 'marked';
import { escapeHtml } from '../html.ts';
import { plainText } from './plain-text.ts';

/** From this length on the text of a cell has lines of its own. */
const longCell = 60;

/** From this length on a phone has no room for the three cells of a row beside each other. */
const longRow = 45;

/**
 * A table in a frame in which it can be scrolled sideways. One of several columns with long texts is marked `texts`: a narrow window
 * shows each of its rows as a block, each cell with the name of its column (styles/widths.css). It has its roles in words, because a
 * browser may forget them where a table is not drawn as one. `inline`: a cell's HTML.
 */
export function tableHtml(
  { header, rows }: Tokens.Table,
  inline: (tokens: Tokens.TableCell['tokens']) => string,
): string {
  const names = header.map(({ tokens }) => plainText(tokens));
  const texts =
    names.length > 2 &&
    rows.some((cells) => {
      const lengths = cells.map(({ tokens }) => plainText(tokens).length);
      const together = lengths.reduce((sum, length) => sum + length, 0);
      return Math.max(...lengths) >= longCell || (lengths.length === 3 && together >= longRow);
    });
  const role = (name: string): string => (texts ? ` role="${name}"` : '');
  const head = header.map(({ tokens }) => `<th${role('columnheader')}>${inline(tokens)}</th>`).join('');
  const body = rows.map((cells) => {
    const row = cells.map(({ tokens }, at) => {
      const column = texts && at > 0 ? ` data-column="${escapeHtml(names[at] ?? '')}"` : '';
      return `<td${role('cell')}${column}>${inline(tokens)}</td>`;
    });
    return `<tr${role('row')}>${row.join('')}</tr>`;
  });
  const table = `<table${texts ? ' class="texts" role="table"' : ''}><thead${role('rowgroup')}><tr${role('row')}>${head}</tr></thead><tbody${role('rowgroup')}>${body.join('')}</tbody></table>`;
  return `<div class="scrolled" role="group" tabindex="0" aria-label="Table">${table}</div>`;
}
