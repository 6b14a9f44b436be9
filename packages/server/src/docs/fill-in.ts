import { createHash } from 'node:crypto';
import { escapeHtml } from '../http/escape-html.ts';

/** The address that stands in the examples as they are written. */
const writtenBase = 'http://127.0.0.1:7245';

/** What a document says of the server that shows it. */
export interface OwnFacts {
  /** The address under which the reader has reached it. */
  readonly base: string | undefined;
  /** It asks for no key. */
  readonly keyless: boolean;
  /** It shows the playground at `/`. */
  readonly hasPage: boolean;
}

/** Empty where the documents are right as they are built, so that their compressed forms can be sent; else the same for the same facts. */
export function variantOf({ base = writtenBase, keyless, hasPage }: OwnFacts): string {
  if (base === writtenBase && !keyless && hasPage) return '';
  return createHash('sha256')
    .update(JSON.stringify([base, keyless, hasPage]))
    .digest('base64url')
    .slice(0, 8);
}

/** A built text with the facts of this server in it. In HTML only marked places are filled in, and the address is escaped. */
export function fillIn(
  text: string,
  type: string,
  { base = writtenBase, keyless, hasPage }: OwnFacts,
): string {
  if (!type.startsWith('text/html')) return text.replaceAll(writtenBase, () => base);
  const mark = 'data-fill="base">';
  let html = text.replaceAll(`${mark}${writtenBase}<`, () => `${mark}${escapeHtml(base)}<`);
  if (keyless) html = html.replace('<html lang="en"', () => '<html lang="en" data-keyless');
  if (!hasPage) html = html.replace('<a class="to-page" href="/">Playground</a>', '');
  return html;
}
