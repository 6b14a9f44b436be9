import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { localUrl, processLives, readServerFile, removeServerFile, writeServerFile } from './server-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-server-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('names the process and its address, for its user only, until the process removes it', async () => {
  const server = { pid: 4711, url: 'http://127.0.0.1:7245', store: 'SQLite /srv/x', starting: true };
  await writeServerFile(folder, server);
  expect(await readServerFile(folder)).toEqual(server);
  expect((await stat(join(folder, 'server.json'))).mode & 0o777).toBe(0o600);
  // Another process has written it meanwhile.
  await removeServerFile(folder, 4712);
  expect(await readServerFile(folder)).toEqual(server);
  await removeServerFile(folder, 4711);
  expect(await readdir(folder)).toEqual([]);
});

it.each([
  '',
  '{',
  '[]',
  '{"pid": "1", "url": "http://a"}',
  '{"pid": 1, "url": "a"}',
  '{"pid": -1, "url": "http://a"}',
])('that is damaged is no file: %s', async (text) => {
  await writeFile(join(folder, 'server.json'), text);
  expect(await readServerFile(folder)).toBeUndefined();
});

it.each([
  ['127.0.0.1', 'http://127.0.0.1:1'],
  ['0.0.0.0', 'http://127.0.0.1:1'],
  ['::', 'http://127.0.0.1:1'],
  ['::1', 'http://[::1]:1'],
  ['ai.example.org', 'http://ai.example.org:1'],
])('a server on %s is reached at %s', (host, url) => {
  expect(localUrl({ host }, 1)).toBe(url);
});

it('knows whether a process lives', () => {
  expect(processLives(process.pid)).toBe(true);
  expect(processLives(2 ** 30)).toBe(false);
});
