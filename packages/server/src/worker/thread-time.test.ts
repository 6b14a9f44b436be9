import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFairQueue } from './fair-queue.ts';
import { createThreadTime, type ThreadBudget } from './thread-time.ts';

interface Item {
  readonly keyId: string;
  readonly tookMs: number;
}

/** A thread on a clock of its own, which serves what waits. */
function thread(budget?: ThreadBudget) {
  let at = 0;
  const time = createThreadTime(budget, () => at);
  const queue = createFairQueue<Item>(time, 1_000);
  return {
    time,
    push: (keyId: string, tookMs: number) => queue.push({ keyId, tookMs }),
    now: () => at,
    pass: (ms: number) => {
      at += ms;
    },
    serve(): Item | undefined {
      const item = queue.take();
      if (item === undefined) return undefined;
      at += item.tookMs;
      time.charge(item.keyId, item.tookMs);
      return item;
    },
  };
}

function serveAll(run: ReturnType<typeof thread>): string[] {
  const order: string[] = [];
  for (let item = run.serve(); item !== undefined; item = run.serve()) order.push(item.keyId);
  return order;
}

describe('turns', () => {
  test('a new key is served before a key with many tasks', () => {
    const run = thread();
    for (let count = 0; count < 40; count++) run.push('slow', 2_000);
    expect(run.serve()?.keyId).toBe('slow');
    run.push('new', 1);
    expect(run.serve()?.keyId).toBe('new');
    // And from then on it never waits for more than the task that runs.
    for (let count = 0; count < 10; count++) {
      expect(run.serve()?.keyId).toBe('slow');
      run.push('new', 1);
      expect(run.serve()?.keyId).toBe('new');
    }
  });

  test('a key waits until the other keys have used as much time as it did', () => {
    const run = thread();
    run.push('slow', 2_000);
    run.serve();
    run.push('slow', 2_000);
    for (let count = 0; count < 15; count++) run.push('quick', 100);
    expect(serveAll(run).indexOf('slow')).toBe(15);
  });

  test('a key with short tasks is served before unknown keys', () => {
    const run = thread();
    for (let count = 0; count < 5; count++) run.push('quick', 1);
    serveAll(run);
    for (let key = 0; key < 40; key++) run.push(`heavy ${key}`, 1_500);
    run.push('quick', 1);
    expect(serveAll(run)[0]).toBe('quick');
  });

  test('a key that used an idle thread has no later turn for it', () => {
    const run = thread();
    for (let count = 0; count < 100; count++) {
      run.push('early', 50);
      run.serve();
    }
    for (let count = 0; count < 4; count++) run.push('late', 50);
    for (let count = 0; count < 4; count++) run.push('early', 50);
    expect(
      serveAll(run)
        .slice(0, 4)
        .filter((key) => key === 'early').length,
    ).toBeGreaterThanOrEqual(1);
  });

  test('keys that always wait get equal shares of the time, however long their tasks are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 2, maxLength: 6 }), (durations) => {
        const run = thread();
        const used = durations.map(() => 0);
        for (const [key, tookMs] of durations.entries()) run.push(String(key), tookMs);
        const rounds = 3_000;
        for (let round = 0; round < rounds; round++) {
          const item = run.serve();
          if (item === undefined) throw new Error('nothing waits');
          const key = Number(item.keyId);
          used[key] = (used[key] ?? 0) + item.tookMs;
          run.push(item.keyId, item.tookMs);
        }
        // What is expected of a key that is not known is 50 ms.
        const longest = Math.max(...durations);
        expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(4 * longest + 100);
      }),
      { numRuns: 60 },
    );
  });

  test('a new key waits for at most about one task of each other key', () => {
    const longestMs = 2_000;
    const step = fc.record({
      key: fc.integer({ min: 0, max: 4 }),
      tookMs: fc.integer({ min: 1, max: longestMs }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), (steps) => {
        const run = thread();
        for (const { key, tookMs } of steps) {
          run.push(String(key), tookMs);
          run.serve();
          run.push(String(key), tookMs);
        }
        const begunAt = run.now();
        run.push('newcomer', 1);
        let served = run.serve();
        while (served !== undefined && served.keyId !== 'newcomer') served = run.serve();
        const others = new Set(steps.map(({ key }) => key)).size;
        expect(run.now() - begunAt).toBeLessThanOrEqual(others * (longestMs + 50) + 1);
      }),
    );
  });
});

describe('budgets', () => {
  const budget: ThreadBudget = { freeMs: 100, burstMs: 10_000, refill: 0.25 };

  test('any number of ordinary tasks costs nothing', () => {
    const run = thread(budget);
    for (let count = 0; count < 10_000; count++) run.time.charge('k', 100);
    expect(run.time.restsForMs('k')).toBe(0);
  });

  test('a key that has used up its budget waits until it has some again, and no other key does', () => {
    const run = thread(budget);
    const charges = Array.from({ length: 6 }, () => {
      run.time.charge('slow', 2_100);
      return run.time.restsForMs('slow');
    });
    expect(charges).toEqual([0, 0, 0, 0, 4, 8_004]);
    expect(run.time.restsForMs('other')).toBe(0);
    run.pass(8_000);
    expect(run.time.restsForMs('slow')).toBe(4);
    run.pass(4);
    expect(run.time.restsForMs('slow')).toBe(0);
    run.pass(1_000_000);
    // No more than the burst comes back.
    expect(Array.from({ length: 5 }, () => run.time.charge('slow', 2_100)).length).toBe(5);
    expect(run.time.restsForMs('slow')).toBe(4);
  });

  test('remembers a limited number of keys', () => {
    const run = thread(budget);
    run.time.charge('first', 100_000);
    expect(run.time.restsForMs('first')).toBeGreaterThan(0);
    for (let key = 0; key < 1_024; key++) run.time.charge(`key ${key}`, 1);
    expect(run.time.restsForMs('first')).toBe(0);
  });
});
