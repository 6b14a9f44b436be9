import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadedLater } from './compile-sources.cjs';

const launcher = fileURLToPath(new URL('./', import.meta.url));
let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'tailrace-launch-'));
  mkdirSync(path.join(root, 'launch'));
  for (const name of readdirSync(launcher).filter((file) => file.endsWith('.cjs'))) {
    cpSync(path.join(launcher, name), path.join(root, 'launch', name));
  }
  for (const name of ['server', 'protocol'])
    mkdirSync(path.join(root, 'packages', name, 'src'), { recursive: true });
  for (const file of loadedLater) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), 'export {};\n');
  }
  writeMain('');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const mainFile = () => path.join(root, 'packages/server/src/main.ts');

/** The main file of a server that notes each run. */
function writeMain(more: string): void {
  writeFileSync(
    mainFile(),
    `import { appendFileSync } from 'node:fs';
const given: string[] = process.argv.slice(2);
appendFileSync(${JSON.stringify(path.join(root, 'runs'))}, given.join(' ') + '\\n');
${more}`,
  );
}

const runs = () => (existsSync(path.join(root, 'runs')) ? readFileSync(path.join(root, 'runs'), 'utf8') : '');

const script = () => `
  const { compileSources, nameCompileCache } = require(${JSON.stringify(path.join(root, 'launch/compile-sources.cjs'))});
  nameCompileCache();
  compileSources(process.execPath, [], ${JSON.stringify(mainFile())}).then(() => console.log('may start'));`;

const { NODE_COMPILE_CACHE: _cache, ...ownEnv } = process.env;

/** What a start of the launcher does before it starts the server; returns what it prints. */
function start(env: NodeJS.ProcessEnv = {}): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script()], {
    env: { ...ownEnv, ...env },
    encoding: 'utf8',
  });
  return stdout + stderr;
}

test('the first start fills the cache, and the next one finds it filled', () => {
  expect(start()).toBe('may start\n');
  expect(runs()).toBe('serve --help\n');
  expect(readdirSync(path.join(root, '.tools/compiled'))).toHaveLength(1);
  expect(start()).toBe('may start\n');
  expect(runs()).toBe('serve --help\n');
});

test('it is filled again when a source has changed, and when the cache is gone', () => {
  start();
  writeMain('// changed');
  start();
  expect(runs()).toBe('serve --help\n'.repeat(2));
  rmSync(path.join(root, '.tools/compiled'), { recursive: true });
  start();
  expect(runs()).toBe('serve --help\n'.repeat(3));
});

test('a link that leads nowhere, as editors leave it beside an open file, is no source', () => {
  start();
  symlinkSync('nowhere', path.join(root, 'packages/server/src/.#main.ts'));
  expect(start()).toBe('may start\n');
  expect(runs()).toBe('serve --help\n');
});

test('it is not filled where the user has another cache or none, or where it cannot be kept', () => {
  expect(start({ NODE_COMPILE_CACHE: path.join(root, 'own') })).toBe('may start\n');
  expect(start({ NODE_DISABLE_COMPILE_CACHE: '1' })).toBe('may start\n');
  mkdirSync(path.join(root, '.tools'), { recursive: true });
  rmSync(path.join(root, '.tools/compiled'), { recursive: true, force: true });
  writeFileSync(path.join(root, '.tools/compiled'), 'a file in the place of the folder');
  expect(start()).toBe('may start\n');
  expect(runs()).toBe('');
});

test('a source that does not run is left to the server, at each start', () => {
  writeMain('throw new Error("broken");');
  expect(start()).toBe('may start\n');
  expect(start()).toBe('may start\n');
  expect(runs()).toBe('serve --help\n'.repeat(2));
});

test('a signal ends the process that fills the cache, and the launcher with it', async () => {
  writeMain(
    'setInterval(() => {}, 1_000); appendFileSync(' +
      `${JSON.stringify(path.join(root, 'pid'))}, String(process.pid));`,
  );
  const child = spawn(process.execPath, ['-e', script()], { stdio: 'ignore', env: ownEnv });
  const pidFile = path.join(root, 'pid');
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '')
    await new Promise((resolve) => setTimeout(resolve, 10));
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
  const filler = Number(readFileSync(pidFile, 'utf8'));
  expect(() => process.kill(filler, 0)).toThrow('ESRCH');
});
