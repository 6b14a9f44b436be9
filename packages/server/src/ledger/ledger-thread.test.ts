import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type MessagePort, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startWorker } from '../worker/start-worker.ts';
import type { Ledger } from './contract.ts';
import { startLedger } from './ledger-thread.ts';
import type { LedgerSettings } from './settings.ts';
import { fakeIntent, fakeSettled } from './testing/fake-records.ts';

let dataDir: string;
let worker: Worker | undefined;
const logged: string[] = [];
const note = (message: string) => logged.push(message);
const log = { info: note, warn: note, error: note };

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tailrace-thread-'));
  logged.length = 0;
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

type Started = (port: MessagePort) => Worker;

function start(thread?: Started, more: Partial<LedgerSettings> = {}) {
  const settings = {
    dataDir,
    address: 'http://127.0.0.1:7245',
    onStoreFailure: 'deny' as const,
    replicas: 1,
    retentionMs: 86_400_000,
    contentRetentionMs: 86_400_000,
    spoolBytes: 1024 ** 2,
    ...more,
  };
  return startLedger(settings, log, (port) => {
    worker = (thread ?? ledgerWorker)(port);
    return worker;
  });
}

const ledgerWorker = (port: MessagePort) => startWorker(import.meta.url, 'ledger-worker', {}, port);

async function started(thread?: Started, more?: Partial<LedgerSettings>) {
  const ledger = await start(thread, more);
  if (!ledger.ok) throw new Error(ledger.message);
  return ledger.ledger;
}

/** The first call starts the thread of reports. */
async function listed(ledger: Ledger): Promise<readonly string[]> {
  return (await ledger.records({ limit: 10 })).data.map(({ id, status }) => `${id} ${status}`);
}

const { processId: _, ...intent } = fakeIntent('chatcmpl-a', { createdAtMs: Date.now() });

test('a ledger on its thread admits, settles and reports, and is closed', async () => {
  const ledger = await started();
  const admission = await ledger.admit({ scopes: [], intent });
  if (admission.type !== 'admitted') throw new Error(admission.type);
  ledger.settle({ type: 'settled', record: fakeSettled(intent), lease: admission.lease });
  await expect.poll(() => listed(ledger), { timeout: 10_000 }).toEqual(['chatcmpl-a completed']);
  await ledger.close();
});

test('a ledger on its thread says what waits for its webhook, and why', async () => {
  const url = 'http://127.0.0.1:1/hook';
  const ledger = await started(undefined, { webhook: { url, secret: 'a-secret-of-the-hook' } });
  const admission = await ledger.admit({ scopes: [], intent });
  if (admission.type !== 'admitted') throw new Error(admission.type);
  ledger.settle({ type: 'settled', record: fakeSettled(intent), lease: admission.lease });
  const failing = { event: 'chatcmpl-a', reason: expect.any(String), tries: expect.any(Number) };
  await expect
    .poll(() => ledger.webhook(), { timeout: 10_000 })
    .toMatchObject({ delivers: true, waiting: 1, oldestAtMs: expect.any(Number), failing });
  await ledger.close();
});

test('the folder of a living ledger is refused to another one, which names its process and address', async () => {
  const ledger = await started();
  const other = await start();
  expect(other).toMatchObject({ ok: false, message: expect.stringContaining(`process ${process.pid}`) });
  expect(other).toMatchObject({ message: expect.stringContaining('listens on http://127.0.0.1:7245') });
  await ledger.close();
});

test.skipIf(process.platform === 'win32')(
  'a database that is deleted under the ledger is said, and nothing is admitted any more',
  async () => {
    const ledger = await started();
    rmSync(join(dataDir, 'tailrace.sqlite'));
    // By the next beat, also without a request.
    await expect
      .poll(() => logged, { timeout: 10_000 })
      .toContainEqual(expect.stringContaining('the database file was deleted or replaced'));
    expect(await ledger.admit({ scopes: [], intent })).toEqual({ type: 'unavailable', what: 'records' });
    expect(await ledger.canAdmit()).toBe(false);
    await ledger.close();
  },
);

