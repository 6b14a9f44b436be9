import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findPages, readContents } from './contents.ts';

const docs = path.join(import.meta.dirname, '../../../docs');

describe('docs/contents.json', () => {
  const listed = readContents(docs).flatMap(({ pages }) => pages);

  it('lists every page of docs/, and only such', () => {
    expect(listed.toSorted()).toEqual(findPages(docs));
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

  it.each(['{}', '[1]', '[{"group": "A"}]', '[{"group": "A", "pages": [1]}]', '[{"group": "", "pages": []}]'])(
    'with the contents %s is refused',
    (contents) => {
      expect(() => readContents(folderWith({ 'contents.json': contents }))).toThrow('contents.json');
    },
  );
});
