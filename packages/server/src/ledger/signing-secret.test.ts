import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { KeyBook } from '../storage/contract.ts';
import { newSigningSecret } from '../storage/signing-secret.ts';
import { postgresFor, withoutPostgres } from '../testing/services.ts';
import { startLedger } from './ledger-thread.ts';
import type { LedgerSettings } from './settings.ts';

function newFolder(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-signing-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** A service, as far as it keeps the secret: a ledger on its own thread, and what a process that serves learns from it. */
async function startService(more: Partial<LedgerSettings>) {
  const settings = {
    dataDir: newFolder(),
    address: 'http://127.0.0.1:7245',
    onStoreFailure: 'deny' as const,
    replicas: 1,
    retentionMs: 86_400_000,
    contentRetentionMs: 86_400_000,
    spoolBytes: 1024 ** 2,
    ...more,
  };
  const logged: unknown[] = [];
  const note = (...line: unknown[]) => logged.push(line);
  const started = await startLedger(settings, { info: note, warn: note, error: note });
  if (!started.ok) throw new Error(started.message);
  const { ledger } = started;
  const learnt: KeyBook[] = [];
  await ledger.watchKeys((book) => learnt.push(book));
  return {
    ledger,
    secret: () => learnt.findLast(({ signingSecret }) => signingSecret !== undefined)?.signingSecret,
    rotate: (secret: string) => ledger.change({ type: 'rotate-signing', secret, atMs: Date.now() }),
    logged: () => JSON.stringify(logged),
  };
}

async function survivesARestart(more: Partial<LedgerSettings>): Promise<void> {
  const first = await startService(more);
  const made = first.secret();
  expect(made).toMatch(/^[0-9a-f]{64}$/);
  await first.ledger.close();
  const second = await startService(more);
  expect(second.secret()).toBe(made);
  const next = newSigningSecret();
  await second.rotate(next);
  expect(second.secret()).toBe(next);
  await second.ledger.close();
  const third = await startService(more);
  expect(third.secret()).toBe(next);
  await third.ledger.close();
  for (const { logged } of [first, second, third])
    for (const secret of [made ?? '', next]) expect(logged()).not.toContain(secret);
}

it('in SQLite the signing secret is made once, survives a restart, and is rotated', async () => {
  await survivesARestart({ dataDir: newFolder() });
});

const named = withoutPostgres === undefined ? 'in PostgreSQL' : `in PostgreSQL (skipped: ${withoutPostgres})`;
describe.skipIf(withoutPostgres !== undefined)(named, () => {
  it('the signing secret is made once, survives a restart, and is rotated', async () => {
    await survivesARestart({ databaseUrl: await postgresFor(onTestFinished) });
  });

  it('replicas that start at the same time have one secret, and each learns a rotation of another', async () => {
    const databaseUrl = await postgresFor(onTestFinished);
    const services = await Promise.all([1, 2, 3].map(() => startService({ databaseUrl })));
    const secrets = () => [...new Set(services.map(({ secret }) => secret()))];
    expect(secrets()).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const next = newSigningSecret();
    await services[0]?.rotate(next);
    expect(services[0]?.secret()).toBe(next);
    // A feed asks each second; the bound here only ends a test that fails.
    await vi.waitFor(() => expect(secrets()).toEqual([next]), { timeout: 10_000 });
    await Promise.all(services.map(({ ledger }) => ledger.close()));
  });
});
