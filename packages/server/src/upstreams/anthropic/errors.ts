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
  messageOf,
  notServed,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { asObject, asText, parseJson } from '../http/unknown-json.ts';

/**
 * The HTTP status of each type of error (platform.claude.com/docs/en/api/errors): an error in a stream has only its type.
 * `overloaded_error` is 529.
 */
const statusOfType: ReadonlyMap<string, number> = new Map(
  Object.entries({
    invalid_request_error: 400,
    authentication_error: 401,
    billing_error: 402,
    permission_error: 403,
    not_found_error: 404,
    conflict_error: 409,
    request_too_large: 413,
    rate_limit_error: 429,
    api_error: 500,
    timeout_error: 504,
    overloaded_error: 529,
  }),
);

/**
 * The API has one type for all mistakes in a request, so two cases are recognised by their message: a prompt that is too long
 * (`prompt is too long: 210000 tokens > 200000 maximum`, ``input length and `max_tokens` exceed context limit``), and an
 * account without credit, which has status 400 too.
 */
export const tooLong = /prompt is too long|exceeds? (?:the )?context (?:limit|window)|input is too long/i;
const noCredit = /credit balance is too low/i;

/** The failure of an answer that is no event stream. Under status 200 the type of the error decides. */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  const error = asObject(parseJson(refusal.body))?.['error'];
  return judge(factsOfRefusal(refusal, readError(error), context));
}

/** The failure for the `error` of an `error` event. An unknown type is a failure of the provider. */
export function failureOfEvent(value: unknown, context: ErrorContext): Failure {
  return judge(factsOfEvent('in the stream', readError(value), context));
}

function readError(value: unknown): DecodedError {
  const error = asObject(value);
  const type = error?.['type'];
  return { message: messageOf(error?.['message']), names: { type }, status: statusOfType.get(asText(type)) };
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
