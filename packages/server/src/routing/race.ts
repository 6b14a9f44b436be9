import type { Failure } from '../domain/failure.ts';
import type { EventBatch } from '../domain/stream-event.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../timers/timer-queue.ts';
import type { Attempt } from './attempt.ts';
import type { Candidate } from './attempt-plan.ts';
import { blameOf } from './blame.ts';
import type { Asking, AttemptRecord, OpenAttempt, OpenAttempts } from './open-attempts.ts';

/** How an attempt's wait for its commit ended. */
type Outcome = Awaited<ReturnType<Attempt['commit']>>;

/**
 * The attempt that committed, with its first batch; or the failure of the race. Undefined: the run was stopped
 * meanwhile.
 */
export type RaceOutcome =
  | { readonly opened: OpenAttempt; readonly batch: EventBatch }
  | { readonly failure: Failure }
  | undefined;

/**
 * Asks targets until one commits: one at a time, or two while the first is slow. Before it returns a winner or a failure,
 * it closes all other attempts. After an abort the source closes them.
 *
 *     open ──commit──▶ won               slow ─▶ a second attempt beside the first (hedge)
 *       └ failed ─▶ the next target that the machine names ─▶ none left, or the caller's fault: failure
 */
export async function race(
  asking: Asking,
  openAttempts: OpenAttempts,
  timers: TimerQueue,
  signal: AbortSignal,
): Promise<RaceOutcome> {
  const { machine } = asking;
  const racers = new Map<OpenAttempt, Promise<Outcome>>();
  let hedged = false;
  const start = (candidate: Candidate, mode: AttemptRecord['mode']) => {
    const opened = openAttempts.open(candidate, mode, asking);
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
      await pause(action.afterMs, timers, signal);
      if (signal.aborted) return undefined;
      start(action.candidate, 'first');
    }
    const [first] = racers.keys();
    const hedgeAfterMs = hedged ? undefined : first?.candidate.model.timeouts.hedgeAfterMs;
    const done = await firstDone(racers, hedgeAfterMs, timers);
    if (done === 'late') {
      hedged = true;
      // A hedge is for a target that has sent no output. An answer that does not stream may have begun without a commit;
      // then no hedge is started.
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
    await openAttempts.fail(opened, result.failure);
    machine.failed(opened.candidate, result.failure, false);
    if (blameOf(result.failure.code) === 'caller') {
      await openAttempts.closeOthers(undefined, 'aborted');
      return { failure: result.failure };
    }
    // One of two attempts has failed. An untried target replaces it at once; where there is none, only the other attempt
    // continues.
    if (racers.size > 0) startBeside();
  }
}

/** The first attempt to commit or fail, with its outcome; `late` where none has done so within `hedgeAfterMs`. */
async function firstDone(
  racers: ReadonlyMap<OpenAttempt, Promise<Outcome>>,
  hedgeAfterMs: number | undefined,
  timers: TimerQueue,
): Promise<readonly [OpenAttempt, Outcome] | 'late'> {
  const [only, ...others] = racers;
  // The usual case: nothing has to be raced.
  if (only !== undefined && others.length === 0 && hedgeAfterMs === undefined)
    return [only[0], await only[1]];
  const outcomes = [...racers].map(async ([racer, outcome]) => [racer, await outcome] as const);
  // The losers are closed and not awaited again: a bug in one of them must not be an unhandled rejection.
  for (const outcome of outcomes) outcome.catch(() => {});
  if (hedgeAfterMs === undefined) return await Promise.race(outcomes);
  let timer: QueuedTimer | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = { dueMs: 0, place: notQueued, fire: () => resolve('late') };
    timers.start(timer, hedgeAfterMs);
  });
  try {
    return await Promise.race([...outcomes, late]);
  } finally {
    if (timer !== undefined) timers.stop(timer);
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
function pause(ms: number, timers: TimerQueue, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      timers.stop(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer: QueuedTimer = { dueMs: 0, place: notQueued, fire: done };
    timers.start(timer, ms);
    signal.addEventListener('abort', done);
  });
}
