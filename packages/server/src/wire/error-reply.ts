import { asciiJson, type ErrorEnvelope, errorKind } from '@tailrace/protocol';
import type { Failure } from '../domain/failure.ts';

/** The reply to a failure while no head has left: status, headers without the request id, body. */
export interface ErrorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Clients obey waits of up to a minute; with a longer one openai-node retries at once. */
const maxRetryAfterMs = 60_000;
const defaultRetryAfterMs = 1_000;
/** Message and param may quote names of the client's, which may be as long as a body. */
const maxMessageLength = 4_000;
const maxParamLength = 300;

export function errorReply(reason: Failure): ErrorReply {
  const { status } = errorKind(reason.code);
  return { status, headers: retryHeaders(reason, status), body: asciiJson(envelope(reason)) };
}

/** A failure after the head: the last event of a torn stream. No event and no `[DONE]` follows it. */
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
