import { escapeFilled, escapeHtml } from '../html.ts';
import type { DocPage } from '../reading/doc-page.ts';
import { documentHtml } from './document-html.ts';
import type { Site } from './site.ts';

/** The first page: `index.md`, with the first group before its questions, and below it all pages. Those of the first group say what they are; of the others there are too many. */
export function homeHtml(site: Site, home: DocPage): string {
  const [first, ...others] = site.groups;
  const cards = first?.pages.map(
    ({ slug, title, description }) =>
      `<li><a href="/docs/${escapeHtml(slug)}">${escapeHtml(title)}</a><p>${escapeFilled(shortened(description))}</p></li>`,
  );
  const lists = others.map(({ group, folded, pages }) => {
    const links = pages.map(
      ({ slug, title }) => `<li><a href="/docs/${escapeHtml(slug)}">${escapeHtml(title)}</a></li>`,
    );
    const list = `<ul>${links.join('')}</ul>`;
    const heading = `<h2>${escapeHtml(group)}</h2>`;
    if (folded)
      return `<details><summary>${heading} <span>${pages.length} pages</span></summary>${list}</details>`;
    return `<section>${heading}${list}</section>`;
  });
  const [beginning = ''] = home.html.split('<h2', 1);
  const questions = home.html.slice(beginning.length);
  const content = `<article class="markdown home"><header class="page-head"><h1>${escapeHtml(home.title)}</h1></header>
${beginning}
<section class="first"><h2>${escapeHtml(first?.group ?? '')}</h2><ul class="cards">${cards?.join('') ?? ''}</ul></section>
<section class="asked">${questions}</section>
<div class="groups">${lists.join('\n')}</div>
<p class="for-programs">For programs: <a href="/llms.txt">llms.txt</a> and <a href="/llms-full.txt">llms-full.txt</a>, each page as Markdown (<code>.md</code> behind its address)<!-- live -->, and <a href="/docs?ask=How+do+I+stop+a+stream%3F"><code>?ask=QUESTION</code></a> on any page, which quotes the passages that answer it<!-- /live -->.</p>
</article>`;
  return documentHtml(site, { slug: '', title: home.title, description: home.description, content });
}

/** Whole sentences, as far as they fit. */
export function shortened(text: string): string {
  const most = 190;
  if (text.length <= most) return text;
  const end = text.lastIndexOf('. ', most);
  return end > 30 ? text.slice(0, end + 1) : `${text.slice(0, text.lastIndexOf(' ', most))} …`;
}
