import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTimerQueue, notQueued, type QueuedTimer, type TimerQueue } from './timer-queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const queueOf = (): TimerQueue => createTimerQueue(() => performance.now());
const entry = (fire: () => void): QueuedTimer => ({ dueMs: 0, place: notQueued, fire });

/** A step of a random run: starts or stops one of eight entries, or lets time pass. */
const step = fc.oneof(
  fc.record({ start: fc.nat(7), afterMs: fc.nat(50) }),
  fc.record({ stop: fc.nat(7) }),
  fc.record({ passMs: fc.integer({ min: 1, max: 30 }) }),
);

test('in any order of starts and stops each entry fires once, at the time of its last start', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      vi.setSystemTime(0);
      const queue = queueOf();
      const fired: string[] = [];
      const expected: string[] = [];
      const due = new Map<number, number>();
      let nowMs = Math.ceil(performance.now());
      const entries = Array.from({ length: 8 }, (_, at) =>
        entry(() => fired.push(`${at} at ${Math.ceil(performance.now())}`)),
      );
      const pass = (ms: number) => {
        const until = nowMs + ms;
        const over = [...due].filter(([, dueMs]) => dueMs <= until);
        for (const [at, dueMs] of over) {
          // An entry that is due at once fires a millisecond later, as with setTimeout.
          expected.push(`${at} at ${Math.max(dueMs, nowMs + (dueMs === nowMs ? 1 : 0))}`);
          due.delete(at);
        }
        vi.advanceTimersByTime(ms);
        nowMs = until;
      };
      for (const one of steps) {
        if ('start' in one) {
          queue.start(entries[one.start] as QueuedTimer, one.afterMs);
          due.set(one.start, nowMs + one.afterMs);
        } else if ('stop' in one) {
          queue.stop(entries[one.stop] as QueuedTimer);
          due.delete(one.stop);
        } else pass(one.passMs);
        expect(queue.size).toBe(due.size);
      }
      pass(100);
      expect(fired.toSorted()).toEqual(expected.toSorted());
      expect(queue.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('entries fire in the order of their times, and one that throws does not keep the others from firing', () => {
  const queue = queueOf();
  const fired: string[] = [];
  queue.start(
    entry(() => fired.push('last')),
    30,
  );
  queue.start(
    entry(() => {
      throw new Error('a bug');
    }),
    10,
  );
  queue.start(
    entry(() => fired.push('second')),
    20,
  );
  expect(() => vi.advanceTimersByTime(10)).toThrow('a bug');
  vi.advanceTimersByTime(20);
  expect(fired).toEqual(['second', 'last']);
});

test('an entry may start itself again, and stop another one that is due at the same time', () => {
  const queue = queueOf();
  const fired: string[] = [];
  const other = entry(() => fired.push('other'));
  const again = entry(() => {
    fired.push('again');
    queue.stop(other);
    if (fired.length < 3) queue.start(again, 5);
  });
  queue.start(again, 5);
  queue.start(other, 5);
  vi.advanceTimersByTime(50);
  expect(fired).toEqual(['again', 'again', 'again']);
});

test('an entry that is due later than a timer of Node can wait still waits', () => {
  const queue = queueOf();
  let fired = 0;
  queue.start(
    entry(() => {
      fired += 1;
    }),
    2 ** 31 + 5_000,
  );
  vi.advanceTimersByTime(2 ** 31);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(6_000);
  expect(fired).toBe(1);
});
