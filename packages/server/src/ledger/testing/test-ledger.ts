import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLimiter } from '../../limits/memory/memory-limiter.ts';
import type { Store } from '../../storage/contract.ts';
import { openSqliteStore } from '../../storage/sqlite/open-sqlite-store.ts';
import type { Ledger } from '../contract.ts';
import { createLedgerHost, type LedgerHost } from '../host.ts';
import { createArraySpool } from './array-spool.ts';

/** The ledger in the test's own process, over SQLite in a folder of its own. */
export interface TestLedger {
  readonly ledger: Ledger;
  readonly host: LedgerHost;
  readonly store: Store;
  /** From now on it refuses requests, as with a database that was deleted; false: it takes them again. */
  lose(lost: boolean): void;
  /** Closes it and removes the folder. */
  stop(): Promise<void>;
}

export async function startTestLedger(): Promise<TestLedger> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-ledger-'));
  const opened = await openSqliteStore({ dataDir, now: Date.now });
  if (!opened.ok) throw new Error(opened.message);
  const { store } = opened;
  const quiet = () => {};
  let lost = false;
  const host = createLedgerHost({
    store,
    shared: false,
    limiter: createMemoryLimiter({ now: () => performance.now() }),
    spool: createArraySpool(),
    log: { info: quiet, warn: quiet, error: quiet },
    refuses: () => lost,
    retentionMs: 90 * 86_400_000,
    contentRetentionMs: 90 * 86_400_000,
    now: Date.now,
    later: setImmediate,
    every: (ms, work) => {
      const timer = setInterval(work, ms).unref();
      return () => clearInterval(timer);
    },
  });
  await host.recover();
  return {
    ledger: host.connect('proc_test'),
    host,
    store,
    lose: (isLost) => {
      lost = isLost;
    },
    async stop() {
      await host.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
