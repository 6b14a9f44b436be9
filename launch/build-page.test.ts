import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const launcher = fileURLToPath(new URL('./', import.meta.url));
let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'tailrace-build-'));
  mkdirSync(path.join(root, 'launch'));
  for (const name of readdirSync(launcher).filter((file) => file.endsWith('.cjs'))) {
    cpSync(path.join(launcher, name), path.join(root, 'launch', name));
  }
  for (const folder of ['docs', 'packages/docs', 'packages/client', 'packages/protocol/src', 'python'])
    mkdirSync(path.join(root, folder), { recursive: true });
  for (const folder of ['api', 'code-text', 'styles'])
    mkdirSync(path.join(root, 'packages/playground/src', folder), { recursive: true });
  for (const file of ['packages/client/README.md', 'python/README.md', 'docs/keys.md'])
    writeFileSync(path.join(root, file), '');
  writeFileSync(path.join(root, 'package-lock.json'), '{}');
  writeBuild('builds.length');
  writeBuild('builds.length', 'docs');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A build that writes what `what` says, and notes each run. */
function writeBuild(what: string, name: 'page' | 'docs' = 'page'): void {
  const file = name === 'page' ? 'packages/playground/build-page.ts' : 'packages/docs/build-docs.ts';
  writeFileSync(
    path.join(root, file),
    `import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const notes: string = ${JSON.stringify(path.join(root, `builds-of-${name}`))};
appendFileSync(notes, 'x');
const builds = readFileSync(notes, 'utf8');
mkdirSync(process.argv[2]!, { recursive: true });
writeFileSync(process.argv[2] + '/files.json', String(${what}));
`,
  );
}

/** What a start of the launcher does for the page; returns what it says. */
function start(): string {
  const file = JSON.stringify(path.join(root, 'launch/build-page.cjs'));
  const script = `require(${file}).buildPage(process.execPath)`;
  const { stderr, status } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  expect(status).toBe(0);
  return stderr;
}

const page = (name = 'page') => readFileSync(path.join(root, `.tools/${name}/files.json`), 'utf8');

test('the first start builds the page and says so, the next one finds it', () => {
  expect(start()).toContain('building the page');
  expect(start()).toBe('');
  expect(page()).toBe('1');
});

test('a source that has changed is built again, in the place of the page before', () => {
  start();
  writeFileSync(path.join(root, 'packages/playground/other.css'), '');
  start();
  expect(page()).toBe('2');
});

test.each(['docs/errors/new.md', 'python/README.md'])(
  'the docs are built again when %s has changed',
  (file) => {
    start();
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, file), 'changed');
    const later = Date.now() / 1_000 + 5;
    utimesSync(path.join(root, file), later, later);
    start();
    expect(page('docs')).toBe('2');
    start();
    expect(page('docs')).toBe('2');
  },
);

test('a page that was deleted is built again', () => {
  start();
  rmSync(path.join(root, '.tools/page'), { recursive: true });
  start();
  expect(page()).toBe('2');
});

test('a build that fails leaves the page before, a line that says what shows the reason, and the next start tries again', () => {
  start();
  writeBuild('(() => { throw new Error("a mistake"); })()');
  expect(start()).toContain('could not be built');
  expect(page()).toBe('1');
  expect(existsSync(path.join(root, '.tools/page.new'))).toBe(false);
  expect(start()).toContain('could not be built');
});
