import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isGguf } from './gguf.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tailrace-gguf-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const head = (version: Buffer) => Buffer.concat([Buffer.from('GGUF'), version, Buffer.alloc(16)]);

it.each([
  ['a GGUF of version 3', head(Buffer.from([3, 0, 0, 0])), undefined],
  ['an empty file', Buffer.alloc(0), /is empty/],
  ['a web page', Buffer.from('<!doctype html><html lang="en">'), /begins with "<!do"/],
  ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\noid'), /git lfs pull/],
  ['a big-endian GGUF', head(Buffer.from([0, 0, 0, 3])), /big-endian/],
  ['a GGUF of version 1', head(Buffer.from([1, 0, 0, 0])), /has version 1/],
  ['a file cut after the magic', Buffer.from('GGUF'), /is no GGUF/],
])('judges %s', async (name, bytes, complaint) => {
  const file = path.join(folder, `${name}.gguf`);
  await writeFile(file, bytes);
  const outcome = await isGguf(file);
  if (complaint === undefined) expect(outcome).toEqual({ ok: true, value: { version: 3, bytes: 24 } });
  else
    expect(outcome).toMatchObject({
      ok: false,
      failure: { code: 'not_gguf', message: expect.stringMatching(complaint) },
    });
});

it('reports a missing file, and a folder', async () => {
  expect(await isGguf(path.join(folder, 'none'))).toMatchObject({
    ok: false,
    failure: { code: 'not_found' },
  });
  expect(await isGguf(folder)).toMatchObject({ ok: false, failure: { code: 'not_gguf' } });
});
