import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureEngineLibrary } from './engine-library.ts';
import { createProgress } from './progress.ts';

const { platform, arch } = process;
const binary = `@node-llama-cpp/${platform}-${arch}`;
const lock = {
  lockfileVersion: 3,
  packages: {
    '': { name: 'tailrace-engine', dependencies: { 'node-llama-cpp': '3.22.1' } },
    'node_modules/node-llama-cpp': { version: '3.22.1' },
    [`node_modules/${binary}`]: { version: '3.22.1', os: [platform], cpu: [arch], optional: true },
    'node_modules/@node-llama-cpp/other': { version: '3.22.1', os: ['other'], optional: true },
    'node_modules/@node-llama-cpp/gpu': { name: 'empty-npm-package', version: '1.0.0', optional: true },
  },
};

let folder: string;
let said: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tailrace-engine-'));
  said = '';
  await writeFile(path.join(folder, 'lock.json'), JSON.stringify(lock));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Ensures the library with an npm whose program is this. */
async function ensure(npm: string, more: { isBeside?: boolean; signal?: AbortSignal } = {}) {
  const script = path.join(folder, 'npm-cli.js');
  await writeFile(script, `const fs = require('fs');\n${npm}`);
  let now = 0;
  return await ensureEngineLibrary({
    cacheDir: path.join(folder, 'cache'),
    env: {
      npm_execpath: script,
      npm_config_local_prefix: '/elsewhere',
      TAILRACE_API_KEY: 'tr_secret',
      OWN: 'kept',
    },
    progress: createProgress({ write: (text) => (said += text) }, () => (now += 10_000)),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    signal: more.signal ?? new AbortController().signal,
    lockFile: path.join(folder, 'lock.json'),
    isBeside: () => more.isBeside ?? false,
  });
}

const install = `
for (const name of ['node-llama-cpp', '${binary}']) {
  fs.mkdirSync('node_modules/' + name, { recursive: true });
  console.error('npm http fetch GET 200 https://registry.example/' + name + '-3.22.1.tgz 12ms');
}
fs.writeFileSync('node_modules/seen.json', JSON.stringify({ argv: process.argv.slice(2), env: process.env,
  manifest: JSON.parse(fs.readFileSync('package.json', 'utf8')), lock: JSON.parse(fs.readFileSync('package-lock.json', 'utf8')) }));
`;

test('a library beside the server is taken, and nothing is fetched', async () => {
  expect(await ensure('process.exit(1)', { isBeside: true })).toEqual({ ok: true, value: undefined });
  expect(said).toBe('');
});

test('npm installs what the lock says, without scripts and without keys of the server, and says how far it is', async () => {
  const at = path.join(folder, 'cache', `engine-3.22.1-${platform}-${arch}`);
  expect(await ensure(install)).toEqual({ ok: true, value: at });
  expect(said).toBe(
    'tailrace: fetching the engine (node-llama-cpp 3.22.1, some 100 MB on disk, once)…\n' +
      'tailrace: engine: 1 of 2 packages\ntailrace: engine: 2 of 2 packages\n',
  );
  const seen = JSON.parse(await readFile(path.join(at, 'node_modules/seen.json'), 'utf8')) as {
    argv: string[];
    env: Record<string, string>;
    manifest: object;
    lock: object;
  };
  expect(seen.argv).toContain('--ignore-scripts');
  expect(seen.env).toMatchObject({ OWN: 'kept' });
  expect(Object.keys(seen.env)).not.toContain('TAILRACE_API_KEY');
  expect(Object.keys(seen.env)).not.toContain('npm_config_local_prefix');
  expect(seen.lock).toEqual(lock);
  expect(seen.manifest).toEqual({
    name: 'tailrace-engine',
    private: true,
    dependencies: { 'node-llama-cpp': '3.22.1' },
    overrides: { '@node-llama-cpp/gpu': 'npm:empty-npm-package@1.0.0' },
  });
  // The next start finds it, whatever npm would do.
  said = '';
  expect(await ensure('process.exit(1)')).toEqual({ ok: true, value: at });
  expect(said).toBe('');
});

test.each([
  [
    'that fails',
    'console.error("npm error network"); process.exit(1)',
    /npm error network[\s\S]*--no-engine/,
  ],
  [
    'that leaves the binary out',
    `fs.mkdirSync('node_modules/node-llama-cpp', { recursive: true })`,
    /no binary for/,
  ],
])('an npm %s leaves nothing behind, and the failure says the ways out', async (_, npm, message) => {
  const ensured = await ensure(npm);
  expect(ensured).toMatchObject({
    ok: false,
    failure: { code: 'unavailable', message: expect.stringMatching(message) },
  });
  expect(await readdir(path.join(folder, 'cache'))).toEqual([]);
});

test('a full disk and an end during the fetch are failures of their own', async () => {
  expect(await ensure('console.error("ENOSPC: no space left"); process.exit(1)')).toMatchObject({
    ok: false,
    failure: { code: 'disk_full' },
  });
  const ending = new AbortController();
  const ensured = ensure('setInterval(() => {}, 1000)', { signal: ending.signal });
  ending.abort();
  expect(await ensured).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
});
