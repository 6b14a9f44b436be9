import { beforeEach, expect, test } from 'vitest';
import { createMemoryLimiter } from '../limits/memory/memory-limiter.ts';
import type { Store } from '../storage/contract.ts';
import { createUpkeep, type Upkeep } from './upkeep.ts';

/** The calls of `closeDead`, and whether it fails. */
let closed: { readonly living: readonly string[]; readonly expiredMs: number }[];
let fails: boolean;
let writer: {
  reachable: boolean;
  stored(): Promise<boolean>;
  closed(ids: readonly string[]): void;
};
let beat: () => void;
let hourly: () => void;
/** What is deleted: of which kind, and before when. */
let retired: string[];
let upkeep: Upkeep;

beforeEach(() => {
  closed = [];
  fails = false;
  writer = { reachable: true, stored: async () => writer.reachable, closed: () => {} };
  retired = [];
  const store: Pick<Store, 'beat' | 'closeDead' | 'retire' | 'retireContents'> = {
    beat: async () => {},
    async retire(beforeMs) {
      retired.push(`records ${beforeMs}`);
      if (fails) throw new Error('away');
      return 0;
    },
    async retireContents(beforeMs) {
      retired.push(`contents ${beforeMs}`);
      return 3;
    },
    async closeDead({ living, expiredMs }) {
      if (fails) throw new Error('away');
      closed.push({ living, expiredMs });
      return [];
    },
  };
  const log = () => {};
  upkeep = createUpkeep({
    // Nothing else of the store is used here.
    store: store as Store,
    shared: false,
    limiter: createMemoryLimiter({ now: () => 0 }),
    writer,
    log: { info: log, warn: log, error: log },
    retentionMs: 900,
    contentRetentionMs: 70,
    now: () => 1_000,
    every: (ms, work) => {
      if (ms === 2_000) beat = work;
      if (ms === 3_600_000) hourly = work;
      return () => {};
    },
  });
});

const soon = () => new Promise((resolve) => setImmediate(resolve));

async function beatOnce(): Promise<void> {
  beat();
  await soon();
}

test('a start without a store closes the open records of the dead as soon as it answers, once', async () => {
  writer.reachable = false;
  await upkeep.recover();
  expect(closed).toEqual([]);
  writer.reachable = true;
  await beatOnce();
  await beatOnce();
  expect(closed).toHaveLength(1);
});

test('the open records of a process that ended while the store was away are closed later', async () => {
  await upkeep.recover();
  upkeep.join({ processId: 'a', placesId: 'a' });
  upkeep.join({ processId: 'b', placesId: 'b' });
  await soon();
  closed = [];
  fails = true;
  await upkeep.leave('a');
  await beatOnce();
  fails = false;
  await beatOnce();
  expect(closed).toEqual([{ living: ['b'], expiredMs: -Number.MAX_SAFE_INTEGER }]);
});

test('the writer hears of records that may have been closed also where the answer is lost', async () => {
  await upkeep.recover();
  upkeep.join({ processId: 'a', placesId: 'a' });
  await soon();
  const heard: (readonly string[])[] = [];
  writer.closed = (ids) => heard.push(ids);
  fails = true;
  await upkeep.leave('a');
  expect(heard).toEqual([[]]);
});

test('they are closed once all that they have said lies in the store', async () => {
  let drained = false;
  writer.stored = async () => drained;
  await upkeep.recover();
  await beatOnce();
  expect(closed).toEqual([]);
  drained = true;
  await beatOnce();
  await beatOnce();
  expect(closed).toHaveLength(1);
});

test('a process that leaves counts as living until its last words are written', async () => {
  await upkeep.recover();
  upkeep.join({ processId: 'a', placesId: 'a' });
  await soon();
  closed = [];
  const written: (() => void)[] = [];
  writer.stored = () => new Promise((resolve) => written.push(() => resolve(true)));
  upkeep.join({ processId: 'b', placesId: 'b' });
  const leftB = upkeep.leave('b');
  await soon();
  written.shift()?.();
  await soon();
  const left = upkeep.leave('a');
  await soon();
  // For b: what it has left is closed while a is leaving.
  written.shift()?.();
  await leftB;
  while (written.length > 0) {
    written.shift()?.();
    await soon();
  }
  await left;
  expect(closed.map(({ living }) => living)).toEqual([['a'], []]);
});

test('every hour it deletes old records, and old contents by a retention of their own, also where one of the two fails', async () => {
  hourly();
  await soon();
  fails = true;
  hourly();
  await soon();
  expect(retired).toEqual(['records 100', 'contents 930', 'records 100', 'contents 930']);
  writer.reachable = false;
  hourly();
  await soon();
  expect(retired).toHaveLength(4);
});
