import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { describeStore } from '../contract.suite.ts';
import { morning } from '../testing/store-values.ts';
import { openSqliteStore } from './open-sqlite-store.ts';

describeStore('the store in SQLite', {
  async open({ outbox = false } = {}) {
    const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-sqlite-'));
    let now = morning;
    const opened = await openSqliteStore({ dataDir, now: () => now, outbox });
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
  },
});
