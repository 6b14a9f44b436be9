import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One group of the navigation. */
export interface ContentsGroup {
  readonly group: string;
  /** The navigation shows its pages only to whom opens it, or reads one of them. */
  readonly folded?: boolean;
  /** Files below the folder of the docs, with `/` in them, in the order in which they are read. */
  readonly pages: readonly string[];
}

/** No pages of the navigation: the first page, and decisions, which are for those who change the code. */
const notPages = ['index.md', 'decisions/**', 'images/**'];

/** `contents.json` of a folder of docs: what stands in the navigation, and in which order. Throws where it has another form. */
export function readContents(folder: string): readonly ContentsGroup[] {
  const contents: unknown = JSON.parse(readFileSync(path.join(folder, 'contents.json'), 'utf8'));
  if (!Array.isArray(contents)) throw new Error('contents.json is not a list of groups');
  return contents.map((one: unknown) => {
    if (!isGroup(one))
      throw new Error(
        `contents.json: no group {"group", "folded"?, "pages"}: ${JSON.stringify(one).slice(0, 200)}`,
      );
    return one;
  });
}

function isGroup(value: unknown): value is ContentsGroup {
  if (typeof value !== 'object' || value === null) return false;
  const { group, folded = false, pages, ...others } = value as Record<string, unknown>;
  if (typeof group !== 'string' || group === '' || Object.keys(others).length > 0) return false;
  if (typeof folded !== 'boolean') return false;
  return Array.isArray(pages) && pages.every((page) => typeof page === 'string');
}

/** The pages that lie in a folder of docs, in the order of their names. */
export function findPages(folder: string): readonly string[] {
  return globSync('**/*.md', { cwd: folder, exclude: notPages })
    .map((file) => file.replaceAll(path.sep, '/'))
    .toSorted();
}

/** The path of a page below `/docs/`: `keys.md` → `keys`, the README of a package → the name of its folder. */
export function slugOf(file: string): string {
  const plain = file.replace(/^(\.\.\/)+/, '').replace(/\.md$/, '');
  return plain.endsWith('/README') ? path.basename(path.dirname(plain)) : plain;
}
