import type { Task } from './task.ts';

/**
 * Decides which tasks get a token in a round. Sampling with a grammar whose alternatives begin alike can take long, and
 * the whole batch waits for it. So after a long sample a stream pauses for as long as the sample took, while there is
 * other work: the other streams keep half of the time. A stream ends where its samples take too long. Their time grows
 * with each level of nesting (measured, for five alternatives: 3, 13, 387 and 8,678 ms), so the growth is watched, and
 * the stream ends before the longest sample.
 */
export interface Turns {
  /** The tasks of these that write in this round. `others`: true where there is work without them. */
  whose(writers: readonly Task[], others: boolean): readonly Task[];
  /** Records the time of a sample. False where the samples of this task take too long for the others. */
  took(task: Task, tookMs: number): boolean;
}

/** A sample up to this time causes no pause: ten times that of an ordinary one on a slow core. */
const freeMs = 100;
/** A longer sample ends its stream. */
const mostMs = 2000;
/** A sample from this time on ends its stream where it is the last of three that grew steeply. */
const growingMs = 200;
const growth = 3;

/** `now`: monotonic milliseconds. */
export function createTurns(now: () => number): Turns {
  const restsUntil = new WeakMap<Task, number>();
  /** The times of the last two samples, by task. */
  const before = new WeakMap<Task, readonly [earlier: number, last: number]>();
  const rests = (task: Task): number => restsUntil.get(task) ?? Number.NEGATIVE_INFINITY;
  return {
    whose(writers, others) {
      const at = now();
      const rested = writers.filter((task) => rests(task) <= at);
      if (rested.length > 0 || others || writers.length === 0) return rested;
      // Without other work a pause has no use.
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
