import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { postgresFor, withoutPostgres } from '../testing/services.ts';
import { openStore } from './open-store.ts';
import type { OpenedStore } from './opening.ts';
import { exported, fillStore, rowsOf } from './suites/transfer.suite.ts';
import { morning } from './testing/store-values.ts';

async function open(databaseUrl?: string): Promise<OpenedStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-transfer-'));
  const opened = await openStore({
    dataDir,
    now: () => morning,
    outbox: true,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  if (!opened.ok) throw new Error(opened.message);
  onTestFinished(async () => {
    await opened.store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return opened.store;
}

describe.skipIf(withoutPostgres !== undefined)(
  withoutPostgres === undefined ? 'between the stores' : `between the stores (skipped: ${withoutPostgres})`,
  () => {
    test('SQLite to PostgreSQL and back to SQLite is the same, byte by byte', async () => {
      const first = await open();
      await fillStore({ clients: [first, first], pass: async () => {} });
      const lines = await exported(first);
      expect(lines.length).toBeGreaterThan(100_000);
      const postgres = await open(await postgresFor(onTestFinished));
      await postgres.importRows(rowsOf(lines));
      expect(await exported(postgres)).toBe(lines);
      const last = await open();
      await last.importRows(postgres.exportRows());
      expect(await exported(last)).toBe(lines);
    });
  },
);
