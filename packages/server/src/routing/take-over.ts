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

/** The state of the answer that {@link takeOver} continues. */
export interface TakeOverDeps {
  readonly machine: AttemptMachine;
  readonly openAttempts: OpenAttempts;
  readonly call: Call;
  readonly delivered: Delivered;
  readonly spent: SpentTokens;
  readonly signal: AbortSignal;
}

/**
 * The attempt that continues the answer and its first new events. Without `opened` no target was asked, because the answer
 * already has `max_tokens` tokens: the batch is only the finish.
 */
export type TakenOver =
  | { readonly opened?: OpenAttempt; readonly batch: EventBatch }
  | { readonly failure: Failure }
  | undefined;

/**
 * Continues an answer that `reason` has cut: asks targets until one sends an event that is new to the client. Where no
 * target can continue, the failure is `reason`. Undefined: the run was stopped meanwhile.
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

/** Reads the target that takes over until an event is new to the client. */
async function readSuccessor(
  { signal }: TakeOverDeps,
  { attempt, candidate, continuation }: OpenAttempt,
  hasSuccessor: () => boolean,
): Promise<{ readonly batch: EventBatch } | { readonly failure: Failure } | undefined> {
  const committed = await attempt.commit();
  if (committed === 'aborted' || signal.aborted) return undefined;
  if ('failure' in committed) return committed;
  let batch: EventBatch | undefined = committed.batch.filter((event) => event.type !== 'start');
  const held: StreamEvent[] = [];
  for (;;) {
    const joined = continuation?.joint(batch) ?? never();
    if (joined.type === 'diverged') return { failure: diverged() };
    if (joined.type === 'stopped') return { batch: [finish('stop')] };
    if (joined.type === 'length') return { batch: [finish('length')] };
    for (const event of joined.batch) held.push(event);
    const failed = held.find((event) => event.type === 'failed');
    if (held.some(commits)) return { batch: held };
    if (failed?.type === 'failed') return { failure: failed.failure };
    batch = await nextBatch(attempt, stallTimeoutMs(candidate.model.timeouts.stallMs, hasSuccessor()));
    if (signal.aborted) return undefined;
    if (batch === undefined) return { failure: brokeOff() };
  }
}

function finish(reason: 'stop' | 'length'): StreamEvent {
  return { type: 'finish', choice: 0, reason };
}

/** Not a failure of the target's health. It is permanent: the target would give the same answer again. */
function diverged(): Failure {
  return failure('upstream_cut', 'The answer broke off and could not be continued.', {
    detail: 'a replay differs from the answer that it had to repeat',
    permanent: true,
    blameless: true,
  });
}

function never(): never {
  throw new Error('a takeover without its joint');
}
