import { beforeEach, describe, expect, test } from 'vitest';
import { StoreError } from '../storage/store-error.ts';
import { createRecordWriter, type RecordWriter, type RecordWriterOptions } from './record-writer.ts';
import { type ArraySpool, createArraySpool } from './testing/array-spool.ts';
import { fakeIntent, fakeSettled } from './testing/fake-records.ts';

type Written = RecordWriterOptions['store'];

/** Notes each call, and rejects or hangs while the test says so. */
function fakeStore() {
  const calls: string[] = [];
  const state = {
    calls,
    /** All calls but pings, the failed ones included. */
    tries: 0,
    mode: 'up' as 'up' | 'down' | 'hangs' | 'forgets',
    /** A power failure would lose what was written. */
    unsynced: false,
    poison: undefined as string | undefined,
    poisonIs: 'refused' as 'refused' | 'fault',
    spent: { spentTokens: 0, spentMicroUsd: 0, reservedTokens: 0, reservedMicroUsd: 0 },
    /** Ends the calls of a store that hangs: they are carried out. */
    thaw: () => {},
    thawed: Promise.resolve(),
  };
  state.thawed = new Promise((resolve) => {
    state.thaw = resolve;
  });
  async function call(what: string): Promise<void> {
    state.tries += 1;
    if (state.mode === 'hangs') await state.thawed;
    if (state.mode === 'down') throw new StoreError('unreachable', 'connection refused');
    if (state.poison !== undefined && what.includes(state.poison)) {
      throw new StoreError(state.poisonIs, 'constraint');
    }
    calls.push(what);
    if (state.mode === 'forgets') throw new StoreError('unreachable', 'the answer is lost');
  }
  const ids = (items: readonly { readonly id: string }[]) => items.map(({ id }) => id).join();
  const store: Written = {
    admit: async (intents) => {
      await call(`admit ${ids(intents)}`);
      return intents.map(({ reserved }) => ({ ok: true, reserved }));
    },
    progress: (marks) => call(`progress ${ids(marks)}`),
    settle: (records) => call(`settle ${ids(records)}`),
    discard: (gone) => call(`discard ${ids(gone)}`),
    noteRefusals: (refusals) => call(`refused ${refusals.map(({ budget }) => budget.limit).join()}`),
    keep: (intents) => call(`keep ${ids(intents)}`),
    spent: async (budgets) => {
      await call('spent');
      return budgets.map(() => state.spent);
    },
    durable: async () => {
      if (state.mode === 'down' || state.unsynced) throw new StoreError('fault', 'disk I/O error');
    },
    ping: async () => {
      if (state.mode !== 'up') throw new StoreError('unreachable', 'away');
    },
  };
  return { state, store };
}

let fake: ReturnType<typeof fakeStore>;
let spool: ArraySpool;
let writer: RecordWriter;
let probe: () => void;
let logged: string[];

beforeEach(() => {
  fake = fakeStore();
  spool = createArraySpool();
  logged = [];
  writer = open(true);
});

function open(shared: boolean, groupMs = 1): RecordWriter {
  const log = (message: string) => logged.push(message);
  return createRecordWriter({
    store: fake.store,
    shared,
    spool,
    log: { info: log, warn: log, error: log },
    later: setImmediate,
    every: (_, work) => {
      probe = work;
      return () => {};
    },
    limits: { admitMs: 20, writeMs: 20, groupMs, groupBytes: 64 * 1024, lastReplayMs: 20, probeMs: 500 },
  });
}

const admitted = expect.objectContaining({ ok: true });
const soon = () => new Promise((resolve) => setTimeout(resolve, 40));

describe('while the store answers', () => {
  test('what comes in one turn is written in one call', async () => {
    const answers = await Promise.all(['a', 'b', 'c'].map((id) => writer.admit(fakeIntent(id))));
    expect(answers).toEqual([admitted, admitted, admitted]);
    writer.settle(fakeSettled(fakeIntent('a')));
    writer.settle(fakeSettled(fakeIntent('b')));
    writer.discard('c', 1);
    await writer.flush();
    expect(spool.entries).toHaveLength(3);
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls).toEqual(['admit a,b,c', 'settle a,b', 'discard c']);
  });
});

