// Keys that are made, used and revoked while the server runs, by the commands of another process.

import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { ask, expectRefusal, labServer, messages } from './wire-client.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

let server: TestServer;
let dataDir: string;
beforeAll(async () => {
  server = await startServer(labServer());
  dataDir = join(dirname(server.configFile), 'data');
});
afterAll(async () => {
  await server?.stop();
});

async function tailrace(...words: string[]): Promise<string> {
  const flags = ['--config', server.configFile, '--data-dir', dataDir];
  const { stdout } = await run(
    process.execPath,
    ['--conditions=tailrace-source', 'packages/server/src/cli/main.ts', ...words, ...flags],
    { cwd: root, env: { ...process.env, TAILRACE_ADMIN_KEY: server.adminKey } },
  );
  return stdout;
}

const chat = (key: string, model: string) =>
  ask(server, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model, messages, stream: true }),
  });

test('a stream that runs when its key is revoked ends whole; the next request is refused', async () => {
  const key = (await tailrace('keys', 'create', '--owner', 'acme', '--models', 'lab/*')).trim();
  const { id } = JSON.parse(await tailrace('keys', 'list', '--owner', 'acme', '--json')).data[0];
  const running = chat(key, 'lab/steady');
  const revoked = tailrace('keys', 'revoke', id);
  expectTrueStream((await running).body);
  expect(await revoked).toBe(`revoked ${id}\n`);
  expect(expectRefusal(await chat(key, 'lab/plain'), 401, 'invalid_api_key').message).toContain('revoked');
});

test('the start says in one line where keys, records and limits are', () => {
  const file = join(dataDir, 'tailrace.sqlite');
  expect(server.logs()).toContain(
    `keys and records in SQLite ${file}; limits and resumable streams in memory`,
  );
});

test('no key lies in the data folder or in the log', async () => {
  const key = (await tailrace('keys', 'create')).trim();
  expectTrueStream((await chat(key, 'lab/plain')).body);
  for (const name of readdirSync(dataDir)) {
    const file = join(dataDir, name);
    if (!statSync(file).isFile()) continue;
    expect([name, readFileSync(file).includes(key)]).toEqual([name, false]);
  }
  expect(server.logs()).not.toContain(key);
});

test('the file that names the server is for its user only, and is gone with it', async () => {
  const file = join(dataDir, 'server.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    pid: server.pid,
    url: server.baseUrl,
    store: `SQLite ${join(dataDir, 'tailrace.sqlite')}`,
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const ended = server.expectExit();
  server.signal('SIGTERM');
  expect((await ended).code).toBe(0);
  expect(existsSync(file)).toBe(false);
  // The store is free: the same command opens it.
  expect(JSON.parse(await tailrace('owners', 'list', '--json'))).toMatchObject({
    data: [{ id: 'acme' }, { id: 'default' }],
    has_more: false,
  });
});
