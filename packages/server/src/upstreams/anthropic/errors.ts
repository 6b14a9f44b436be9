import { causeOf } from '../../domain/cause.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import {
  type DecodedError,
  type ErrorContext,
  type ErrorFacts,
  factsOfEvent,
  factsOfRefusal,
  failureByStatus,
  notPaid,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { requestFault } from '../http/refusal/request-fault.ts';
import { errorFrom, parseError, type UpstreamError } from '../http/refusal/upstream-error.ts';

/** An account without credit has status 400 and the type of every mistake in a request. */
const noCredit = /credit balance is too low/i;

/** The failure of an answer that is no event stream. Under status 200 the type of the error decides. */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  const error = parseError(refusal.body);
  return judge(error, factsOfRefusal(refusal, readError(error), context));
}

/**
 * The failure for an error inside an answer: an event, or only its member `error`. `status`: the HTTP status for an error that
 * has an unknown type and gives no status. Default: 500, a failure of the provider.
 */
export function failureOfEvent(value: unknown, context: ErrorContext, status = 500): Failure {
  const error = errorFrom(value);
  return judge(error, factsOfEvent('in the stream', readError(error), context, status));
}

function readError({ message, type, code, status, namedStatus, retryAfterMs }: UpstreamError): DecodedError {
  return { message, names: { type, code }, status: status ?? namedStatus, retryAfterMs };
}

function judge(error: UpstreamError, facts: ErrorFacts): Failure {
  const { status, message, cause } = facts;
  const fault = requestFault(error, facts);
  if (fault !== undefined) return fault;
  if ((status === 400 || status === 413) && noCredit.test(message)) return notPaid(cause);
  return failureByStatus(facts);
}

/** The client's request has no prefill, so a refused prefill is not the client's mistake: the failure blames the upstream. */
export function prefillRefused(reason: Failure): Failure {
  if (reason.code !== 'invalid_value' && reason.code !== 'unsupported_parameter') return reason;
  return failure('upstream_refused', 'The upstream does not continue an answer.', {
    permanent: true,
    ...causeOf(reason),
  });
}

/** The failure for an answer that does not continue the prefix exactly. */
export function wrongJoint(): Failure {
  return failure('upstream_cut', 'The upstream did not go on exactly behind the answer so far.');
}