describe.each(['down', 'hangs'] as const)('while the store %s', (mode) => {
  test('intents and endings wait in the spool, and are replayed in order once it answers', async () => {
    await writer.admit(fakeIntent('before'));
    fake.state.mode = mode;
    expect(await writer.admit(fakeIntent('a'))).toEqual(admitted);
    expect(writer.reachable).toBe(false);
    writer.settle(fakeSettled(fakeIntent('before')));
    await writer.flush();
    await soon();
    fake.state.mode = 'up';
    fake.state.thaw();
    probe();
    await soon();
    expect(writer.reachable).toBe(true);
    writer.settle(fakeSettled(fakeIntent('a')));
    expect(await writer.stored()).toBe(true);
    // What hung was carried out in the end.
    const late = mode === 'hangs' ? ['admit a'] : [];
    expect(fake.state.calls).toEqual(['admit before', ...late, 'keep a', 'settle before', 'settle a']);
    expect(spool.empty).toBe(true);
    expect(logged).toEqual([
      'the database does not answer; records wait on disk',
      'the database answers again; the records that waited are stored',
    ]);
  });

  test('an intent with a budget is not admitted', async () => {
    fake.state.mode = mode;
    const budget = { scope: 'key:a', unit: 'tokens', period: 'day', sinceMs: 0, limit: 10 } as const;
    expect(await writer.admit(fakeIntent('a', { budgets: [budget] }))).toBe('unavailable');
    expect(spool.empty).toBe(true);
  });

  test('an intent is not admitted where the spool is full', async () => {
    fake.state.mode = mode;
    spool.answer = 'full';
    expect(await writer.admit(fakeIntent('a'))).toBe('unavailable');
  });

  test('the spool takes intents as long as it has room, and what it says of that is true again later', async () => {
    fake.state.mode = mode;
    await writer.admit(fakeIntent('a'));
    expect(writer.takesIntents()).toBe(true);
    spool.answer = 'full';
    await writer.admit(fakeIntent('b'));
    expect(writer.takesIntents()).toBe(false);
    spool.answer = 'kept';
    expect(writer.takesIntents()).toBe(true);
    expect(await writer.admit(fakeIntent('c'))).toEqual(admitted);
  });

  test('endings that not even the disk takes are kept, and new requests are refused until they are stored', async () => {
    await writer.admit(fakeIntent('a'));
    fake.state.mode = mode;
    spool.answer = 'failed';
    writer.settle(fakeSettled(fakeIntent('a')));
    await writer.flush();
    spool.answer = 'kept';
    expect(await writer.admit(fakeIntent('b'))).toBe('unavailable');
    expect(writer.takesIntents()).toBe(false);
    fake.state.mode = 'up';
    fake.state.thaw();
    probe();
    await soon();
    await soon();
    expect(fake.state.calls).toContain('settle a');
    expect(await writer.admit(fakeIntent('c'))).toEqual(admitted);
  });
});

test('a disk that takes nothing is said once, and again after it has taken something', async () => {
  const said = () => logged.filter((line) => line.startsWith('the disk does not take records')).length;
  const settle = async (id: string) => {
    writer.settle(fakeSettled(fakeIntent(id)));
    await writer.flush();
  };
  spool.answer = 'failed';
  for (const id of ['a', 'b', 'c']) await settle(id);
  expect(said()).toBe(1);
  spool.answer = 'kept';
  await settle('d');
  spool.answer = 'full';
  for (const id of ['e', 'f']) await settle(id);
  expect(said()).toBe(2);
});

test('the ending of an intent that waits in the spool goes there too', async () => {
  fake.state.mode = 'down';
  await writer.admit(fakeIntent('a'));
  // The store is back, but nothing has been replayed yet.
  fake.state.mode = 'up';
  writer.discard('a', 1);
  await writer.flush();
  probe();
  await soon();
  // Both are known when the store is back: the intent is not stored at all.
  expect(fake.state.calls).toEqual(['discard a']);
});

test('a store that fails is not tried again at once: one that is locked holds up its thread each time', async () => {
  // It answers a ping, as SQLite does.
  Object.assign(fake.state, { poison: 'a', poisonIs: 'fault' });
  writer.settle(fakeSettled(fakeIntent('a')));
  expect(await writer.stored()).toBe(false);
  expect(fake.state.tries).toBe(1);
});

