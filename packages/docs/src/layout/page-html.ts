import { escapeHtml } from '../html.ts';
import type { DocPage, Heading } from '../reading/doc-page.ts';
import { documentHtml } from './document-html.ts';
import type { Site } from './site.ts';

/** A page of the docs as a document. */
export function pageHtml(site: Site, page: DocPage): string {
  const { slug, title, description, headings, html } = page;
  const group = site.groups.find((one) => one.pages.includes(page))?.group ?? '';
  const content = `<article class="markdown">
<p class="group-name">${escapeHtml(group)}</p>
<header class="page-head"><h1>${escapeHtml(title)}</h1><a class="as-markdown" href="/docs/${escapeHtml(slug)}.md">Markdown</a></header>
${tocHtml(headings, 'narrow')}${html}</article>
${neighboursHtml(site, page)}`;
  return documentHtml(site, {
    ...{ slug, title, description, content },
    aside: tocHtml(headings, 'beside'),
  });
}

/** The headings of the page. They stand beside it, and above it where there is no room. */
function tocHtml(headings: readonly Heading[], place: 'narrow' | 'beside'): string {
  if (headings.length < 2) return '';
  const links = headings
    .map(
      ({ level, anchor, text }) =>
        `<li class="level-${level}"><a href="#${escapeHtml(anchor)}">${escapeHtml(text)}</a></li>`,
    )
    .join('');
  const list = `<ul>${links}</ul>`;
  if (place === 'narrow')
    return `<details class="toc-narrow"><summary>On this page</summary>${list}</details>`;
  return `<nav class="toc" aria-label="On this page"><h2>On this page</h2>${list}</nav>`;
}

function neighboursHtml({ pages }: Site, page: DocPage): string {
  const at = pages.indexOf(page);
  const link = (to: DocPage | undefined, rel: 'prev' | 'next'): string =>
    to === undefined
      ? ''
      : `<a rel="${rel}" href="/docs/${escapeHtml(to.slug)}"><span>${rel === 'prev' ? 'Previous' : 'Next'}</span> ${escapeHtml(to.title)}</a>`;
  return `<nav class="neighbours" aria-label="Previous and next page">${link(pages[at - 1], 'prev')}${link(pages[at + 1], 'next')}</nav>`;
}
