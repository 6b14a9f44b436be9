import { brokeOff, type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent } from '../domain/stream-event.ts';
import { nextBatch } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { continueWith, hasReachedLength, type SpentTokens } from './continuation.ts';
import type { Delivered } from './delivered.ts';
import type { Call, OpenAttempt, OpenAttempts } from './open-attempts.ts';
import { stallTimeoutMs } from './stall-timeout.ts';
import { takeoverMode } from './takeover-mode.ts';

export interface TakeOverDeps {
  readonly machine: AttemptMachine;
  readonly openAttempts: OpenAttempts;
  readonly call: Call;
  readonly delivered: Delivered;
  readonly spent: SpentTokens;
  readonly signal: AbortSignal;
}

/** Which target goes on and with what; `opened` is absent where the answer only wanted its end. */
export type TakenOver =
  | { readonly opened?: OpenAttempt; readonly batch: EventBatch }
  | { readonly failure: Failure }
  | undefined;

/**
 * Finds a target that takes over an answer that broke off, and reads it until it says something new. A failure
 * is `reason` once more: no target could. Undefined: the run was stopped meanwhile.
 */
export async function takeOver(deps: TakeOverDeps, reason: Failure): Promise<TakenOver> {
  const { machine, openAttempts, call, delivered, spent } = deps;
  const { request } = call;
  const suits = (candidate: Candidate) => takeoverMode(candidate, request, delivered) !== 'none';
  const mayFinishHere = delivered.continuable && request.n === 1;
  if (mayFinishHere && hasReachedLength(request, spent)) return { batch: [finish('length')] };
  for (;;) {
    const candidate = machine.takeOver(suits);
    const mode = candidate === undefined ? 'none' : takeoverMode(candidate, request, delivered);
    if (candidate === undefined || mode === 'none') return { failure: reason };
    const opened = openAttempts.open(candidate, mode, continueWith(mode, call, delivered, spent));
    const outcome = await readSuccessor(deps, opened, () => machine.canTakeOver(suits));
    if (outcome === undefined) return undefined;
    if ('batch' in outcome) return { opened, ...outcome };
    await openAttempts.fail(opened, outcome.failure, true);
  }
}

/** Reads a successor until it says something new. */
async function readSuccessor(
  { signal }: TakeOverDeps,
  { attempt, candidate, continuation }: OpenAttempt,
  anotherCould: () => boolean,
): Promise<{ readonly batch: EventBatch } | { readonly failure: Failure } | undefined> {
  const committed = await attempt.commit();
  if (committed === 'aborted' || signal.aborted) return undefined;
  if ('failure' in committed) return committed;
  let batch: EventBatch | undefined = committed.batch.filter((event) => event.type !== 'start');
  const held: StreamEvent[] = [];
  for (;;) {
    const resumed = continuation?.joint(batch) ?? never();
    if (resumed.type === 'diverged') return { failure: diverged() };
    if (resumed.type === 'stopped') return { batch: [finish('stop')] };
    if (resumed.type === 'length') return { batch: [finish('length')] };
    for (const event of resumed.batch) held.push(event);
    const failed = held.find((event) => event.type === 'failed');
    if (held.some(commits)) return { batch: held };
    if (failed?.type === 'failed') return { failure: failed.failure };
    batch = await nextBatch(attempt, stallTimeoutMs(candidate.model.timeouts.stallMs, anotherCould()));
    if (signal.aborted) return undefined;
    if (batch === undefined) return { failure: brokeOff() };
  }
}

function finish(reason: 'stop' | 'length'): StreamEvent {
  return { type: 'finish', choice: 0, reason };
}

/** Said of the answer, not of the target: it is as well as before, and would only say the same again. */
function diverged(): Failure {
  return failure('upstream_cut', 'The answer broke off and could not be gone on with.', {
    detail: 'a replay said something else than the answer it was to repeat',
    permanent: true,
    blameless: true,
  });
}

function never(): never {
  throw new Error('a takeover without its joint');
}
