import { writtenBase } from './code/fills.ts';

/** A text as HTML shows it, between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}

/** The same for a text of a page, in which the address of the server may stand: its place is marked. Between tags only. */
export function escapeFilled(text: string): string {
  return escapeHtml(text).replaceAll(writtenBase, `<span data-fill="base">${writtenBase}</span>`);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
