import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { writeSmallDocs } from '../docs/testing/small-docs.ts';
import { docsCommand } from './docs-command.ts';

const small = writeSmallDocs();
afterAll(() => small.remove());

function emptyFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tailrace-export-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function run(cwd: string, args: readonly string[], folders: readonly string[] = [small.folder]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const status = await docsCommand(args, { env: {}, cwd, stdout, stderr }, folders);
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted();

test('writes each page as a file, whose links are relative and name files that exist', async () => {
  const cwd = emptyFolder();
  const { status, err } = await run(cwd, ['export', 'site']);
  expect([status, err]).toEqual([0, 'tailrace: 10 files written to site\n']);
  const folder = path.join(cwd, 'site');
  expect(filesIn(folder)).toEqual([
    ...[
      '404.html',
      'assets/a-1.js',
      'errors/lost.html',
      'errors/lost.md',
      'index.html',
      'index.md',
      'keys.html',
    ],
    ...['keys.md', 'llms-full.txt', 'llms.txt', 'tailrace-docs.json'],
  ]);
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  expect(read('index.html')).toContain('<a href="keys.html">Keys</a>');
  const lost = read('errors/lost.html');
  expect(lost).toContain('<a href="../keys.html#limits">Limits</a>');
  expect(lost).toContain('<html lang="en" data-is-static data-docs=".." data-passages="../assets/p-1.json">');
  expect(lost).toContain('href="../assets/a-1.css"');
  for (const file of filesIn(folder).filter((name) => name.endsWith('.html'))) {
    expect(read(file)).not.toMatch(/(href|src|action)="\/|Playground|here -->/);
    for (const [, link = ''] of read(file).matchAll(/<a href="([^"#]+)/g))
      expect(existsSync(path.join(folder, path.dirname(file), link))).toBe(true);
  }
  expect(read('llms.txt')).toContain('[Keys](keys.md)');
  expect(read('llms.txt')).not.toContain('ask=');
  expect(read('llms-full.txt')).toContain('<!-- keys.html -->');
});

test('with the address of the site it has a site map, and each page its whole address', async () => {
  const folder = emptyFolder();
  await run(folder, ['export', '.', '--url', 'https://docs.example.org/tailrace/']);
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  expect(Array.from(read('sitemap.xml').matchAll(/<loc>(.*)<\/loc>/g), ([, place]) => place)).toEqual([
    'https://docs.example.org/tailrace/',
    'https://docs.example.org/tailrace/keys.html',
    'https://docs.example.org/tailrace/errors/lost.html',
  ]);
  expect(read('keys.html')).toContain('<html lang="en"');
  expect(read('404.html')).toContain('href="https://docs.example.org/tailrace/assets/a-1.css"');
  expect(read('llms.txt')).toContain('(https://docs.example.org/tailrace/keys.md)');
});

test('replaces an export, with the pages that are gone, and nothing else', async () => {
  const folder = emptyFolder();
  await run(folder, ['export', '.']);
  const list = JSON.parse(readFileSync(path.join(folder, 'tailrace-docs.json'), 'utf8')) as string[];
  const outside = path.join(folder, '..', `${path.basename(folder)}-outside`);
  writeFileSync(outside, 'mine');
  onTestFinished(() => rmSync(outside, { force: true }));
  writeFileSync(path.join(folder, 'gone.html'), 'old');
  writeFileSync(path.join(folder, 'CNAME'), 'mine');
  const more = [...list, 'gone.html', `../${path.basename(outside)}`, '.', 17];
  writeFileSync(path.join(folder, 'tailrace-docs.json'), JSON.stringify(more));
  expect((await run(folder, ['export', '.'])).status).toBe(0);
  expect(filesIn(folder)).not.toContain('gone.html');
  expect(filesIn(folder)).toContain('CNAME');
  expect(existsSync(outside)).toBe(true);
});

test.each([
  ['a file of somebody', 'notes.txt', 'mine'],
  ['a list that no export has written', 'tailrace-docs.json', '{}'],
  ['a list that is no JSON', 'tailrace-docs.json', 'mine'],
])('refuses a folder with %s, and leaves it as it is', async (_what, name, text) => {
  const folder = emptyFolder();
  mkdirSync(path.join(folder, 'site'));
  writeFileSync(path.join(folder, 'site', name), text);
  const { status, err } = await run(folder, ['export', 'site']);
  expect([status, err]).toEqual([1, expect.stringContaining('site has files that are no export')]);
  expect(filesIn(folder)).toEqual([`site/${name}`]);
});

test.each([
  [['export'], 2, 'needs a folder'],
  [['export', 'a', 'b'], 2, 'unexpected "b"'],
  [['exprot', 'a'], 2, 'did you mean'],
  [[], 2, 'needs a command'],
  [['export', 'a', '--url', 'docs.example.org'], 2, '--url takes an address'],
  [['export', 'a', '--url', 'https://a.b/?c'], 2, '--url takes an address'],
  [['export', 'file/below'], 1, 'file/below'],
])('tailrace docs %j ends with %i and says why', async (args, status, words) => {
  const folder = emptyFolder();
  writeFileSync(path.join(folder, 'file'), '');
  const ended = await run(folder, args);
  expect([ended.status, ended.err]).toEqual([status, expect.stringContaining(words)]);
});

test('says so where the docs are not built', async () => {
  const { status, err } = await run(emptyFolder(), ['export', 'a'], []);
  expect([status, err]).toEqual([1, expect.stringContaining('not built')]);
});

test('has a help', async () => {
  const { status, out } = await run(emptyFolder(), ['--help']);
  expect([status, out]).toEqual([0, expect.stringContaining('Usage: tailrace docs export DIR')]);
});
