import { assertNever } from '../domain/assert-never.ts';
import { type Failure, failure } from '../domain/failure.ts';
import type { RunOutcome } from './run-outcome.ts';

/** Why a run was stopped before its answer ended. Of several reasons the first one counts. */
export type StopReason =
  /** Its only reader has left. */
  | { readonly type: 'client-gone' }
  /** An API call has cancelled it. */
  | { readonly type: 'cancelled' }
  /** No reader was attached again within the grace time. */
  | { readonly type: 'grace-over' }
  /** A deadline has passed, the server shuts down, or the answer has exceeded a bound. */
  | { readonly type: 'failed'; readonly failure: Failure };

/**
 * The status and the failure of a run that was stopped. `committed`: the client has received part of the answer, so a
 * failure has the status `cut` and not `failed`.
 */
export function outcomeOfStop(
  reason: StopReason,
  committed: boolean,
): { readonly status: RunOutcome['status']; readonly reason?: Failure } {
  switch (reason.type) {
    case 'client-gone':
      return { status: 'abandoned' };
    case 'grace-over':
      return { status: 'abandoned', reason: graceOver };
    case 'cancelled':
      return { status: 'cancelled', reason: cancelled };
    case 'failed':
      return { status: committed ? 'cut' : 'failed', reason: reason.failure };
    default:
      return assertNever(reason);
  }
}

/** For readers that come later: for them the stream was stopped, by whomever. */
const graceOver = failure(
  'completion_cancelled',
  'This completion was stopped, because no reader came back to it in time.',
);

const cancelled = failure('completion_cancelled', 'This completion was cancelled.');
