import { causeOf } from '../../domain/cause.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import {
  type Complaint,
  callersFault,
  type ErrorContext,
  failureByStatus,
  messageOf,
  notServed,
  type Refusal,
  retryAfterMs,
} from '../http/refusal/refusal.ts';
import { refusalCause } from '../http/refusal/refusal-cause.ts';
import { asRecord, asText, parseJson } from '../http/unknown-json.ts';

/**
 * Types of error and the status that each has over HTTP (platform.claude.com/docs/en/api/errors): in a stream
 * there is only the type. `overloaded_error` is 529.
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
 * The API has one type for everything that a caller can get wrong; these two can only be told by what it says:
 * `prompt is too long: 210000 tokens > 200000 maximum`, ``input length and `max_tokens` exceed context limit``,
 * and an account without credit, which comes as 400 too.
 */
export const tooLong = /prompt is too long|exceeds? (?:the )?context (?:limit|window)|input is too long/i;
const noCredit = /credit balance is too low/i;

/** An answer that is no stream. A 200 with an error inside is judged by the error's own type. */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  const error = asRecord(asRecord(parseJson(refusal.body))?.['error']);
  const inside = statusOfType.get(asText(error?.['type']));
  const message = messageOf(error?.['message']);
  return judge({
    status: refusal.status >= 400 ? refusal.status : (inside ?? refusal.status),
    message,
    cause: refusalCause(`HTTP ${refusal.status}`, { type: error?.['type'] }, message),
    retryAfterMs: retryAfterMs(refusal.headers, context.nowMs),
    context,
  });
}

/** The `error` of an `error` event; an unknown type is the provider's own failure. */
export function failureOfEvent(value: unknown, context: ErrorContext): Failure {
  const error = asRecord(value);
  const type = asText(error?.['type']);
  const message = messageOf(error?.['message']);
  return judge({
    status: statusOfType.get(type) ?? 500,
    message,
    cause: refusalCause('in the stream', { type }, message),
    retryAfterMs: undefined,
    context,
  });
}

function judge(complaint: Complaint): Failure {
  const { status, message, cause } = complaint;
  if (status === 400 || status === 413) {
    if (tooLong.test(message)) {
      return callersFault('context_length_exceeded', 'The prompt is too long for the model', complaint);
    }
    if (noCredit.test(message)) return notServed(cause);
  }
  return failureByStatus(complaint);
}

/** A prefill that is refused is between us and the upstream: the client never asked for one. */
export function prefillRefused(reason: Failure): Failure {
  if (reason.code !== 'invalid_value' && reason.code !== 'unsupported_parameter') return reason;
  return failure('upstream_refused', 'The upstream does not continue an answer.', {
    permanent: true,
    ...causeOf(reason),
  });
}
