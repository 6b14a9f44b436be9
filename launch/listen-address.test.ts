import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseServeFlags } from '../packages/server/src/cli/serve-flags.ts';
import { loadConfig } from '../packages/server/src/config/load-config.ts';
import { findListenAddress } from './listen-address.cjs';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tailrace-listen-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Start {
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The text of tailrace.yaml, which is not there without it. */
  readonly file?: string;
}

const key = { TAILRACE_API_KEY: 'a-key-for-the-test' };

/** Where the server itself would listen; undefined where it refuses to start or only shows its help. */
async function serverListens(words: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
  const parsed = parseServeFlags(words);
  if (!parsed.ok || parsed.flags.help) return undefined;
  const loaded = await loadConfig({ env, cwd, flags: parsed.flags });
  if (!loaded.ok) return undefined;
  const { host, port } = loaded.config.server.listen;
  return { host, port };
}

let folders = 0;
async function both({ words = [], env = {}, file }: Start) {
  const cwd = path.join(folder, String(folders++));
  mkdirSync(cwd);
  writeFileSync(path.join(cwd, 'other.yaml'), 'server: {listen: "127.0.0.1:7000"}\n');
  if (file !== undefined) writeFileSync(path.join(cwd, 'tailrace.yaml'), file);
  const whole = { ...key, ...env };
  return {
    launcher: findListenAddress(words, whole, cwd),
    server: await serverListens(words, whole, cwd),
  };
}

const known: readonly (readonly [string, Start])[] = [
  ['nothing is given', {}],
  ['a flag', { words: ['--listen', '127.0.0.1:9000'] }],
  ['a flag with its value behind =', { words: ['--listen=0.0.0.0:9000'] }],
  ['the last of two flags', { words: ['--listen', '127.0.0.1:9000', '--no-engine', '--listen=[::1]:9001'] }],
  ['the variable', { env: { TAILRACE_LISTEN: 'localhost:9002' } }],
  ['an empty variable', { env: { TAILRACE_LISTEN: '', TAILRACE_CONFIG: '' } }],
  [
    'a flag beside the variable',
    { words: ['--listen', '127.0.0.1:9000'], env: { TAILRACE_LISTEN: '0.0.0.0:1' } },
  ],
  ['port 0', { words: ['--listen', '127.0.0.1:0'] }],
  ['other flags', { words: ['--data-dir', './somewhere', '--workers=1'] }],
  ['a file that says nothing of it', { file: 'timeouts: {drain: 3s}\n' }],
  ['an empty file', { file: '' }],
  [
    'a flag beside a file that says something else',
    { words: ['--listen=127.0.0.1:9000'], file: 'server: {listen: "127.0.0.1:7000"}\n' },
  ],
];

test.each(known)('the launcher knows the server’s address: %s', async (_, start) => {
  const { launcher, server } = await both(start);
  expect(launcher).toBeDefined();
  expect(launcher).toEqual(server);
});

const unknown: readonly (readonly [string, Start])[] = [
  ['the file sets it', { file: 'server:\n  listen: 127.0.0.1:7000\n' }],
  ['the file sets it with other letters', { file: 'server: {"\\x6cisten": "127.0.0.1:7000"}\n' }],
  ['another file sets it', { words: ['--config', 'other.yaml'] }],
  ['the variable names another file', { env: { TAILRACE_CONFIG: 'other.yaml' } }],
  ['the named file is not there', { words: ['--config=none.yaml'] }],
  ['the named file is a folder', { words: ['--config=.'] }],
  ['help', { words: ['--help'] }],
  ['an unknown flag', { words: ['--port', '9000'] }],
  ['a flag without its value', { words: ['--listen'] }],
  ['a flag in the place of a value', { words: ['--listen', '--no-engine'] }],
  ['a bare word', { words: ['127.0.0.1:9000'] }],
  ['a value that takes none', { words: ['--no-engine=yes'] }],
  ['a port alone', { words: ['--listen', '9000'] }],
  ['a port that is too large', { words: ['--listen', '127.0.0.1:65536'] }],
  ['a number that the system’s resolver would read as an address', { words: ['--listen', '127.1:9000'] }],
  ['an address of the wrong kind in brackets', { words: ['--listen', '[127.0.0.1]:9000'] }],
];

test.each(unknown)('the launcher leaves the address to the server: %s', async (_, start) => {
  expect((await both(start)).launcher).toBeUndefined();
});
