import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { createTextReader } from './read-text-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-stuck-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('while two reads wait for a disk no other read begins, and all do when it has answered', async () => {
  const file = join(folder, 'here.yaml');
  writeFileSync(file, 'text');
  /** The pending opens of a disk that does not answer, by path. */
  const gone = new Map<string, Promise<never>>();
  const { readTextFile, isFile, readsAreStuck } = createTextReader({
    stat,
    open: (path, flags) => gone.get(path) ?? open(path, flags),
  });
  const answers: (() => void)[] = [];
  for (const path of ['/gone/a', '/gone/b']) {
    const answer = Promise.withResolvers<never>();
    gone.set(path, answer.promise);
    answers.push(() => answer.reject(Object.assign(new Error('EIO'), { code: 'EIO' })));
  }
  /** The existing file has a long time limit, the paths of the disk that does not answer a short one. */
  const ask = (path: string) => readTextFile(path, { maxBytes: 100, withinMs: path === file ? 30_000 : 20 });

  expect(await ask('/gone/a')).toMatchObject({ message: 'it cannot be read to its end within 20ms' });
  expect(await ask('/gone/a')).toMatchObject({
    message: 'earlier reads of a disk that does not answer still wait',
  });
  expect(await ask(file)).toMatchObject({ ok: true });
  await ask('/gone/b');
  expect(readsAreStuck()).toBe(true);
  expect(await ask(file)).toMatchObject({ ok: false, reason: 'unreadable' });
  expect(await isFile(file)).toBe(false);

  for (const answer of answers) answer();
  await vi.waitFor(() => expect(readsAreStuck()).toBe(false));
  expect(await ask(file)).toMatchObject({ ok: true, text: 'text' });
});
