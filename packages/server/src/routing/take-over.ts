import { brokeOff, type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent } from '../domain/stream-event.ts';
import { nextBatch } from './attempt.ts';
import type { Candidate } from './attempt-plan.ts';
import { continueWith, type SpentTokens } from './continuation.ts';
import type { Delivered } from './delivered.ts';
import type { Joint } from './joints.ts';
import type { Asking, OpenAttempt, OpenAttempts } from './open-attempts.ts';
import { stallTimeoutMs } from './stall-timeout.ts';
import { takeoverMode } from './takeover-mode.ts';

/** The state of the answer that {@link takeOver} continues. */
export interface TakeOverDeps {
  readonly asking: Asking;
  readonly openAttempts: OpenAttempts;
  readonly delivered: Delivered;
  readonly spent: SpentTokens;
  readonly signal: AbortSignal;
}

/** The attempt that continues the answer and its first new events. */
export type TakenOver =
  | { readonly opened: OpenAttempt; readonly batch: EventBatch }
  | { readonly failure: Failure }
  | undefined;

/**
 * Continues an answer that `reason` has cut: asks targets until one sends an event that is new to the client. Where no
 * target can continue, the failure is `reason`. Undefined: the run was stopped meanwhile.
 */
export async function takeOver(deps: TakeOverDeps, reason: Failure): Promise<TakenOver> {
  const { asking, openAttempts, delivered, spent } = deps;
  const { machine, call } = asking;
  const suits = (candidate: Candidate) => takeoverMode(candidate, call.request, delivered) !== 'none';
  for (;;) {
    const candidate = machine.takeOver(suits);
    const mode = candidate === undefined ? 'none' : takeoverMode(candidate, call.request, delivered);
    if (candidate === undefined || mode === 'none') return { failure: reason };
    const { call: continued, joint, prefixTokens } = continueWith(mode, call, delivered, spent);
    const opened = openAttempts.open(candidate, mode, { call: continued, machine }, prefixTokens);
    const outcome = await readSuccessor(deps, opened, joint, () => machine.canTakeOver(suits));
    if (outcome === undefined) return undefined;
    if ('batch' in outcome) return { opened, ...outcome };
    await openAttempts.fail(opened, outcome.failure);
    machine.failed(candidate, outcome.failure, true);
  }
}

/** Reads the target that takes over until an event is new to the client. */
async function readSuccessor(
  { signal }: TakeOverDeps,
  { attempt, candidate }: OpenAttempt,
  joint: Joint,
  hasSuccessor: () => boolean,
): Promise<{ readonly batch: EventBatch } | { readonly failure: Failure } | undefined> {
  const committed = await attempt.commit();
  if (committed === 'aborted' || signal.aborted) return undefined;
  if ('failure' in committed) return committed;
  let batch: EventBatch | undefined = committed.batch.filter((event) => event.type !== 'start');
  const held: StreamEvent[] = [];
  for (;;) {
    const joined = joint(batch);
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
