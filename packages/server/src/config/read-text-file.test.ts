import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTextFile } from './read-text-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-read-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
function file(text: string | Buffer): string {
  made += 1;
  const path = join(folder, `file-${made}`);
  writeFileSync(path, text);
  return path;
}

function pipe(): string {
  made += 1;
  const path = join(folder, `pipe-${made}`);
  execFileSync('mkfifo', [path]);
  return path;
}

const maxBytes = 100_000;

describe('a regular file', () => {
  it('is read whole, up to the bound', async () => {
    const text = 'ä'.repeat(maxBytes / 2);
    expect(await readTextFile(file(text), { maxBytes })).toEqual({ ok: true, text, again: true });
    expect(await readTextFile(file(''), { maxBytes })).toEqual({ ok: true, text: '', again: true });
    expect(await readTextFile(file(`${text}a`), { maxBytes: 1024 })).toMatchObject({
      message: 'larger than 1KiB',
    });
  });

  it('that is being written is read when it is complete', async () => {
    const path = file('half');
    const reading = readTextFile(path, { maxBytes, settled: true });
    await delay(10);
    writeFileSync(path, 'half and half');
    expect(await reading).toMatchObject({ text: 'half and half' });
  });

  it('that never stops changing is given up', async () => {
    const path = file('0');
    let round = 0;
    const writing = setInterval(() => {
      round += 1;
      writeFileSync(path, `${round}`);
    }, 2);
    const read = await readTextFile(path, { maxBytes, settled: true, withinMs: 200 });
    clearInterval(writing);
    expect(read).toMatchObject({ ok: false, message: 'it cannot be read to its end within 200ms' });
  });
});

it.each([
  ['a folder', () => folder, 'unreadable', 'it is a folder'],
  ['nothing', () => join(folder, 'none'), 'missing', 'there is no such file'],
  ['a file as a folder', () => join(file(''), 'in'), 'unreadable', 'part of the path is no folder'],
  ['a circle of links', () => circle(), 'unreadable', 'its links form a circle'],
  ['bytes that are no text', () => file(Buffer.from([0xff, 0xfe])), 'unreadable', 'not UTF-8 text'],
  ['a device', () => '/dev/zero', 'irregular', 'it is no regular file'],
  ['a pipe', () => pipe(), 'irregular', 'it is no regular file'],
])('%s has its own message', async (_, path, reason, message) => {
  expect(await readTextFile(path(), { maxBytes })).toEqual({ ok: false, reason, message });
});

function circle(): string {
  const path = join(folder, 'circle');
  symlinkSync(path, path);
  return path;
}

describe('with pipes allowed', () => {
  it('a pipe is read to its end, also when its writer pauses, and cannot be read again', async () => {
    const path = pipe();
    const reading = readTextFile(path, { maxBytes, pipes: true });
    await delay(20);
    const writer = await open(path, 'w');
    await writer.write('models:');
    await delay(30);
    await writer.write(' {}');
    await writer.close();
    expect(await reading).toEqual({ ok: true, text: 'models: {}', again: false });
  });

  it('an endless device ends at the bound, and an empty one is empty', async () => {
    expect(await readTextFile('/dev/zero', { maxBytes, pipes: true })).toMatchObject({ ok: false });
    expect(await readTextFile('/dev/null', { maxBytes, pipes: true })).toMatchObject({ text: '' });
  });

  it('many pipes without a writer are given up in time, and delay no other file', async () => {
    const waiting = Array.from({ length: 8 }, () =>
      readTextFile(pipe(), { maxBytes, pipes: true, withinMs: 100 }),
    );
    // With blocking opens all threads of the pool would wait for writers, and this read would never end.
    expect(await readFile(file('free'), 'utf8')).toBe('free');
    for (const read of await Promise.all(waiting)) {
      expect(read).toMatchObject({ ok: false, message: 'it cannot be read to its end within 100ms' });
    }
  });
});
