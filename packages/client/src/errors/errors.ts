/*
 * OpenAI's errors by their names, and one of ours: `StreamTruncatedError`. Decide by class, `status` and `code`, never by the message.
 */
import type { ChatCompletionSnapshot } from '../types/chat.ts';

/** Every error that this package throws is one. */
export class TailraceError extends Error {}

/** What a server says of an error. Servers differ: any member may be absent. */
export interface ErrorDetails {
  readonly message?: string;
  readonly type?: string;
  readonly param?: string | null;
  readonly code?: string | null;
  readonly request_id?: string | undefined;
}

/** The server refused, the answer broke, or the connection did. */
export class APIError extends TailraceError {
  /** Of the answer; for an error event that of its code. Undefined where there was no answer. */
  declare readonly status: number | undefined;
  declare readonly headers: Headers | undefined;
  /** The `error` member of the body, as it came. */
  declare readonly error: ErrorDetails | undefined;
  declare readonly code: string | null | undefined;
  declare readonly param: string | null | undefined;
  declare readonly type: string | undefined;
  /** Names the request in the log of the server. */
  declare readonly requestID: string | null | undefined;

  constructor(
    status?: number,
    error?: ErrorDetails,
    message?: string,
    headers?: Headers,
    options?: ErrorOptions,
  ) {
    const text = error ? (error.message ?? JSON.stringify(error)) : message;
    super([status, text ?? '(no body)'].filter(Boolean).join(' '), options);
    this.status = status;
    this.headers = headers;
    this.error = error;
    this.code = error?.code;
    this.param = error?.param;
    this.type = error?.type;
    this.requestID = error?.request_id ?? headers?.get('x-request-id');
  }

  /** The error of a status; `error` is the body's member of that name. */
  static generate(status?: number, error?: ErrorDetails, message?: string, headers?: Headers): APIError {
    const Class = byStatus[status && status >= 500 ? 500 : (status ?? 0)] ?? APIError;
    return new Class(status, error, message, headers);
  }
}

/** `abort()`, the controller, or the caller's signal. */
export class APIUserAbortError extends APIError {
  constructor({ message = 'Request was aborted.', cause }: { message?: string; cause?: unknown } = {}) {
    super(undefined, undefined, message, undefined, { cause });
  }
}

/** No answer: the connection failed, and so did each retry. */
export class APIConnectionError extends APIError {
  constructor({
    message = 'Connection error.',
    cause,
  }: { message?: string | undefined; cause?: unknown } = {}) {
    super(undefined, undefined, message, undefined, { cause });
  }
}

/** One of the timeouts passed. */
export class APIConnectionTimeoutError extends APIConnectionError {
  constructor({ message = 'Request timed out.' }: { message?: string } = {}) {
    super({ message });
  }
}

/**
 * The stream ended without a finish for each choice, and could not be picked up again. What came is in `snapshot`: it is not the whole
 * answer. `cause` is what the last try met, where that was an error.
 */
export class StreamTruncatedError extends APIError {
  /** The answer as far as the reader has got it. */
  declare readonly snapshot: ChatCompletionSnapshot;
  /** The text of choice 0 as far as the reader has got it. */
  declare readonly text: string;

  constructor(
    snapshot: ChatCompletionSnapshot,
    {
      message = 'The answer is not whole.',
      cause,
      requestId,
    }: { message?: string; cause?: unknown; requestId?: string | undefined } = {},
  ) {
    const details = { message, code: 'stream_truncated', request_id: requestId };
    super(undefined, details, undefined, undefined, { cause });
    this.snapshot = snapshot;
    this.text = snapshot.choices[0]?.message.content ?? '';
  }
}

export class BadRequestError extends APIError {}
export class AuthenticationError extends APIError {}
export class PermissionDeniedError extends APIError {}
export class NotFoundError extends APIError {}
export class ConflictError extends APIError {}
export class UnprocessableEntityError extends APIError {}
export class RateLimitError extends APIError {}
export class InternalServerError extends APIError {}

/** 500 stands for all from there on. */
const byStatus: Readonly<Record<number, typeof BadRequestError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: UnprocessableEntityError,
  429: RateLimitError,
  500: InternalServerError,
};

/** All of them by their names, which they keep where a bundler shortens the names of classes. */
export const errorClasses = {
  TailraceError,
  APIError,
  APIUserAbortError,
  APIConnectionError,
  APIConnectionTimeoutError,
  StreamTruncatedError,
  BadRequestError,
  AuthenticationError,
  PermissionDeniedError,
  NotFoundError,
  ConflictError,
  UnprocessableEntityError,
  RateLimitError,
  InternalServerError,
};
for (const [name, { prototype }] of Object.entries(errorClasses)) prototype.name = name;
