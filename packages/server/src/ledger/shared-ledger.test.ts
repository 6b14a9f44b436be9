import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { objectChannel } from '../channels/object-channel.ts';
import { linkedPair } from '../channels/testing/linked.ts';
import { newSigningSecret } from '../storage/signing-secret.ts';
import { startWorker } from '../worker/start-worker.ts';
import type { Ledger } from './contract.ts';
import { threadOver } from './ledger-thread.ts';
import { createRestartedLedger } from './restarted-ledger.ts';
import { type SharedLedger, startSharedLedger } from './shared-ledger.ts';
import { fakeIntent, fakeSettled } from './testing/fake-records.ts';

let dataDir: string;
let thread: Worker | undefined;
let shared: SharedLedger;
const processes: { kill(): void }[] = [];
const logged: string[] = [];
const note = (message: string) => logged.push(message);
const log = { info: note, warn: note, error: note };

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'tailrace-shared-'));
  logged.length = 0;
  const settings = {
    dataDir,
    onStoreFailure: 'deny' as const,
    replicas: 1,
    retentionMs: 86_400_000,
    contentRetentionMs: 86_400_000,
    spoolBytes: 1024 ** 2,
  };
  const started = await startSharedLedger(settings, {
    log,
    start: () => {
      thread = startWorker(import.meta.url, 'ledger-worker', {});
      return thread;
    },
  });
  if (!started.ok) throw new Error(started.message);
  shared = started.ledger;
});
afterEach(async () => {
  // Else one that lives on would join the ledger of the next test.
  for (const { kill } of processes.splice(0)) kill();
  await shared.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A process with its ledger; `kill` ends it as kill -9 does. */
async function joined(processId: string): Promise<{ readonly ledger: Ledger; kill(): void }> {
  const [own, parents] = linkedPair();
  let last = 0;
  let killed = false;
  async function open() {
    if (killed) return { ok: false as const, message: 'killed', wrong: false };
    last += 1;
    const channel = objectChannel(own.channel(last));
    const ended = new Promise<void>((resolve) => channel.onClose(resolve));
    const ledgerThread = threadOver(channel, ended);
    try {
      await shared.join(processId, parents.channel(last));
    } catch (error) {
      return { ok: false as const, message: String(error), wrong: false };
    }
    return { ok: true as const, thread: ledgerThread };
  }
  const first = await open();
  if (!first.ok) throw new Error(first.message);
  const joining = {
    ledger: createRestartedLedger(first.thread, { open, log }),
    kill() {
      killed = true;
      shared.ended(processId);
      own.close();
    },
  };
  processes.push(joining);
  return joining;
}

const nowMs = Date.now();
const { processId: _, ...intent } = fakeIntent('chatcmpl-a', { createdAtMs: nowMs });
const { processId: __, ...other } = fakeIntent('chatcmpl-b', { createdAtMs: nowMs - 1 });

async function listed(ledger: Ledger): Promise<readonly string[]> {
  return (await ledger.records({ limit: 10 })).data.map(({ id, status }) => `${id} ${status}`);
}

test('a limit holds for all processes together, and places of one that is killed are free', async () => {
  const one = await joined('proc_1');
  const two = await joined('proc_2');
  const scope = { scope: 'key:k', maxStreams: 2 };
  const admit = (ledger: Ledger, id: string) => ledger.admit({ scopes: [scope], intent: { ...intent, id } });
  expect(await admit(one.ledger, 'a')).toMatchObject({ type: 'admitted' });
  expect(await admit(two.ledger, 'b')).toMatchObject({ type: 'admitted' });
  expect(await admit(two.ledger, 'c')).toMatchObject({ type: 'limited', limit: 'streams' });
  one.kill();
  await expect.poll(async () => (await admit(two.ledger, 'd')).type).toBe('admitted');
});

/** Two processes, of which the other one has been given a change and has not taken it over yet. */
async function halfTaken() {
  const one = await joined('proc_1');
  const two = await joined('proc_2');
  const given = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  let books = 0;
  await one.ledger.watchKeys(() => {});
  await two.ledger.watchKeys(() => {
    books += 1;
    if (books === 1) return undefined;
    given.resolve();
    return taken.promise;
  });
  const seen = { isAnswered: false };
  const change = one.ledger.change({
    type: 'rotate-signing',
    secret: newSigningSecret(),
    atMs: Date.now(),
  });
  const answered = change.then(() => {
    seen.isAnswered = true;
  });
  await given.promise;
  // Answers come in order: one that was sent before this would be here.
  await one.ledger.canAdmit();
  expect(seen.isAnswered).toBe(false);
  return { two, take: taken.resolve, answered };
}

test('a change of a key is answered when every process has taken it over', async () => {
  const { take, answered } = await halfTaken();
  take();
  await answered;
});

test('a process that is killed before it has taken a change over does not hold up its answer', async () => {
  const { two, answered } = await halfTaken();
  two.kill();
  await answered;
});

test('nor does one that stands still', async () => {
  const { answered } = await halfTaken();
  await answered;
});

test('what a killed process has left open is closed at once, and another one is not touched', async () => {
  const one = await joined('proc_1');
  const two = await joined('proc_2');
  await one.ledger.admit({ scopes: [], intent });
  await two.ledger.admit({ scopes: [], intent: other });
  one.kill();
  await expect.poll(() => listed(two.ledger)).toEqual(['chatcmpl-a abandoned', 'chatcmpl-b open']);
});

test('a process that closes its ledger has everything stored', async () => {
  const one = await joined('proc_1');
  const two = await joined('proc_2');
  const admission = await one.ledger.admit({ scopes: [], intent });
  if (admission.type !== 'admitted') throw new Error(admission.type);
  one.ledger.settle({ type: 'settled', record: fakeSettled(intent), lease: admission.lease });
  await one.ledger.close();
  expect(await listed(two.ledger)).toEqual(['chatcmpl-a completed']);
});

test('a thread that ends is started again for all processes; what runs stays open, also where a process ended meanwhile', async () => {
  const one = await joined('proc_1');
  const two = await joined('proc_2');
  await one.ledger.admit({ scopes: [], intent });
  const admission = await two.ledger.admit({ scopes: [], intent: other });
  if (admission.type !== 'admitted') throw new Error(admission.type);
  await thread?.terminate();
  one.kill();
  two.ledger.settle({ type: 'settled', record: fakeSettled(other), lease: admission.lease });
  await expect
    .poll(() => listed(two.ledger).catch(() => []), { timeout: 10_000 })
    .toEqual(['chatcmpl-a abandoned', 'chatcmpl-b completed']);
});
