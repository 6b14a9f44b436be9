import { errorKind } from '@tailrace/protocol';
import { type Cause, causeOf } from '../../../domain/cause.ts';
import { chatJson } from '../../../domain/chat-json.ts';
import type { ChatRequest } from '../../../domain/chat-request.ts';
import { type Failure, failure } from '../../../domain/failure.ts';
import { pathInRequest } from '../../../domain/request-path.ts';
import { pickMembers } from '../../../domain/spellings.ts';
import { excerpt, maxRead } from './excerpt.ts';

/** An answer that is none: its status, its headers in lower case, and as much of its body as was read. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** What a refusal is judged by, besides itself. */
export interface ErrorContext {
  /** Never shown to a client: the upstream's host and key. */
  readonly hidden: readonly string[];
  /** What the caller asked. Absent: no field can be named. */
  readonly request?: ChatRequest;
  /** Unix milliseconds, for `Retry-After` as a date. */
  readonly nowMs: number;
}

/** What an adapter made of a refusal's body, before the status decides. */
export interface Complaint {
  readonly status: number;
  /** Made by {@link messageOf}. */
  readonly message: string;
  /** The field at fault, as the upstream names it; passed on where the caller's request has it. */
  readonly param?: string;
  readonly cause: Cause;
  readonly retryAfterMs: number | undefined;
  readonly context: ErrorContext;
}

/**
 * A text of an upstream as a complaint's message: as much of it as is read, and one character more, which says to
 * {@link excerpt} that it was cut. Everything that judges a message, regular expressions above all, costs no more than
 * that. Empty where it is no text.
 */
export function messageOf(text: unknown): string {
  return typeof text === 'string' ? text.slice(0, maxRead + 1) : '';
}

/** The contract's reading of a status (section 7), where nothing in the body says more than the status does. */
export function failureByStatus(complaint: Complaint): Failure {
  const { status, cause, retryAfterMs: waitMs } = complaint;
  const more = { ...cause, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
  switch (status) {
    case 401:
    case 403:
    case 407:
      return keyRefused(cause);
    case 402:
    case 404:
      return notServed(cause);
    case 408:
    case 409:
      return failure('upstream_refused', 'The upstream could not serve the request now.', more);
    case 429:
      return failure(
        'rate_limit_exceeded',
        'The upstream is asked too often at the moment. Try again later.',
        more,
      );
  }
  if (status >= 500) return failure('upstream_refused', 'The upstream failed to serve the request.', more);
  if (status < 400) {
    return failure('upstream_protocol', 'The upstream sent no answer that can be read.', more);
  }
  return callersFault('invalid_value', 'The upstream refused the request', complaint);
}

/** A refusal that is the caller's to mend, with what the upstream said about it. */
export function callersFault(code: Failure['code'], what: string, complaint: Complaint): Failure {
  const { cause, context } = complaint;
  const quoted = excerpt(complaint.message, context.hidden);
  const param = paramOf(complaint);
  return failure(code, quoted === '' ? `${what}.` : `${what}: ${quoted}`, {
    ...cause,
    ...(param === undefined ? {} : { param }),
  });
}

/** Where the caller's own request has that field. */
function paramOf({ param, context: { request } }: Complaint): string | undefined {
  if (param === undefined || param === '' || request === undefined) return undefined;
  // Of the rest, which may be large, what the path can begin with.
  const [, root = ''] = /^(?:body\.)?([^.[]*)/.exec(param) ?? [];
  const names = ['body', root].filter((name) => Object.hasOwn(request.rest, name));
  return pathInRequest(param, chatJson({ ...request, rest: pickMembers(request.rest, names) }));
}

export function keyRefused(cause: Cause): Failure {
  return failure('upstream_auth', 'The upstream did not accept the key of this server.', {
    ...cause,
    permanent: true,
  });
}

export function notServed(cause: Cause): Failure {
  return failure('upstream_refused', 'The upstream cannot serve this model to this server.', {
    ...cause,
    permanent: true,
  });
}

/**
 * An error event behind output. The request was accepted, so it is not the caller's mistake: the answer is torn.
 * Only a refusal by policy stays what it is, for it is never routed around.
 */
export function behindOutput(reason: Failure): Failure {
  const blamesCaller = errorKind(reason.code).status === 400;
  if (!blamesCaller || reason.code === 'content_policy_violation') return reason;
  return failure('upstream_cut', 'The upstream broke off its answer.', causeOf(reason));
}

/** `retry-after-ms`, else `Retry-After` in seconds or as a date. In milliseconds, never negative. */
export function retryAfterMs(headers: Refusal['headers'], nowMs: number): number | undefined {
  const exact = first(headers['retry-after-ms']);
  if (exact !== undefined && /^\d+(\.\d+)?$/.test(exact)) return Math.round(Number(exact));
  const coarse = first(headers['retry-after']);
  if (coarse === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(coarse)) return Math.round(Number(coarse) * 1_000);
  // An HTTP date begins with the day's name; `Date.parse` would make one of anything, of `-5` for instance.
  const date = /^[A-Z][a-z]{2}/.test(coarse) ? Date.parse(coarse) : Number.NaN;
  return date > nowMs ? date - nowMs : undefined;
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.trim() : value?.[0]?.trim();
}
