import { errorKind } from '@tailrace/protocol';
import { type Cause, causeOf } from '../../../domain/cause.ts';
import { chatJson } from '../../../domain/chat-json.ts';
import type { ChatRequest } from '../../../domain/chat-request.ts';
import { type Failure, failure } from '../../../domain/failure.ts';
import { pathInRequest } from '../../../domain/request-path.ts';
import { readRetryAfter } from '../../../domain/retry-after.ts';
import { pickMembers } from '../../../domain/spellings.ts';
import { excerpt, maxRead } from './excerpt.ts';
import { type ErrorNames, refusalCause } from './refusal-cause.ts';

/**
 * An HTTP answer that is no event stream: its status, its headers with names in lower case, and the part of its body that was
 * read.
 */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** What the failure of a refusal depends on besides the refusal. */
export interface ErrorContext {
  /** Texts that no client may see, such as the upstream's host and key. */
  readonly hidden: readonly string[];
  /** The request of the client. Absent: the failure names no field, as after output, where the request is not at fault. */
  readonly request?: ChatRequest | undefined;
  /** Unix milliseconds, for `Retry-After` as a date. */
  readonly nowMs: number;
  /** The {@link retryHeaders} of the answer in which an error came. Absent: it has none, or its head has not come. */
  readonly headers?: Refusal['headers'] | undefined;
}

