import { expect, test } from 'vitest';
import type { AdmissionAsk, Ending } from './contract.ts';
import type { LedgerThread } from './ledger-thread.ts';
import { createRestartedLedger } from './restarted-ledger.ts';
import { fakeIntent, fakeSettled } from './testing/fake-records.ts';
import { createOpenHandedLedger } from './testing/open-handed-ledger.ts';

const log = { info() {}, warn() {}, error() {} };
const lease = {
  processId: 'thread_1',
  scopes: [{ scope: 'key:a', maxStreams: 1 }],
  reservedTokens: 5,
  takenAtMs: 1,
  marks: [],
};
const ending = (id: string): Ending => ({ type: 'settled', record: fakeSettled(fakeIntent(id)), lease });

/** A thread whose endings are kept when the test says so, and that dies when it says so. */
function fakeThread() {
  const kept: (() => void)[] = [];
  const settled: Ending[] = [];
  const { promise: ended, resolve: die } = Promise.withResolvers<void>();
  let lost = (_: AdmissionAsk): void => {};
  const thread: LedgerThread = {
    ledger: {
      ...createOpenHandedLedger(),
      settle(one, onKept) {
        settled.push(one);
        kept.push(() => onKept?.());
      },
      close: async () => die(),
    },
    ended,
    onLost(listener) {
      lost = listener;
    },
  };
  return { thread, settled, kept, die, lose: (ask: AdmissionAsk) => lost(ask) };
}

function idsOf(settled: readonly Ending[]): readonly string[] {
  return settled.map((one) => (one.type === 'settled' ? `settled ${one.record.id}` : `nothing ${one.id}`));
}

test('the next thread gets the endings of which the last one has not said that they are kept', async () => {
  const [first, second] = [fakeThread(), fakeThread()];
  const ledger = createRestartedLedger(first.thread, {
    open: async () => ({ ok: true, thread: second.thread }),
    log,
  });
  for (const id of ['a', 'b', 'c']) ledger.settle(ending(id));
  first.kept[1]?.();
  first.die();
  await expect.poll(() => idsOf(second.settled)).toEqual(['settled a', 'settled c']);
  // The first thread may have given back what the limiter had reserved.
  expect(second.settled.map((one) => one.lease.scopes)).toEqual([[], []]);
  for (const keep of second.kept) keep();
  await ledger.close();
});

test('an ending without a thread keeps its lease for the next one', async () => {
  const [first, second] = [fakeThread(), fakeThread()];
  const { promise: opening, resolve: open } = Promise.withResolvers<void>();
  const ledger = createRestartedLedger(first.thread, {
    log,
    async open() {
      await opening;
      return { ok: true, thread: second.thread };
    },
  });
  first.die();
  await expect
    .poll(() => ledger.admit({ scopes: [], intent: fakeIntent('x') }))
    .toMatchObject({ type: 'unavailable' });
  ledger.settle(ending('a'));
  open();
  await expect.poll(() => second.settled).toEqual([ending('a')]);
  second.kept[0]?.();
  await ledger.close();
});

test('the intent of an admission whose answer was lost with its thread is discarded by the next one', async () => {
  const [first, second] = [fakeThread(), fakeThread()];
  const ledger = createRestartedLedger(first.thread, {
    open: async () => ({ ok: true, thread: second.thread }),
    log,
  });
  first.lose({ scopes: lease.scopes, intent: fakeIntent('a') });
  first.die();
  await expect.poll(() => idsOf(second.settled)).toEqual(['nothing a']);
  second.kept[0]?.();
  await ledger.close();
});

test('what no thread keeps in the end is said to be lost', async () => {
  const said: unknown[] = [];
  const first = fakeThread();
  const ledger = createRestartedLedger(first.thread, {
    open: async () => ({ ok: false, message: 'no', wrong: false }),
    log: { ...log, error: (message, fields) => said.push([message, fields]) },
  });
  ledger.settle(ending('a'));
  await ledger.close();
  expect(said).toEqual([['records are lost', { records: 1 }]]);
});

test('the next thread is asked for the keys until its store has them: a key that is revoked then is not accepted for ever', async () => {
  const [first, second] = [fakeThread(), fakeThread()];
  let tries = 0;
  const following = Promise.withResolvers<unknown>();
  second.thread.ledger.watchKeys = async (listener) => {
    tries += 1;
    if (tries === 1) throw new Error('the store is away');
    following.resolve(listener);
  };
  const ledger = createRestartedLedger(first.thread, {
    open: async () => ({ ok: true, thread: second.thread }),
    log,
    retryMs: 1,
  });
  const listener = () => {};
  await ledger.watchKeys(listener);
  first.die();
  expect(await following.promise).toBe(listener);
  await ledger.close();
});

test('the next thread masks the same secrets in contents as the last one', async () => {
  const masked: string[] = [];
  const masking = (name: string) => {
    const fake = fakeThread();
    const mask = async (secrets: readonly string[]) => void masked.push(`${name} ${secrets.join()}`);
    return { ...fake, thread: { ...fake.thread, ledger: { ...fake.thread.ledger, mask } } };
  };
  const [first, second] = [masking('first'), masking('second')];
  const ledger = createRestartedLedger(first.thread, {
    open: async () => ({ ok: true, thread: second.thread }),
    log,
  });
  await ledger.mask(['old'], 'tr_');
  await ledger.mask(['new'], 'tr_');
  first.die();
  await expect.poll(() => masked).toEqual(['first old', 'first new', 'second new']);
  await ledger.close();
});
