import type { Failure } from '../domain/failure.ts';
import type { EventBatch } from '../domain/stream-event.ts';
import type { Attempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { blameOf } from './blame.ts';
import type { AttemptRecord, OpenAttempt, OpenAttempts } from './open-attempts.ts';

/** How an attempt's wait for its commit ended. */
type Outcome = Awaited<ReturnType<Attempt['commit']>>;

/** Who committed, and with what; or why nobody did. Undefined: the run was stopped meanwhile. */
export type RaceOutcome =
  | { readonly opened: OpenAttempt; readonly batch: EventBatch }
  | { readonly failure: Failure }
  | undefined;

/**
 * Asks targets until one commits: one at a time, and beside one that is slow a second. All but the winner are
 * closed when it returns.
 *
 *     open ──first delta──▶ won          late ─▶ a second beside it
 *       └ failed ─▶ the next, as the machine says ─▶ nobody left, or the caller's failure: lost
 */
export async function race(
  machine: AttemptMachine,
  openAttempts: OpenAttempts,
  signal: AbortSignal,
): Promise<RaceOutcome> {
  const racers = new Map<OpenAttempt, Promise<Outcome>>();
  let hedged = false;
  const start = (candidate: Candidate, mode: AttemptRecord['mode']) => {
    const opened = openAttempts.open(candidate, mode);
    racers.set(opened, opened.attempt.commit());
  };
  const startBeside = () => {
    const beside = machine.hedge();
    if (beside !== undefined) start(beside, 'hedge');
  };

  for (;;) {
    if (racers.size === 0) {
      const action = machine.next();
      if (action.type === 'exhausted') return { failure: action.failure };
      await pause(action.afterMs, signal);
      if (signal.aborted) return undefined;
      start(action.candidate, 'first');
    }
    const [first] = racers.keys();
    const done = await firstDone(racers, hedged ? undefined : first?.candidate.model.timeouts.hedgeAfterMs);
    if (done === 'late') {
      hedged = true;
      // A hedge is for silence: not where an answer that does not stream is on its way.
      if (!openAttempts.begun) startBeside();
      continue;
    }
    const [opened, result] = done;
    if (result === 'aborted' || signal.aborted) return undefined;
    if ('batch' in result) {
      await openAttempts.closeOthers(opened, 'lost');
      return { opened, batch: result.batch };
    }
    racers.delete(opened);
    await openAttempts.fail(opened, result.failure, false);
    if (blameOf(result.failure.code) === 'caller') {
      await openAttempts.closeOthers(undefined, 'aborted');
      return { failure: result.failure };
    }
    // One of two has failed: somebody fresh takes its place at once; with nobody fresh the other goes on.
    if (racers.size > 0) startBeside();
  }
}

/** The first racer to be done, with its outcome, or `late` when none is within `hedgeAfterMs`. */
async function firstDone(
  racers: ReadonlyMap<OpenAttempt, Promise<Outcome>>,
  hedgeAfterMs: number | undefined,
): Promise<readonly [OpenAttempt, Outcome] | 'late'> {
  const outcomes = [...racers].map(async ([racer, outcome]) => [racer, await outcome] as const);
  // Those that lose are closed and never awaited again: a bug in one of them is no unhandled rejection.
  for (const outcome of outcomes) outcome.catch(() => {});
  if (hedgeAfterMs === undefined) return await Promise.race(outcomes);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), hedgeAfterMs);
  });
  try {
    return await Promise.race([...outcomes, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
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
