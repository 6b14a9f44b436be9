import type { Task } from './task.ts';

/**
 * Whose token is computed in a round. A grammar is looked at for every token, and one whose alternatives begin alike
 * can make that take long; the batch waits for it. So a stream pays for its own samples: after a long one it sits
 * out, while anybody else has something to do, for as long as that took, and neighbours keep half of the time. It
 * ends where its samples become unbearable: what such a grammar costs grows with every level of nesting (measured, for
 * five alternatives: 3, 13, 387 and 8,678 ms), so it is the growth that is looked at, before the worst of it.
 */
export interface Turns {
  /** The tasks among these that write now. `others`: there is something to do without them. */
  whose(writers: readonly Task[], others: boolean): readonly Task[];
  /** A sample of this task took so long. False where its grammar costs more than neighbours can bear. */
  took(task: Task, tookMs: number): boolean;
}

/** What a sample may take without being paid for: ten times what an ordinary one takes on a slow core. */
const freeMs = 100;
/** Unbearable by itself. */
const mostMs = 2000;
/** Unbearable as the last of three samples of which each took so many times the one before. */
const growingMs = 200;
const growth = 3;

/** `now`: monotonic milliseconds. */
export function createTurns(now: () => number): Turns {
  const restsUntil = new WeakMap<Task, number>();
  /** The last two samples of each. */
  const before = new WeakMap<Task, readonly [earlier: number, last: number]>();
  const rests = (task: Task): number => restsUntil.get(task) ?? Number.NEGATIVE_INFINITY;
  return {
    whose(writers, others) {
      const at = now();
      const rested = writers.filter((task) => rests(task) <= at);
      if (rested.length > 0 || others || writers.length === 0) return rested;
      // Nobody would gain by waiting.
      return [writers.reduce((first, task) => (rests(task) < rests(first) ? task : first))];
    },
    took(task, tookMs) {
      const [earlier, last] = before.get(task) ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      before.set(task, [last, tookMs]);
      if (tookMs > freeMs) restsUntil.set(task, now() + tookMs);
      const grows = last >= growth * earlier && tookMs >= growth * last;
      return tookMs <= mostMs && !(grows && tookMs >= growingMs);
    },
  };
}
