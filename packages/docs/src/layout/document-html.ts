import { escapeHtml } from '../html.ts';
import type { Site } from './site.ts';

export interface DocumentParts {
  /** Of the page that is shown; empty for the first page, undefined for one that is no page of the site. */
  readonly slug: string | undefined;
  readonly title: string;
  readonly description: string;
  /** HTML. */
  readonly content: string;
  /** HTML beside the content. */
  readonly aside?: string;
}

/** A whole document: the bar, the navigation, and the content. */
export function documentHtml(site: Site, parts: DocumentParts): string {
  const { slug, title, description, content, aside = '' } = parts;
  const { styles, theme, script, icon, passages } = site.assets;
  const name = slug === '' ? 'Tailrace docs' : `${title} · Tailrace docs`;
  const markdown =
    slug === undefined ? '' : `<link rel="alternate" type="text/markdown" href="${markdownPath(slug)}">\n`;
  return `<!doctype html>
<html lang="en" data-docs="/docs" data-passages="${passages}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(name)}</title>
<meta name="description" content="${escapeHtml(description.slice(0, 300))}">
${markdown}<link rel="icon" type="image/svg+xml" href="${icon}">
<link rel="stylesheet" href="${styles}">
<script src="${theme}"></script>
<script type="module" src="${script}"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<a class="brand" href="/docs"><img src="${icon}" alt="" width="20" height="20">Tailrace <span>docs</span></a>
<search><form action="/docs" method="get"><label class="unseen" for="ask">Search the docs</label><input id="ask" name="ask" type="search" placeholder="Search, or ask a question" autocomplete="off" maxlength="400"><kbd aria-hidden="true" hidden>/</kbd></form></search>
<div class="apart"><label class="model-pick" hidden><span>Model</span><select id="model"></select></label><a class="to-page" href="/">Playground</a><button type="button" class="quiet" id="scheme" hidden>Theme</button></div>
<a class="menu-open" href="#pages">Menu</a>
</header>
<div class="frame">
<nav id="pages" class="pages" aria-label="Pages"><a class="menu-close" href="#content">Close</a>${navigationHtml(site, slug)}</nav>
<main id="content" tabindex="-1">
${content}
</main>
<aside class="beside">${aside}</aside>
</div>
</body>
</html>
`;
}

/** The address of the Markdown of a page; the first page is `index`. */
export function markdownPath(slug: string): string {
  return `/docs/${slug === '' ? 'index' : escapeHtml(slug)}.md`;
}

function navigationHtml({ groups }: Site, slug: string | undefined): string {
  const first = `<ul><li><a href="/docs"${slug === '' ? ' aria-current="page"' : ''}>Overview</a></li></ul>`;
  const lists = groups.map(({ group, folded, pages }) => {
    const links = pages.map((page) => {
      const current = page.slug === slug ? ' aria-current="page"' : '';
      return `<li><a href="/docs/${escapeHtml(page.slug)}"${current}>${escapeHtml(page.title)}</a></li>`;
    });
    const list = `<ul>${links.join('')}</ul>`;
    if (!folded) return `<h2>${escapeHtml(group)}</h2>${list}`;
    const open = pages.some((page) => page.slug === slug) ? ' open' : '';
    return `<details${open}><summary><h2>${escapeHtml(group)}</h2></summary>${list}</details>`;
  });
  return first + lists.join('');
}
