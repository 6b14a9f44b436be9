import { escapeFilled, escapeHtml } from '../html.ts';
import type { DocPage } from '../reading/doc-page.ts';
import { documentHtml } from './document-html.ts';
import type { Site } from './site.ts';

/** The first page: `index.md`, and below it all pages with what they say. */
export function homeHtml(site: Site, home: DocPage): string {
  const groups = site.groups.map(({ group, folded, pages }) => {
    const items = pages.map(
      ({ slug, title, description }) =>
        `<li><a href="/docs/${escapeHtml(slug)}">${escapeHtml(title)}</a><p>${escapeFilled(shortened(description))}</p></li>`,
    );
    const cards = `<ul class="cards">${items.join('')}</ul>`;
    if (folded)
      return `<details class="group"><summary><h2>${escapeHtml(group)}</h2></summary>${cards}</details>`;
    return `<section><h2>${escapeHtml(group)}</h2>${cards}</section>`;
  });
  const content = `<article class="markdown home"><header class="page-head"><h1>${escapeHtml(home.title)}</h1></header>
${home.html}
${groups.join('\n')}
<p class="for-programs">For programs: <a href="/llms.txt">llms.txt</a> and <a href="/llms-full.txt">llms-full.txt</a>, each page as Markdown (<code>.md</code> behind its address)<!-- live -->, and <a href="/docs?ask=How+do+I+stop+a+stream%3F"><code>?ask=QUESTION</code></a> on any page, which quotes the passages that answer it<!-- /live -->.</p>
</article>`;
  return documentHtml(site, { slug: '', title: home.title, description: home.description, content });
}

/** Whole sentences, as far as they fit. */
export function shortened(text: string): string {
  const most = 190;
  if (text.length <= most) return text;
  const end = text.lastIndexOf('. ', most);
  return end > 60 ? text.slice(0, end + 1) : `${text.slice(0, text.lastIndexOf(' ', most))} …`;
}
