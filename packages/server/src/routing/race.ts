import type { Attempt } from './attempt.ts';

/** How an attempt's wait for its commit ended. */
type Outcome = Awaited<ReturnType<Attempt['commit']>>;

/** The first racer to be done, with its outcome, or `late` when none is within `patienceMs`. */
export async function firstDone<Racer>(
  racers: ReadonlyMap<Racer, Promise<Outcome>>,
  patienceMs: number | undefined,
): Promise<readonly [Racer, Outcome] | 'late'> {
  const outcomes = [...racers].map(async ([racer, outcome]) => [racer, await outcome] as const);
  // Those that lose are closed and never awaited again: a bug in one of them is no unhandled rejection.
  for (const outcome of outcomes) outcome.catch(() => {});
  if (patienceMs === undefined) return await Promise.race(outcomes);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), patienceMs);
  });
  try {
    return await Promise.race([...outcomes, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
