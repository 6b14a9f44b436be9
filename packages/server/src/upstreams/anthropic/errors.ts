import { causeOf } from '../../domain/cause.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import {
  callersFault,
  type DecodedError,
  type ErrorContext,
  type ErrorFacts,
  factsOfEvent,
  factsOfRefusal,
  failureByStatus,
  notServed,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { errorFrom, parseError, type UpstreamError } from '../http/refusal/upstream-error.ts';

/**
 * The API has one type for all mistakes in a request, so two cases are recognised by their message: a prompt that is too long
 * (`prompt is too long: 210000 tokens > 200000 maximum`, ``input length and `max_tokens` exceed context limit``), and an
 * account without credit, which has status 400 too.
 */
export const tooLong = /prompt is too long|exceeds? (?:the )?context (?:limit|window)|input is too long/i;
const noCredit = /credit balance is too low/i;

/** The failure of an answer that is no event stream. Under status 200 the type of the error decides. */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  return judge(factsOfRefusal(refusal, readError(parseError(refusal.body)), context));
}

/**
 * The failure for an error inside an answer: an event, or only its member `error`. `status`: the HTTP status for an error that
 * has an unknown type and gives no status. Default: 500, a failure of the provider.
 */
export function failureOfEvent(value: unknown, context: ErrorContext, status = 500): Failure {
  return judge(factsOfEvent('in the stream', readError(errorFrom(value)), context, status));
}

function readError({ message, type, code, status, namedStatus, retryAfterMs }: UpstreamError): DecodedError {
  return { message, names: { type, code }, status: status ?? namedStatus, retryAfterMs };
}

function judge(facts: ErrorFacts): Failure {
  const { status, message, cause } = facts;
  if (status === 400 || status === 413) {
    if (tooLong.test(message)) {
      return callersFault('context_length_exceeded', 'The prompt is too long for the model', facts);
    }
    if (noCredit.test(message)) return notServed(cause);
  }
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
