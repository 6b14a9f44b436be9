import { asciiJson, type ErrorEnvelope, errorKind } from '@tailrace/protocol';
import type { Failure } from '../domain/failure.ts';

/** A failure before commit, ready for any HTTP server: status, headers without the request id, body. */
export interface ErrorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Clients obey waits up to a minute and misbehave beyond: openai-node retries at once. */
const maxRetryAfterMs = 60_000;
const defaultRetryAfterMs = 1_000;
/** Both may quote the client's own names, which may be as long as a body. */
const maxMessageLength = 4_000;
const maxParamLength = 300;

export function errorReply(reason: Failure): ErrorReply {
  const { status } = errorKind(reason.code);
  return { status, headers: retryHeaders(reason, status), body: asciiJson(envelope(reason)) };
}

/** A failure after commit: the last event of a torn stream. Nothing follows it, `[DONE]` least of all. */
export function errorPayload(reason: Failure, requestId: string): string {
  return asciiJson(envelope(reason, requestId));
}

function envelope(reason: Failure, requestId?: string): ErrorEnvelope {
  return {
    error: {
      message: shortened(reason.message, maxMessageLength),
      type: errorKind(reason.code).type,
      param: reason.param === undefined ? null : shortened(reason.param, maxParamLength),
      code: reason.code,
      ...(requestId === undefined ? {} : { request_id: requestId }),
    },
  };
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

function retryHeaders(reason: Failure, status: number): Record<string, string> {
  const noRetry = { 'x-should-retry': 'false' };
  if (reason.code === 'insufficient_quota') return noRetry;
  if (status === 429 || status === 503) {
    const waitMs = Math.max(0, reason.retryAfterMs ?? defaultRetryAfterMs);
    const saidMs = Math.min(waitMs, maxRetryAfterMs);
    return {
      'retry-after': String(Math.max(1, Math.ceil(saidMs / 1_000))),
      'retry-after-ms': String(Math.ceil(saidMs)),
      ...(waitMs > maxRetryAfterMs ? noRetry : {}),
    };
  }
  return status < 500 ? noRetry : {};
}
