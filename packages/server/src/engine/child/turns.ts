import type { Task } from './task.ts';

/**
 * Whose token is computed in a round. A grammar is looked at for every token, and one whose alternatives begin alike
 * can make that take long; the batch waits for it. So a stream pays for its own samples: after a long one it sits
 * out, while anybody else has something to do, for as long as that took, and neighbours keep half of the time.
 */
export interface Turns {
  /** The tasks among these that write now. `others`: there is something to do without them. */
  whose(writers: readonly Task[], others: boolean): readonly Task[];
  /** A sample of this task took so long. */
  took(task: Task, tookMs: number): void;
}

/** What a sample may take without being paid for: ten times what an ordinary one takes on a slow core. */
const freeMs = 100;

/** `now`: monotonic milliseconds. */
export function createTurns(now: () => number): Turns {
  const restsUntil = new WeakMap<Task, number>();
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
      if (tookMs > freeMs) restsUntil.set(task, now() + tookMs);
    },
  };
}
