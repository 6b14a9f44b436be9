import { type Failure, failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { nameOf } from '../../telemetry/wording.ts';
import {
  type DecodedError,
  type ErrorContext,
  type ErrorFacts,
  factsOfEvent,
  factsOfRefusal,
  failureByStatus,
  keyRefused,
  notServed,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { requestFault } from '../http/refusal/request-fault.ts';
import { errorFrom, parseError, type UpstreamError } from '../http/refusal/upstream-error.ts';
import { asList, asObject, asText, parseJson } from '../http/unknown-json.ts';

/**
 * The failure of an answer that is no event stream: `{"error": {code, message, status, details}}`, or a list with one of these.
 */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  const parsed = parseJson(refusal.body);
  const error = memberOf(parsed);
  const read = parsed === undefined ? parseError(refusal.body) : errorFrom(parsed);
  return judge(error, read, factsOfRefusal(refusal, readError(error, read), context));
}

/**
 * The failure for an error inside an answer: an event, or only its member `error`. `status`: the HTTP status for an error that
 * gives none. Default: 500, a failure of the provider.
 */
export function failureOfEvent(value: unknown, context: ErrorContext, status = 500): Failure {
  const error = memberOf(value);
  const read = errorFrom(value);
  return judge(error, read, factsOfEvent('in the stream', readError(error, read), context, status));
}

/** The object with the members of an error. */
function memberOf(value: unknown): JsonObject | undefined {
  const outer = asObject(Array.isArray(value) ? value[0] : value);
  return asObject(outer?.['error']) ?? outer;
}

function readError(
  error: JsonObject | undefined,
  { message, status, namedStatus, retryAfterMs }: UpstreamError,
): DecodedError {
  return {
    message,
    names: { code: error?.['code'], status: error?.['status'], reason: reasonsIn(error)[0] },
    status: status ?? namedStatus,
    retryAfterMs,
  };
}

/** The failure for a `promptFeedback.blockReason`: the prompt was refused, and no answer comes. */
export function promptBlocked(reason: string): Failure {
  return failure('content_policy_violation', 'The content policy of the upstream refused this request.', {
    detail: `blockReason ${nameOf(reason)}`,
  });
}

function judge(error: JsonObject | undefined, read: UpstreamError, facts: ErrorFacts): Failure {
  const { status, cause } = facts;
  // A wrong key has status 400 with this reason, and a country without service is a failed precondition: neither is the
  // client's mistake.
  if (status === 400 && reasonsIn(error).includes('API_KEY_INVALID')) return keyRefused(cause);
  if (status === 400 && error?.['status'] === 'FAILED_PRECONDITION') return notServed(cause);
  const fault = requestFault(read, facts);
  if (fault !== undefined) return fault;
  // 499: the upstream cancelled the request itself.
  return failureByStatus(status === 499 ? { ...facts, status: 500 } : facts);
}

function reasonsIn(error: JsonObject | undefined): readonly string[] {
  return asList(error?.['details']).map((detail) => asText(asObject(detail)?.['reason']));
}
