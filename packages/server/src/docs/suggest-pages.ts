import { nearest } from '../domain/nearest.ts';
import type { ListedPage } from './built-docs.ts';

const most = 5;

/** The pages that a wrong path may mean: similar in spelling first, then those that have one of its words in their path or title. */
export function suggestPages(path: string, pages: readonly ListedPage[]): readonly ListedPage[] {
  const asked = plain(path);
  const close = nearest(
    asked,
    pages.map(({ slug }) => slug),
  );
  const words = asked.split(/[^a-z0-9]+/).filter((word) => word.length > 2);
  const withWord = pages
    .map((page) => {
      const text = `${page.slug} ${page.title}`.toLowerCase();
      return { page, count: words.filter((word) => text.includes(word.replace(/s$/, ''))).length };
    })
    .filter(({ count }) => count > 0)
    .toSorted((one, other) => other.count - one.count)
    .map(({ page }) => page);
  return [...new Set([...pages.filter(({ slug }) => slug === close), ...withWord])].slice(0, most);
}

function plain(path: string): string {
  return path
    .slice(0, 200)
    .replace(/^\/docs\/*/, '')
    .replace(/\.(html?|mdx?)$/, '')
    .replace(/\/+$/, '')
    .toLowerCase();
}
