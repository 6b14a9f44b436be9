import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The pages whose blocks of code are checked here. Those of the packages' READMEs are run by tests of the packages: `readme.test.ts`
 * beside the code, and `python/tests/test_real_server.py`.
 */
export const pages = globSync(['README.md', 'docs/**/*.md'], { cwd: root })
  .filter((page) => !page.startsWith('docs/decisions/'))
  .toSorted();

/** A fence of a page: ```` ```LANGUAGE key=value key="some words" ````. CONTRIBUTING.md explains the keys. */
export interface CodeBlock {
  readonly page: string;
  /** Of its fence, from 1. */
  readonly line: number;
  /** In lower case; empty where the fence names none. */
  readonly language: string;
  readonly keys: ReadonlyMap<string, string>;
  readonly code: string;
}

/** What `<!-- test: key=value … -->` of a page says of all its blocks. */
export interface PageSettings {
  /** The model of this id answers in the place of `default`. */
  readonly model?: string;
  /** The programs of the page have a server of their own: `servers/NAME.yaml`. */
  readonly server?: string;
}

export interface Page {
  readonly name: string;
  readonly settings: PageSettings;
  readonly blocks: readonly CodeBlock[];
}

export const blockKeys = [
  'tab',
  'title',
  'norun',
  'by',
  'test',
  'file',
  'after',
  'output',
  'exit',
  'serves',
] as const;

export function readPage(name: string): Page {
  return readBlocks(name, readFileSync(path.join(root, name), 'utf8'));
}

export function readBlocks(name: string, text: string): Page {
  const lines = text.split('\n');
  const blocks: CodeBlock[] = [];
  const settings = new Map<string, string>();
  for (let index = 0; index < lines.length; index += 1) {
    const [, indent = '', fence, info = ''] =
      /^(\s*(?:[-*+]\s+|\d+\.\s+)?)(`{3,}|~{3,})(.*)$/.exec(lines[index] ?? '') ?? [];
    if (fence === undefined) {
      const [, comment] = /^<!-- test: (.*) -->$/.exec(lines[index] ?? '') ?? [];
      for (const [key, value] of comment === undefined ? [] : readKeys(comment)) settings.set(key, value);
      continue;
    }
    const from = index + 1;
    do index += 1;
    while (index < lines.length && lines[index]?.trim() !== fence);
    const [language = '', ...rest] = info.trim().split(' ');
    blocks.push({
      page: name,
      line: from,
      language: language.toLowerCase(),
      keys: readKeys(rest.join(' ')),
      code: `${lines
        .slice(from, index)
        .map((line) => line.replace(new RegExp(`^\\s{0,${indent.length}}`), ''))
        .join('\n')}\n`,
    });
  }
  return { name, settings: Object.fromEntries(settings), blocks };
}

/** `key=value key="several words"`. What is no such pair is a key without a value, which no check knows. */
function readKeys(text: string): ReadonlyMap<string, string> {
  return new Map(
    Array.from(text.matchAll(/([^\s=]+)(?:=(?:"([^"]*)"|(\S*)))?/g), ([, key = '', quoted, bare = '']) => [
      key,
      quoted ?? bare,
    ]),
  );
}

/** As an editor opens it. */
export function placeOf({ page, line }: CodeBlock): string {
  return `${page}:${line}`;
}

/** The code of a block behind that of the block which it continues. */
export function wholeCode(block: CodeBlock, page: Page): string {
  if (block.keys.get('after') !== 'above') return block.code;
  const above = page.blocks
    .slice(0, page.blocks.indexOf(block))
    .findLast(
      (other) => other.language === block.language && other.keys.get('tab') === block.keys.get('tab'),
    );
  return above === undefined ? block.code : `${wholeCode(above, page)}\n${block.code}`;
}
