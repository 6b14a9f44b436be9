import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { isFile, readsAreStuck, readTextFile } from './read-text-file.ts';

/** Answers for the opens of a disk that has gone away, by path. */
const gone = vi.hoisted(() => new Map<string, Promise<never>>());
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  return {
    ...real,
    open: (path: string, flags: number) => gone.get(path) ?? real.open(path, flags),
  };
});

const folder = mkdtempSync(join(tmpdir(), 'tailrace-stuck-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('with two reads that a disk does not answer none is tried, and all are once it has answered', async () => {
  const file = join(folder, 'here.yaml');
  writeFileSync(file, 'text');
  const answers: (() => void)[] = [];
  for (const path of ['/gone/a', '/gone/b']) {
    const answer = Promise.withResolvers<never>();
    gone.set(path, answer.promise);
    answers.push(() => answer.reject(Object.assign(new Error('EIO'), { code: 'EIO' })));
  }
  const ask = (path: string) => readTextFile(path, { maxBytes: 100, withinMs: 20 });

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
