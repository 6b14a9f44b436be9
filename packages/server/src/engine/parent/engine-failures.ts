import { causeOfBug } from '../../domain/cause.ts';
import { type Failure, failure } from '../../domain/failure.ts';

// These failures are blameless: one crash ends all streams, and if each of them counted, the breaker would open for an
// engine that is running again. `retryAfterMs` says when it will be.
export function stopped(): Failure {
  return failure('upstream_cut', 'The local engine stopped while it wrote this answer.', { blameless: true });
}

/** `cannotLoad`: the last start of the child failed; the log has the reason. */
export function notRunning(retryAfterMs: number, cannotLoad: boolean): Failure {
  const message = cannotLoad
    ? 'The local engine is not running: its model cannot be loaded again. Try later, or tell the operator.'
    : 'The local engine is not running.';
  return failure('upstream_refused', message, { retryAfterMs, blameless: true });
}

export function replaced(): Failure {
  const message = 'The model was replaced by another file while this request waited. Send it again.';
  return failure('upstream_refused', message, { blameless: true });
}

export function notPrepared(error: unknown): Failure {
  return failure('internal_error', 'The request could not be prepared.', causeOfBug(error));
}