test('a record that the store refuses for ever is put aside, and does not hold up the others', async () => {
  fake.state.mode = 'down';
  for (const id of ['a', 'bad', 'c']) writer.settle(fakeSettled(fakeIntent(id)));
  await writer.flush();
  fake.state.mode = 'up';
  fake.state.poison = 'bad';
  probe();
  await soon();
  expect(fake.state.calls).toEqual(['settle a', 'settle c']);
  expect(spool.rejected).toMatchObject([{ record: { id: 'bad' } }]);
});

test('a record that a failing disk does not take is tried again, and never put aside', async () => {
  fake.state.mode = 'down';
  for (const id of ['a', 'bad']) writer.settle(fakeSettled(fakeIntent(id)));
  await writer.flush();
  fake.state.mode = 'up';
  Object.assign(fake.state, { poison: 'bad', poisonIs: 'fault' });
  probe();
  await soon();
  expect(spool.rejected).toEqual([]);
  expect(writer.reachable).toBe(false);
  fake.state.poison = undefined;
  probe();
  await soon();
  expect(fake.state.calls).toEqual(['settle a,bad']);
  expect(writer.reachable).toBe(true);
});

describe('an intent whose request was refused because the store did not answer', () => {
  const budgets = [{ scope: 'key:a', unit: 'tokens', period: 'day', sinceMs: 0, limit: 10 }] as const;

  test('is discarded: only the acknowledgement may have been lost', async () => {
    fake.state.mode = 'forgets';
    expect(await writer.admit(fakeIntent('a', { budgets }))).toBe('unavailable');
    fake.state.mode = 'up';
    await writer.flush();
    probe();
    await soon();
    expect(fake.state.calls).toEqual(['admit a', 'discard a']);
  });

  test('is discarded once, although its call hangs: the store leaves out what comes after its discard', async () => {
    fake.state.mode = 'hangs';
    expect(await writer.admit(fakeIntent('a', { budgets }))).toBe('unavailable');
    fake.state.mode = 'up';
    await writer.flush();
    probe();
    await soon();
    expect(fake.state.calls).toEqual(['discard a']);
    fake.state.thaw();
    await soon();
    await writer.flush();
    expect(fake.state.calls).toEqual(['discard a', 'admit a']);
  });
});

test('what the store has not synced stays in the spool, and is written once more', async () => {
  fake.state.unsynced = true;
  writer.settle(fakeSettled(fakeIntent('a')));
  await writer.flush();
  expect(await writer.stored()).toBe(false);
  expect(fake.state.calls).toEqual(['settle a']);
  expect(spool.empty).toBe(false);
  fake.state.unsynced = false;
  probe();
  await soon();
  expect(fake.state.calls).toEqual(['settle a', 'settle a']);
  expect(spool.empty).toBe(true);
});

test('closing writes what is queued and replays the spool', async () => {
  fake.state.mode = 'down';
  writer.settle(fakeSettled(fakeIntent('a')));
  await writer.flush();
  fake.state.mode = 'up';
  writer.settle(fakeSettled(fakeIntent('b')));
  await writer.close();
  expect(fake.state.calls.join()).toMatch(/^settle a,(settle )?b$/);
});

