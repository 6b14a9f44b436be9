import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { migrate } from '../sql/migrate.ts';
import { morning, someIntent, someRecord } from '../testing/store-values.ts';
import { createConnectionTurns } from './connection-turns.ts';
import { openLogSync } from './log-sync.ts';
import { sqliteMigrations } from './migrations.ts';
import { sqliteOpeningFailure } from './sqlite-error.ts';
import { sqliteSql } from './sqlite-sql.ts';
import { createSqliteStore } from './sqlite-store.ts';

async function openFile() {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-full-'));
  const file = join(folder, 'database');
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL');
  await migrate(sqliteSql(database, createConnectionTurns()), {
    migrations: sqliteMigrations,
    lock: async () => {},
    nowMs: morning,
  });
  const store = createSqliteStore({ database, now: () => morning });
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { file, database, store };
}

test('a full disk rejects a batch whole, and takes it when there is space again', async () => {
  const { database, store } = await openFile();
  const records = Array.from({ length: 500 }, (_, index) => someRecord(`r${index}`));
  await store.admit([someIntent('r0')]);
  // SQLite itself says that the disk is full when the database would become larger than this.
  database.exec(
    `PRAGMA max_page_count = ${Number(database.prepare('PRAGMA page_count').get()?.['page_count']) + 1}`,
  );
  await expect(store.settle(records)).rejects.toMatchObject({ name: 'StoreError', code: 'full' });
  expect((await store.records({ limit: 5 })).data).toMatchObject([{ id: 'r0', status: 'open' }]);
  database.exec('PRAGMA max_page_count = 1000000');
  await store.settle(records);
  expect(await store.usage({ groupBy: [] })).toMatchObject([{ requests: 500 }]);
});

test('an opening on a full disk is said as that', () => {
  const full = Object.assign(new Error('database or disk is full'), { errcode: 13 });
  expect(sqliteOpeningFailure(full, '/data')).toMatchObject({ reason: 'full' });
  const noSpace = Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'mkdir' });
  expect(sqliteOpeningFailure(noSpace, '/data')).toMatchObject({ reason: 'full' });
});

test('the commits of an interval have one sync, and a failed one is known until it is repaired', async () => {
  const { file } = await openFile();
  let syncs = 0;
  let failing = true;
  const logSync = await openLogSync(file, async () => {
    syncs += 1;
    if (failing) throw new Error('EIO');
  });
  for (let commit = 0; commit < 5; commit += 1) logSync.committed();
  while (logSync.failure() === undefined) await sleep(20);
  expect(syncs).toBe(1);
  failing = false;
  logSync.committed();
  while (syncs < 2) await sleep(20);
  expect(logSync.failure()).toBeDefined();
  await expect(logSync.now()).rejects.toThrow('EIO');
  logSync.repaired();
  expect(logSync.failure()).toBeUndefined();
  logSync.committed();
  // This one sync is also that of the commit: the interval has no second one.
  await logSync.now();
  await sleep(250);
  expect(syncs).toBe(4);
  await logSync.close();
  expect(syncs).toBe(5);
});
