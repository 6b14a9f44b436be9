import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeStore } from '../contract.suite.ts';
import { mostUsageRows } from '../records.ts';
import { dayMs } from '../sql/tables.ts';
import { sqliteFile } from '../store-name.ts';
import { testRetirement } from '../suites/retirement.suite.ts';
import { testUsage } from '../suites/usage.suite.ts';
import type { StoreCase, StoreUnderTest } from '../testing/store-case.ts';
import { morning, someRecord } from '../testing/store-values.ts';
import { openSqliteStore } from './open-sqlite-store.ts';

describeStore('the store in SQLite', storeCase({ threads: false }));
describe('with threads', () => {
  testUsage(storeCase({ threads: true }));
  testRetirement(storeCase({ threads: true }));
});

/** A store in a folder of its own, both of which end with the test. */
async function openStore() {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-sqlite-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const opened = await openSqliteStore({ dataDir, now: () => morning });
  if (!opened.ok) throw new Error(opened.message);
  const { store } = opened;
  onTestFinished(() => store.close());
  return { dataDir, store };
}

test('a sum on the thread is of one state of the database, while batches are settled', async () => {
  const { clients } = await storeCase({ threads: true }).open();
  const [store] = clients;
  const batch = (from: number) => Array.from({ length: 10 }, (_, index) => someRecord(`r${from + index}`));
  for (let from = 0; from < 500; from += 10) {
    const reading = store.usage({ groupBy: ['key', 'day'] });
    await store.settle(batch(from));
    const requests = (await reading)[0]?.requests ?? 0;
    expect([from, from + 10]).toContain(requests);
  }
});

test('usage of more groups than one answer has ends after them', async () => {
  const { dataDir, store } = await openStore();
  await store.settle([someRecord('a', { user: 'u' })]);
  const database = new DatabaseSync(sqliteFile(dataDir));
  const columns = database.prepare('SELECT name FROM pragma_table_info(?)').all('records');
  const copied = columns.map(({ name }) =>
    name === 'id' || name === 'end_user' ? `${name} || n.value` : String(name),
  );
  database.exec(`INSERT INTO records SELECT ${copied.join(', ')} FROM records,
    (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ${mostUsageRows}) SELECT value FROM n) AS n`);
  database.close();
  expect(await store.usage({ groupBy: ['user'] })).toHaveLength(mostUsageRows + 1);
  await store.retire(morning + 2 * dayMs);
  expect(await store.usage({ groupBy: ['user'] })).toHaveLength(mostUsageRows + 1);
  expect(await store.usage({ groupBy: ['key'] })).toMatchObject([{ requests: mostUsageRows + 1 }]);
});

test.each(['records', 'contents'] as const)('while old %s are deleted, other calls arrive', async (what) => {
  const { store } = await openStore();
  const ids = Array.from({ length: 1_600 }, (_, index) => `r${index}`);
  await store.settle(ids.map((id) => someRecord(id)));
  const body = { messages: [], messages_left_out: 0, choices: [] };
  await store.keepContents(ids.map((id) => ({ id, createdAtMs: morning, body })));
  // Calls come as messages to the thread of the ledger, which are heard in turns of its event loop.
  let turns = 0;
  let timer = setImmediate(function count() {
    turns += 1;
    timer = setImmediate(count);
  });
  const deletedAfter = morning + 2 * dayMs;
  const deleted = await (what === 'records'
    ? store.retire(deletedAfter)
    : store.retireContents(deletedAfter));
  clearImmediate(timer);
  expect(deleted).toBe(ids.length);
  expect(turns).toBeGreaterThanOrEqual(3);
});

test('a store that is closed ends its threads', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-sqlite-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const opened = await openSqliteStore({ dataDir, now: () => morning, threads: true });
  if (!opened.ok) throw new Error(opened.message);
  const { store } = opened;
  await store.settle([someRecord('a')]);
  expect(await store.usage({ groupBy: [] })).toMatchObject([{ requests: 1 }]);
  const [reading] = await Promise.allSettled([store.usage({ groupBy: [] }), store.close()]);
  if (reading.status === 'rejected') expect(reading.reason).toMatchObject({ code: 'closed' });
  await expect(store.usage({ groupBy: [] })).rejects.toMatchObject({ code: 'closed' });
});

function storeCase({ threads }: { readonly threads: boolean }): StoreCase {
  return { open };

  async function open({ outbox = false } = {}): Promise<StoreUnderTest> {
    const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-sqlite-'));
    let now = morning;
    const opened = await openSqliteStore({ dataDir, now: () => now, outbox, threads });
    if (!opened.ok) throw new Error(opened.message);
    const { store } = opened;
    onTestFinished(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    return {
      clients: [store, store],
      async pass(ms) {
        now += ms;
      },
    };
  }
}