describe('over a store that only this ledger writes', () => {
  const budgets = [{ scope: 'key:key_a', unit: 'tokens', period: 'day', sinceMs: 0, limit: 100 }] as const;

  beforeEach(async () => {
    await writer.close();
    spool = createArraySpool();
    writer = open(false, 60_000);
    fake.state.spent = { spentTokens: 30, spentMicroUsd: 0, reservedTokens: 0, reservedMicroUsd: 0 };
  });

  test('a request that ends soon is one row, and its intent never reaches the store', async () => {
    expect(await writer.admit(fakeIntent('a'))).toEqual(admitted);
    expect(spool.entries).toMatchObject([{ type: 'intent' }]);
    writer.settle(fakeSettled(fakeIntent('a')));
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls).toEqual(['settle a']);
  });

  test('an intent that stays open reaches the store with the group', async () => {
    await writer.admit(fakeIntent('a'));
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls).toEqual(['keep a']);
    await soon();
    expect(spool.empty).toBe(true);
  });

  test('the sums of a budget are read once, when all that was written before is stored', async () => {
    await writer.admit(fakeIntent('before'));
    const first = await writer.admit(fakeIntent('a', { budgets }));
    expect(first).toEqual({ ok: true, reserved: fakeIntent('a').reserved });
    await writer.admit(fakeIntent('b', { budgets }));
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls).toEqual(['keep before', 'spent', 'keep a,b']);
  });

  test('the first refusal of a budget in its period is noted once, behind the records that have spent it', async () => {
    const [budget] = budgets;
    const ask = (id: string, limit: number) =>
      writer.admit(fakeIntent(id, { budgets: [{ ...budget, limit }] }));
    await ask('a', 100);
    writer.settle(fakeSettled(fakeIntent('a')));
    for (const id of ['b', 'c']) expect(await ask(id, 5)).toMatchObject({ ok: false, why: 'spent' });
    expect(await ask('d', 7)).toMatchObject({ ok: false, why: 'spent' });
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls).toEqual(['spent', 'settle a', 'refused 5,7']);
  });

  test('a refusal that other running requests cause is not noted', async () => {
    const [budget] = budgets;
    const ask = (id: string) => writer.admit(fakeIntent(id, { budgets: [{ ...budget, limit: 45 }] }));
    await ask('a');
    expect(await ask('b')).toMatchObject({ ok: false, why: 'reserved' });
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls).toEqual(['spent', 'keep a']);
  });

  test('budgets that are known are checked while the store is away, and unknown ones refuse', async () => {
    await writer.admit(fakeIntent('a', { budgets }));
    fake.state.mode = 'down';
    expect(await writer.admit(fakeIntent('b', { budgets }))).toEqual(admitted);
    const other = [{ ...budgets[0], scope: 'key:key_b' }] as const;
    expect(await writer.admit(fakeIntent('c', { budgets: other }))).toBe('unavailable');
    expect(writer.reachable).toBe(false);
    expect(await writer.admit(fakeIntent('d', { budgets }))).toEqual(admitted);
  });

  test('an intent that the spool does not take goes to the store at once', async () => {
    spool.answer = 'failed';
    expect(await writer.admit(fakeIntent('a', { budgets }))).toEqual(admitted);
    expect(fake.state.calls).toEqual(['spent', 'keep a']);
    writer.settle(fakeSettled(fakeIntent('a')));
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls.at(-1)).toBe('settle a');
  });

  test('a spool that takes nothing refuses nobody while the database is well: endings are stored at once, not with the group', async () => {
    spool.answer = 'failed';
    for (const id of ['a', 'b', 'c']) {
      expect(await writer.admit(fakeIntent(id))).toEqual(admitted);
      writer.settle(fakeSettled(fakeIntent(id)));
    }
    await writer.flush();
    await soon();
    const settled = fake.state.calls.filter((call) => call.startsWith('settle '));
    expect(settled.flatMap((call) => call.slice('settle '.length).split(','))).toEqual(['a', 'b', 'c']);
  });

  test('an ending that no disk takes does not overtake its intent, which came to the spool while others were stored', async () => {
    await writer.admit(fakeIntent('before'));
    fake.state.mode = 'hangs';
    const storing = writer.stored();
    await writer.admit(fakeIntent('a'));
    spool.answer = 'failed';
    writer.discard('a', 1);
    await writer.flush();
    fake.state.mode = 'up';
    fake.state.thaw();
    await storing;
    await soon();
    expect(await writer.stored()).toBe(true);
    expect(fake.state.calls).toEqual(['keep before', 'keep a', 'discard a']);
  });

  test('an intent that neither takes is not admitted, and reserves nothing', async () => {
    await writer.admit(fakeIntent('a', { budgets }));
    await writer.stored();
    spool.answer = 'failed';
    fake.state.mode = 'down';
    expect(await writer.admit(fakeIntent('b', { budgets }))).toBe('unavailable');
    await writer.flush();
    fake.state.mode = 'up';
    spool.answer = 'kept';
    probe();
    await soon();
    expect(fake.state.calls.at(-1)).toBe('discard b');
  });
});
