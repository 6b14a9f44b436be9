import { type Failure, failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { nameOf } from '../../telemetry/wording.ts';
import {
  callersFault,
  type DecodedError,
  type ErrorContext,
  type ErrorFacts,
  factsOfEvent,
  factsOfRefusal,
  failureByStatus,
  keyRefused,
  messageOf,
  notServed,
  type Refusal,
} from '../http/refusal/refusal.ts';
import { asList, asObject, asText, parseJson } from '../http/unknown-json.ts';

/** The HTTP status of each named status, for errors without a number (cloud.google.com/apis/design/errors). */
const statusOfName: ReadonlyMap<string, number> = new Map(
  Object.entries({
    INVALID_ARGUMENT: 400,
    FAILED_PRECONDITION: 400,
    OUT_OF_RANGE: 400,
    UNAUTHENTICATED: 401,
    PERMISSION_DENIED: 403,
    NOT_FOUND: 404,
    ABORTED: 409,
    RESOURCE_EXHAUSTED: 429,
    CANCELLED: 499,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    DEADLINE_EXCEEDED: 504,
  }),
);

/**
 * A prompt that is too long has no code of its own:
 * `The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).`
 */
export const tooLong =
  /(?:input|prompt) token count .{0,40}exceeds? the maximum|exceeds the maximum (?:number of )?tokens/i;

/**
 * The failure of an answer that is no event stream: `{"error": {code, message, status, details}}`, or a list with one of these.
 */
export function failureOfRefusal(refusal: Refusal, context: ErrorContext): Failure {
  const parsed = parseJson(refusal.body);
  const error = asObject(asObject(Array.isArray(parsed) ? parsed[0] : parsed)?.['error']);
  return judge(error, factsOfRefusal(refusal, readError(error), context));
}

/** The failure for the `error` of an event. An error without a status is a failure of the provider. */
export function failureOfEvent(value: unknown, context: ErrorContext): Failure {
  const error = asObject(value);
  return judge(error, factsOfEvent('in the stream', readError(error), context));
}

function readError(error: JsonObject | undefined): DecodedError {
  return {
    message: messageOf(error?.['message']),
    names: { code: error?.['code'], status: error?.['status'], reason: reasonsIn(error)[0] },
    status: statusIn(error),
    retryAfterMs: retryDelayMs(error),
  };
}

/** The failure for a `promptFeedback.blockReason`: the prompt was refused, and no answer comes. */
export function promptBlocked(reason: string): Failure {
  return failure('content_policy_violation', 'The content policy of the upstream refused this request.', {
    detail: `blockReason ${nameOf(reason)}`,
  });
}

function judge(error: JsonObject | undefined, facts: ErrorFacts): Failure {
  const { status, message, cause } = facts;
  // A wrong key has status 400 with this reason, and a country without service is a failed precondition: neither is the
  // client's mistake.
  if (status === 400 && reasonsIn(error).includes('API_KEY_INVALID')) return keyRefused(cause);
  if (status === 400 && error?.['status'] === 'FAILED_PRECONDITION') return notServed(cause);
  if ((status === 400 || status === 413) && tooLong.test(message)) {
    return callersFault('context_length_exceeded', 'The prompt is too long for the model', facts);
  }
  // 499: the upstream cancelled the request itself.
  return failureByStatus(status === 499 ? { ...facts, status: 500 } : facts);
}

function statusIn(error: JsonObject | undefined): number | undefined {
  const code = error?.['code'];
  if (typeof code === 'number' && Number.isInteger(code) && code >= 400 && code < 600) return code;
  return statusOfName.get(asText(error?.['status']));
}

function reasonsIn(error: JsonObject | undefined): readonly string[] {
  return asList(error?.['details']).map((detail) => asText(asObject(detail)?.['reason']));
}

/** `RetryInfo.retryDelay` in the details, in seconds with an `s` (`34.07s`). */
function retryDelayMs(error: JsonObject | undefined): number | undefined {
  for (const detail of asList(error?.['details'])) {
    const delay = /^(\d+(?:\.\d+)?)s$/.exec(asText(asObject(detail)?.['retryDelay']))?.[1];
    if (delay !== undefined) return Math.round(Number(delay) * 1_000);
  }
  return undefined;
}
