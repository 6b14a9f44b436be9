import type { Failure } from '../domain/failure.ts';
import type { Attempt, Committed } from './attempt.ts';
import type { Candidate } from './attempt-plan.ts';

/** One target at work on a request that has not committed. */
export interface Racer {
  readonly candidate: Candidate;
  readonly attempt: Attempt;
  readonly outcome: Promise<Finished>;
}

export interface Finished {
  readonly racer: Racer;
  readonly result: Committed | { readonly failure: Failure } | 'aborted';
}

/** Starts waiting for an attempt's commit. */
export function enter(candidate: Candidate, attempt: Attempt): Racer {
  const racer: { candidate: Candidate; attempt: Attempt; outcome?: Promise<Finished> } = {
    candidate,
    attempt,
  };
  const outcome = attempt.commit().then((result): Finished => ({ racer: entered, result }));
  // Lost racers are closed and never awaited again: a bug in one of them is not an unhandled rejection.
  outcome.catch(() => {});
  const entered: Racer = Object.assign(racer, { outcome });
  return entered;
}

/** The first racer to be done, or `late` when none is within `patienceMs`. */
export async function firstDone(
  racers: readonly Racer[],
  patienceMs: number | undefined,
): Promise<Finished | 'late'> {
  const outcomes = racers.map((racer) => racer.outcome);
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