/** The error in a refusal or in an event, as an adapter has read it. */
export interface DecodedError {
  /** Made by {@link messageOf}. */
  readonly message: string;
  readonly names: ErrorNames;
  /** The HTTP status that the error itself means. */
  readonly status?: number | undefined;
  /** The field at fault, as the upstream names it. */
  readonly param?: string | undefined;
  /** The delay that the error itself names, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** The data of an upstream's error from which a failure is made. */
export interface ErrorFacts {
  readonly status: number;
  /** Made by {@link messageOf}. */
  readonly message: string;
  /** The field at fault, as the upstream names it; passed on where the client's request has it. */
  readonly param?: string;
  readonly cause: Cause;
  readonly retryAfterMs: number | undefined;
  readonly context: ErrorContext;
}

/** The facts of a refusal. The status inside the error is used only where the HTTP status is below 400. */
export function factsOfRefusal(refusal: Refusal, error: DecodedError, context: ErrorContext): ErrorFacts {
  const { message, names, param } = error;
  return {
    status: refusal.status >= 400 ? refusal.status : (error.status ?? refusal.status),
    message,
    ...(param === undefined ? {} : { param }),
    cause: refusalCause(`HTTP ${refusal.status}`, names, message),
    retryAfterMs: error.retryAfterMs ?? retryAfterMs(refusal.headers, context.nowMs),
    context,
  };
}

/** The facts of an error inside an answer. `where`: for the log. `status`: for an error without one. */
export function factsOfEvent(
  where: string,
  error: DecodedError,
  context: ErrorContext,
  status = 500,
): ErrorFacts {
  const { message, names, param } = error;
  return {
    status: error.status ?? status,
    message,
    ...(param === undefined ? {} : { param }),
    cause: refusalCause(where, names, message),
    retryAfterMs: error.retryAfterMs ?? retryAfterMs(context.headers ?? {}, context.nowMs),
    context,
  };
}

/**
 * A text of an upstream as the message of an error: its first `maxRead` characters, and one more. The additional character lets
 * {@link excerpt} detect that the text was cut. This bounds the cost of every regular expression that a message is matched
 * against. Empty where the value is no text.
 */
export function messageOf(text: unknown): string {
  return typeof text === 'string' ? text.slice(0, maxRead + 1) : '';
}

/** The failure for a status by the contract, section 7, where the body gives no better reason. */
export function failureByStatus(facts: ErrorFacts): Failure {
  const { status, cause, retryAfterMs: waitMs } = facts;
  const more = { ...cause, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
  switch (status) {
    case 401:
    case 403:
      return keyRefused(cause);
    case 407:
      return accessRefused(cause);
    case 402:
      return notPaid(cause);
    case 404:
      return notServed(cause);
    case 408:
    case 409:
      return failure('upstream_refused', 'The upstream could not serve the request now.', more);
    case 429:
      return failure(
        'rate_limit_exceeded',
        'The upstream is asked too often at the moment. Try again later.',
        { ...more, upstreamKey: 'limited' },
      );
  }
  if (status >= 500) return failure('upstream_refused', 'The upstream failed to serve the request.', more);
  if (status < 400) {
    return failure('upstream_protocol', 'The upstream sent no answer that can be read.', more);
  }
  return callersFault('invalid_value', 'The upstream refused the request', facts);
}

/** The failure for a request that the client must change: `what`, with an excerpt of the upstream's message. */
export function callersFault(code: Failure['code'], what: string, facts: ErrorFacts): Failure {
  const { cause, context } = facts;
  const quoted = excerpt(facts.message, context.hidden);
  const param = paramOf(facts);
  return failure(code, quoted === '' ? `${what}.` : `${what}: ${quoted}`, {
    ...cause,
    ...(param === undefined ? {} : { param }),
  });
}

/**
 * The path, in the client's request, of the field that the upstream names; undefined where the upstream names none, or the
 * request does not have it.
 */
function paramOf({ param, context: { request } }: ErrorFacts): string | undefined {
  if (param === undefined || param === '' || request === undefined) return undefined;
  // The rest of a request may be large: only the members with which the path can begin are written.
  const [, root = ''] = /^(?:body\.)?([^.[]*)/.exec(param) ?? [];
  const names = ['body', root].filter((name) => Object.hasOwn(request.rest, name));
  return pathInRequest(param, chatJson({ ...request, rest: pickMembers(request.rest, names) }));
}

/** The failure for an upstream that does not accept our key. */
export function keyRefused(cause: Cause): Failure {
  return { ...accessRefused(cause), upstreamKey: 'refused' };
}

/** The failure for an upstream, or a proxy before it, that does not let this server in. */
function accessRefused(cause: Cause): Failure {
  return failure('upstream_auth', 'The upstream did not accept the key of this server.', {
    ...cause,
    permanent: true,
  });
}

/** The failure for a key whose account has no credit. */
export function notPaid(cause: Cause): Failure {
  return { ...notServed(cause), upstreamKey: 'refused' };
}

/** The failure for an upstream that does not serve the model to us: it is unknown there, or not allowed. */
export function notServed(cause: Cause): Failure {
  return failure('upstream_refused', 'The upstream cannot serve this model to this server.', {
    ...cause,
    permanent: true,
  });
}

/**
 * The failure for an error after output. The upstream has accepted the request, so the request is not at fault: the answer is
 * torn. A refusal by policy stays one, because no other target may be asked after it.
 */
export function afterOutput(reason: Failure): Failure {
  const blamesCaller = errorKind(reason.code).status === 400;
  if (!blamesCaller || reason.code === 'content_policy_violation') return reason;
  return failure('upstream_cut', 'The upstream broke off its answer.', causeOf(reason));
}

/**
 * `retry-after-ms`, else `Retry-After` in seconds or as a date. In milliseconds. Undefined where neither header has a valid
 * value, and for a date in the past.
 */
function retryAfterMs(headers: Refusal['headers'], nowMs: number): number | undefined {
  const exact = first(headers['retry-after-ms']);
  if (exact !== undefined && /^\d+(\.\d+)?$/.test(exact)) return Math.round(Number(exact));
  return readRetryAfter(first(headers['retry-after']), nowMs);
}

/** The headers of an answer that say when to try again; undefined where it has none, as nearly every answer. */
export function retryHeaders(headers: Refusal['headers']): Refusal['headers'] | undefined {
  const { 'retry-after': coarse, 'retry-after-ms': exact } = headers;
  if (coarse === undefined && exact === undefined) return undefined;
  return { 'retry-after': coarse, 'retry-after-ms': exact };
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.trim() : value?.[0]?.trim();
}
