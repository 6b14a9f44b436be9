import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { plainCode } from '../code/code-colours.ts';
import { readSite } from '../read-site.ts';
import { homeHtml } from './home-html.ts';
import { llmsFullText, llmsText } from './llms-text.ts';
import { pageHtml } from './page-html.ts';
import { answerShell, notFoundShell } from './shells.ts';
import type { Site } from './site.ts';

const assets = {
  styles: '/docs/s',
  theme: '/docs/t',
  script: '/docs/j',
  icon: '/docs/i',
  passages: '/docs/p',
};

describe('the documents of all pages', () => {
  const documents = new Map<string, string>();
  let site: Site;
  let overview: string;
  beforeAll(async () => {
    const { home, ...read } = await readSite(path.join(import.meta.dirname, '../../../../docs'), plainCode);
    site = { ...read, assets };
    overview = llmsText(site, home);
    documents.set('/docs', homeHtml(site, home));
    for (const page of site.pages) documents.set(`/docs/${page.slug}`, pageHtml(site, page));
    documents.set('not found', notFoundShell(site)).set('answer', answerShell(site));
  });

  it('have only links to pages and headings that exist', () => {
    const ids = new Map(
      [...documents].map(([address, html]) => [
        address,
        new Set(Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id]) => id)),
      ]),
    );
    const others = /^\/(docs\/(images\/.*|.*\.md|[stjip])|llms(-full)?\.txt|)$/;
    const broken = [...documents].flatMap(([address, html]) =>
      Array.from(html.matchAll(/ (?:href|src|action)="([^"]*)"/g), ([, link = '']) => link).filter((link) => {
        const [to = '', anchor] = link.split(/[?#]/);
        if (/^https?:/.test(link) || others.test(to)) return false;
        const target = ids.get(to === '' ? address : to);
        return target === undefined || (link.includes('#') && !target.has(anchor));
      }),
    );
    expect(broken).toEqual([]);
  });

  it('have each id once, one title, and what is said of them', () => {
    for (const [address, html] of documents) {
      const ids = Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id]) => id);
      expect(
        ids.filter((id, at) => ids.indexOf(id) !== at),
        address,
      ).toEqual([]);
      expect(html.match(/<h1>/g), address).toHaveLength(1);
      expect(html, address).toMatch(/<meta name="description" content="[^"]{20,}">/);
    }
  });

  it('load nothing from elsewhere and have no code or styles inside: their policy would refuse both', () => {
    for (const [address, html] of documents) {
      expect(html.match(/<style|<script(?! src="\/| type="module" src="\/)/g), address).toBeNull();
      // In a tag: examples show attributes too, escaped.
      expect(html.match(/<[a-z][^<>]* (style|on\w+)=/gi), address).toBeNull();
      expect(html.match(/<(img|link|script)[^>]*(src|href)="(?!\/)/g), address).toBeNull();
    }
  });

  it('lead from each page to the one before and the one behind', () => {
    site.pages.forEach(({ slug }, at) => {
      const html = documents.get(`/docs/${slug}`) ?? '';
      const to = (rel: string): string | undefined =>
        new RegExp(`rel="${rel}" href="/docs/([^"]*)"`).exec(html)?.[1];
      expect([to('prev'), to('next')]).toEqual([site.pages[at - 1]?.slug, site.pages[at + 1]?.slug]);
    });
  });

  it('are all in llms.txt, and whole in llms-full.txt', () => {
    const full = llmsFullText(site);
    for (const { slug, title, markdown } of site.pages) {
      expect(overview).toContain(`- [${title}](http://127.0.0.1:7245/docs/${slug}.md): `);
      expect(full).toContain(markdown.trim());
    }
  });
});
