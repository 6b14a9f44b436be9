import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../run.ts';

const pages = globSync(
  ['*.md', 'docs/**/*.md', 'bench/*/README.md', 'packages/*/README.md', 'python/README.md'],
  { cwd: root },
);

/** The text of a page without its blocks of code. */
function proseOf(page: string): string {
  return readFileSync(path.join(root, page), 'utf8').replaceAll(/^```.*?^```/gms, '');
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  return new Set(
    Array.from(proseOf(page).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

interface Link {
  /** As it is written. */
  readonly written: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly anchor: string;
}

function linksOf(page: string): readonly Link[] {
  return Array.from(proseOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, written = '']) => written)
    .filter((written) => !/^[a-z]+:/.test(written))
    .map((written) => {
      const [file = '', anchor = ''] = written.split('#');
      return { written, anchor, file: file === '' ? page : path.join(path.dirname(page), file) };
    });
}

function isBroken({ file, anchor }: Link): boolean {
  if (!existsSync(path.join(root, file))) return true;
  return anchor !== '' && !anchorsOf(file).has(anchor);
}

describe('the pages', () => {
  it.each(pages)('%s has only links to files and headings that exist', (page) => {
    const broken = linksOf(page).filter(isBroken);
    expect(broken.map(({ written }) => written)).toEqual([]);
  });

  it('are all linked from README.md, or from a page that it links', () => {
    const first = linksOf('README.md').map(({ file }) => file);
    const known = first.filter((file) => pages.includes(file));
    const linked = new Set([...first, ...known.flatMap((page) => linksOf(page).map(({ file }) => file))]);
    const ofReaders = pages.filter(
      (page) => page !== 'README.md' && !/^(docs\/decisions|bench)\//.test(page),
    );
    expect(ofReaders.length).toBeGreaterThan(15);
    expect(ofReaders.filter((page) => !linked.has(page))).toEqual([]);
  });
});

describe('ARCHITECTURE.md', () => {
  const sources = globSync(['**/*.{ts,cjs}', '.*.cjs'], {
    cwd: root,
    exclude: ['**/node_modules/**', '.tools/**'],
  });
  /** Files that do not exist yet: the page says where they would stand. */
  const planned = ['wire/responses/surface.ts'];

  it('names only files of the code that exist', () => {
    const text = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');
    const named = Array.from(text.matchAll(/`([\w./-]+\.c?[tj]s)`/g), ([, file = '']) => file);
    expect(named.length).toBeGreaterThan(80);
    const missing = named.filter((file) => !sources.some((source) => `/${source}`.endsWith(`/${file}`)));
    expect(missing.filter((file) => !planned.includes(file))).toEqual([]);
  });
});
