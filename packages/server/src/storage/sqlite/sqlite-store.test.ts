import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeStore } from '../contract.suite.ts';
import { testRetirement } from '../suites/retirement.suite.ts';
import { testUsage } from '../suites/usage.suite.ts';
import type { StoreCase, StoreUnderTest } from '../testing/store-case.ts';
import { morning, someRecord } from '../testing/store-values.ts';
import { openSqliteStore } from './open-sqlite-store.ts';

describeStore('the store in SQLite', storeCase({ reportsOnThread: false }));
describe('with a thread for reports', () => {
  testUsage(storeCase({ reportsOnThread: true }));
  testRetirement(storeCase({ reportsOnThread: true }));
});

test('a store that is closed ends the thread of its reports', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-sqlite-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const opened = await openSqliteStore({ dataDir, now: () => morning, reportsOnThread: true });
  if (!opened.ok) throw new Error(opened.message);
  const { store } = opened;
  await store.settle([someRecord('a')]);
  expect(await store.usage({ groupBy: [] })).toMatchObject([{ requests: 1 }]);
  const [reading] = await Promise.allSettled([store.usage({ groupBy: [] }), store.close()]);
  if (reading.status === 'rejected') expect(reading.reason).toMatchObject({ code: 'closed' });
  await expect(store.usage({ groupBy: [] })).rejects.toMatchObject({ code: 'closed' });
});

function storeCase({ reportsOnThread }: { readonly reportsOnThread: boolean }): StoreCase {
  return { open };

  async function open({ outbox = false } = {}): Promise<StoreUnderTest> {
    const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-sqlite-'));
    let now = morning;
    const opened = await openSqliteStore({ dataDir, now: () => now, outbox, reportsOnThread });
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
