import { expect, test } from 'vitest';
import { createMemoryLimiter } from '../limits/memory/memory-limiter.ts';
import type { Store } from '../storage/contract.ts';
import { StoreError } from '../storage/store-error.ts';
import { createLedgerHost } from './host.ts';
import { createArraySpool } from './testing/array-spool.ts';
import { fakeIntent } from './testing/fake-records.ts';
import { startTestLedger } from './testing/test-ledger.ts';

test('a process that ends while it is being answered leaves no open record, beside others that live on', async () => {
  const { host, ledger, stop } = await startTestLedger();
  const ending = host.connect('proc_ending');
  const admission = ending.admit({ scopes: [], intent: fakeIntent('a') });
  await ending.close();
  expect(await admission).toMatchObject({ type: 'admitted' });
  const { data } = await ledger.records({ limit: 10 });
  expect(data).toMatchObject([{ id: 'a', status: 'abandoned' }]);
  await stop();
});

test('while a shared store is away a request with a budget is refused and gives its place back, and others are admitted', async () => {
  const away = async () => {
    throw new StoreError('unreachable', 'away');
  };
  const store = new Proxy({} as Store, { get: () => away });
  const host = createLedgerHost({
    store,
    shared: true,
    limiter: createMemoryLimiter({ now: () => 0 }),
    spool: createArraySpool(),
    log: { info() {}, warn() {}, error() {} },
    retentionMs: 1,
    contentRetentionMs: 1,
    now: () => 0,
    later: setImmediate,
    every: () => () => {},
  });
  const ledger = host.connect('proc_a');
  const scopes = [{ scope: 'key:key_a', maxStreams: 1, requestsPerMinute: 1 }];
  const budgets = [
    { scope: 'key:key_a', unit: 'tokens', period: 'day', sinceMs: 0, limit: 1_000_000 },
  ] as const;
  for (const id of ['a', 'b']) {
    const admission = await ledger.admit({ scopes, intent: fakeIntent(id, { budgets }) });
    expect(admission).toEqual({ type: 'unavailable', what: 'records' });
  }
  expect(await ledger.admit({ scopes, intent: fakeIntent('c') })).toMatchObject({ type: 'admitted' });
});
