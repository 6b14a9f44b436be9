import { documentHtml } from './document-html.ts';
import type { Site } from './site.ts';

/** Where the server puts what it has found. */
export const shellMark = '<!-- here -->';

/** The document of an unknown address. */
export function notFoundShell(site: Site): string {
  return documentHtml(site, {
    slug: undefined,
    title: 'No such page',
    description: 'There is no page at this address.',
    content: `<article class="markdown"><header class="page-head"><h1>No such page</h1></header>
<p>There is no page of the docs at this address.</p>
${shellMark}
<p>The <a href="/docs">overview</a> lists all pages; the field at the top searches in them.</p></article>`,
  });
}

/** The document of an answer to `?ask=` in a browser. */
export function answerShell(site: Site): string {
  return documentHtml(site, {
    slug: undefined,
    title: 'Passages',
    description: 'Passages of the docs that fit a question.',
    content: `<article class="markdown answer"><header class="page-head"><h1>Passages that fit</h1></header>
${shellMark}</article>`,
  });
}
