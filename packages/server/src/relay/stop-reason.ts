import { assertNever } from '../domain/assert-never.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { RunOutcome } from './run-outcome.ts';

/** Why a run was stopped from outside. The first reason counts. */
export type StopReason =
  /** Its only reader has left. */
  | { readonly type: 'client-gone' }
  /** A caller that may do so has cancelled it. */
  | { readonly type: 'cancelled' }
  /** No reader has come back within the grace time. */
  | { readonly type: 'grace-over' }
  /** A deadline, a shutdown, a bound that the answer broke. */
  | { readonly type: 'failed'; readonly failure: Failure };

/** How a run ends that was stopped. `begun`: it has committed, so what is missing was torn off. */
export function outcomeOfStop(
  reason: StopReason,
  begun: boolean,
): { readonly status: RunOutcome['status']; readonly reason?: Failure } {
  switch (reason.type) {
    case 'client-gone':
    case 'grace-over':
      return { status: 'abandoned' };
    case 'cancelled':
      return { status: 'cancelled', reason: cancelled };
    case 'failed':
      return { status: begun ? 'cut' : 'failed', reason: reason.failure };
    default:
      return assertNever(reason);
  }
}

const cancelled = failure('completion_cancelled', 'This completion was cancelled.');
