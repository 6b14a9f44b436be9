import { assertNever } from '../domain/assert-never.ts';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { ThreadOutcome } from './killable-thread.ts';

/** The words for a task that has no answer; those who give tasks to a thread write them for their clients. */
export interface TaskFailures {
  /** The task took longer than `limitMs`, and the thread was ended. */
  readonly late: (limitMs: number) => Failure;
  /** The thread died while the task ran; `why` is the runtime's text. */
  readonly died: (why: string) => Failure;
  /** Too many tasks of this key wait. */
  readonly full: string;
  /** The turn of the task did not come in time. */
  readonly unserved: string;
  /** The key has used up its time, and may use the thread again after `seconds`. */
  readonly spent: (seconds: number) => string;
  /** The field of the request that makes its tasks slow; named where the key has used up its time. */
  readonly slowField?: string;
  /** The request was aborted before the turn of its task came. */
  readonly dropped: string;
  /** The thread is closed. */
  readonly closed: string;
}

const retryAfterMs = 1_000;

/**
 * The answer of a task, or its failure: `overloaded` where the thread has no time for it, `draining` where the request
 * or the thread has ended, else as `failures` says.
 */
export function resultOf<Answer>(outcome: ThreadOutcome<Answer>, failures: TaskFailures): Result<Answer> {
  return outcome.type === 'done' ? ok(outcome.answer) : fail(failureOf(outcome, failures));
}

type NoAnswer = Exclude<ThreadOutcome<never>, { readonly type: 'done' }>;

function failureOf(outcome: NoAnswer, failures: TaskFailures): Failure {
  switch (outcome.type) {
    case 'late':
      return failures.late(outcome.limitMs);
    case 'died':
      return failures.died(outcome.why);
    case 'full':
    case 'unserved':
      return failure('overloaded', failures[outcome.type], { retryAfterMs, blameless: true });
    case 'spent': {
      const message = failures.spent(Math.ceil(outcome.retryAfterMs / 1_000));
      const { slowField: param } = failures;
      return failure('overloaded', message, {
        ...(param === undefined ? {} : { param }),
        retryAfterMs: outcome.retryAfterMs,
        blameless: true,
      });
    }
    case 'dropped':
      return failure('draining', failures.dropped);
    case 'closed':
      return failure('draining', failures.closed, { blameless: true });
    default:
      return assertNever(outcome);
  }
}
