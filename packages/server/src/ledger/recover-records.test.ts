import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { somethingWaits, spoolFolder, whenStored } from './recover-records.ts';
import { openSpool, type Spool } from './spool/spool.ts';
import { fakeIntent, fakeSettled } from './testing/fake-records.ts';

/** A server that lives, as far as its data folder shows. */
function living(): { readonly dataDir: string; readonly spool: Spool } {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-waiting-'));
  const opened = openSpool({ folder: spoolFolder(dataDir), name: 'living', maxBytes: 1024 ** 2 });
  if (!opened.ok) throw new Error(opened.message);
  onTestFinished(() => {
    opened.spool.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { dataDir, spool: opened.spool };
}

const settled = (id: string) => ({ type: 'settled', record: fakeSettled(fakeIntent(id)) }) as const;

test('what a living server has stored does not wait, although its spool still has it', async () => {
  const { dataDir, spool } = living();
  expect(somethingWaits(dataDir)).toBe(false);
  spool.append([settled('a'), settled('b')], 'endings');
  expect(somethingWaits(dataDir)).toBe(true);
  spool.acknowledge(spool.read().position);
  expect(spool.bytes).toBeGreaterThan(0);
  expect(somethingWaits(dataDir)).toBe(false);
  expect(await whenStored(dataDir, 0)).toBe(0);
});

test('what waits is waited for, and what comes later is not', async () => {
  const { dataDir, spool } = living();
  spool.append([settled('a')], 'endings');
  const { position } = spool.read();
  const stored = whenStored(dataDir, 60_000);
  spool.append([settled('later')], 'endings');
  spool.acknowledge(position);
  expect(await stored).toBe(0);
  expect(somethingWaits(dataDir)).toBe(true);
});

test('a store that is away leaves what waits, and it is counted', async () => {
  const { dataDir, spool } = living();
  spool.append([settled('a'), settled('b')], 'endings');
  expect(await whenStored(dataDir, 0)).toBe(2);
});