test('a thread that ends is started again: what runs stays open, and what ended meanwhile is settled', async () => {
  const ledger = await started();
  const books: number[] = [];
  await ledger.watchKeys(({ version }) => books.push(version));
  const admission = await ledger.admit({ scopes: [], intent });
  if (admission.type !== 'admitted') throw new Error(admission.type);
  const { processId: __, ...running } = fakeIntent('chatcmpl-b', { createdAtMs: intent.createdAtMs - 1 });
  expect(await ledger.admit({ scopes: [], intent: running })).toMatchObject({ type: 'admitted' });
  await worker?.terminate();
  await expect
    .poll(() => logged)
    .toContain('the thread of keys, limits and records has ended; it is started again');
  expect(await ledger.canAdmit()).toBe(false);
  ledger.settle({ type: 'settled', record: fakeSettled(intent), lease: admission.lease });
  await expect
    .poll(() => logged, { timeout: 10_000 })
    .toContain('the thread of keys, limits and records has started again');
  await expect
    .poll(() => listed(ledger), { timeout: 10_000 })
    .toEqual(['chatcmpl-a completed', 'chatcmpl-b open']);
  expect(logged).not.toContain('closed the records of requests whose process was killed');
  expect(books.length).toBe(2);
  expect(await ledger.canAdmit()).toBe(true);
  ledger.settle({ type: 'settled', record: fakeSettled(running), lease: admission.lease });
  await ledger.close();
});

// Before the message leaves, on its way, in the spool, in the store.
test.each([0, 10, 12, 150])(
  'an ending is settled once when the thread dies within %d ms',
  async (waitedMs) => {
    const ledger = await started();
    const admission = await ledger.admit({ scopes: [], intent });
    if (admission.type !== 'admitted') throw new Error(admission.type);
    ledger.settle({ type: 'settled', record: fakeSettled(intent), lease: admission.lease });
    if (waitedMs > 0) await delay(waitedMs);
    void worker?.terminate();
    await expect
      .poll(() => logged, { timeout: 10_000 })
      .toContain('the thread of keys, limits and records has started again');
    await expect.poll(() => listed(ledger), { timeout: 10_000 }).toEqual(['chatcmpl-a completed']);
    expect(logged).not.toContain('closed the records of requests whose process was killed');
    expect(await ledger.usage({ groupBy: [] })).toMatchObject([{ requests: 1, promptTokens: 10 }]);
    await ledger.close();
  },
);

test('an ending that is on its way when the thread dies while the ledger closes is stored by a last thread', async () => {
  const ledger = await started();
  const admission = await ledger.admit({ scopes: [], intent });
  if (admission.type !== 'admitted') throw new Error(admission.type);
  const dying = worker;
  ledger.settle({ type: 'settled', record: fakeSettled(intent), lease: admission.lease });
  const closed = ledger.close();
  await dying?.terminate();
  await closed;
  const next = await started();
  expect(await listed(next)).toEqual(['chatcmpl-a completed']);
  expect(logged).not.toContain('records are lost');
  await next.close();
});

test('a thread that cannot start because of a fault is a problem of the start', async () => {
  const faulty = () => new Worker("throw new Error('a fault')", { eval: true });
  expect(await start(faulty)).toEqual({ ok: false, message: 'a fault', wrong: false });
});

test('a thread that ends by a fault is started again too', async () => {
  let threads = 0;
  const faulty = `
    const { parentPort } = require('node:worker_threads');
    parentPort.on('message', () => parentPort.postMessage({ type: 'ready' }));
    setTimeout(() => { throw new Error('a fault'); }, 50);`;
  const ledger = await started((port) => {
    threads += 1;
    return threads === 1 ? new Worker(faulty, { eval: true }) : ledgerWorker(port);
  });
  await expect
    .poll(() => logged, { timeout: 10_000 })
    .toContain('the thread of keys, limits and records has started again');
  await ledger.close();
});
