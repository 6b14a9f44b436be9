import path from 'node:path';
import { slugOf } from '../contents.ts';

/** Where a link of a page leads. */
export type LinkTarget =
  /** A page of the site, or a heading of it; `slug` of the page itself where the link has an anchor only. */
  | { readonly type: 'page'; readonly slug: string; readonly anchor: string }
  | { readonly type: 'image'; readonly name: string }
  /** Another site. */
  | { readonly type: 'elsewhere'; readonly url: string }
  /** A file of the repository that is no page: the site does not have it. */
  | { readonly type: 'none' };

/** Finds where the links of a page lead. `file`: the page, below the folder of the docs; `pages`: all of them. */
export function createLinks(file: string, pages: readonly string[]): (written: string) => LinkTarget {
  return (written) => {
    if (/^[a-z]+:/i.test(written)) return { type: 'elsewhere', url: written };
    const [to = '', anchor = ''] = written.split('#');
    const target = to === '' ? file : path.posix.join(path.posix.dirname(file), to);
    if (pages.includes(target)) return { type: 'page', slug: slugOf(target), anchor };
    const [folder, name] = target.split('/');
    return folder === 'images' && name !== undefined ? { type: 'image', name } : { type: 'none' };
  };
}

/** The Markdown with other targets in its links, but for those in code. Where `target` gives none, only the text of the link stays. */
export function withLinks(markdown: string, target: (written: string) => string | undefined): string {
  const parts = markdown.split(/^(```.*?^```|~~~.*?^~~~)/gms);
  return parts
    .map((part, at) =>
      at % 2 === 1
        ? part
        : part.replaceAll(
            /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g,
            (_all, sign: string, text: string, written: string) => {
              const to = target(written);
              return to === undefined ? text : `${sign}[${text}](${to})`;
            },
          ),
    )
    .join('');
}
