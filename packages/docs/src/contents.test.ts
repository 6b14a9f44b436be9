import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findPages, readContents, slugOf } from './contents.ts';

const docs = path.join(import.meta.dirname, '../../../docs');

describe('docs/contents.json', () => {
  const listed = readContents(docs).flatMap(({ pages }) => pages);

  it('lists every page of docs/, and beside them only pages that exist', () => {
    const [others, own] = [true, false].map((outside) =>
      listed.filter((page) => page.startsWith('../') === outside),
    );
    expect(own?.toSorted()).toEqual(findPages(docs));
    expect(others?.filter((page) => !existsSync(path.join(docs, page)))).toEqual([]);
  });

  it('gives each page a path of its own', () => {
    const slugs = listed.map(slugOf);
    expect(slugs).toContain('client');
    expect(new Set(slugs).size).toBe(slugs.length);
  });

  it('lists no page twice', () => {
    expect(listed.filter((page, at) => listed.indexOf(page) !== at)).toEqual([]);
  });
});

describe('a folder of docs', () => {
  function folderWith(files: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'tailrace-docs-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return folder;
  }

  it('has pages in folders too, but no decisions', () => {
    const folder = folderWith({ 'keys.md': '', 'errors/a.md': '', 'decisions/0001-a.md': '', 'b.txt': '' });
    expect(findPages(folder)).toEqual(['errors/a.md', 'keys.md']);
  });

  it.each([
    '{}',
    '[1]',
    '[{"group": "A"}]',
    '[{"group": "A", "pages": [1]}]',
    '[{"group": "", "pages": []}]',
    '[{"group": "A", "folded": 1, "pages": []}]',
  ])('with the contents %s is refused', (contents) => {
    expect(() => readContents(folderWith({ 'contents.json': contents }))).toThrow('contents.json');
  });
});
