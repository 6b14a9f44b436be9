/*
 * OpenAI's errors by their names, and one of ours: `StreamTruncatedError`. Decide by class, `status` and `code`, never by the message.
 */
import type { ChatCompletionSnapshot } from '../types/chat.ts';

/** Every error that this package throws is one. */
export class TailraceError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** What a server says of an error. Servers differ: any member may be absent. */
export interface ErrorDetails {
  readonly message?: string;
  readonly type?: string;
  readonly param?: string | null;
  readonly code?: string | null;
  readonly request_id?: string;
}

/** The server refused, the answer broke, or the connection did. */
export class APIError extends TailraceError {
  /** Of the answer; for an error event that of its code. Undefined where there was no answer. */
  readonly status: number | undefined;
  readonly headers: Headers | undefined;
  /** The `error` member of the body, as it came. */
  readonly error: ErrorDetails | undefined;
  readonly code: string | null | undefined;
  readonly param: string | null | undefined;
  readonly type: string | undefined;
  /** Names the request in the log of the server. */
  readonly requestID: string | null | undefined;

  constructor(
    status: number | undefined,
    error: ErrorDetails | undefined,
    message: string | undefined,
    headers: Headers | undefined,
    options?: ErrorOptions,
  ) {
    super(messageOf(status, error, message), options);
    this.status = status;
    this.headers = headers;
    this.error = error;
    this.code = error?.code;
    this.param = error?.param;
    this.type = error?.type;
    this.requestID = error?.request_id ?? headers?.get('x-request-id');
  }

  /** The error of a status; `error` is the body's member of that name. */
  static generate(
    status: number | undefined,
    error: ErrorDetails | undefined,
    message: string | undefined,
    headers: Headers | undefined,
  ): APIError {
    const Class =
      (status === undefined ? undefined : byStatus[status]) ??
      (status !== undefined && status >= 500 ? InternalServerError : APIError);
    return new Class(status, error, message, headers);
  }
}

function messageOf(
  status: number | undefined,
  error: ErrorDetails | undefined,
  message: string | undefined,
): string {
  const text = error?.message ?? (error === undefined ? message : JSON.stringify(error));
  if (status === undefined) return text ?? '(no status code or body)';
  return `${status} ${text ?? 'status code (no body)'}`;
}

/** `abort()`, the controller, or the caller's signal. */
export class APIUserAbortError extends APIError {
  constructor({ message, cause }: { message?: string; cause?: unknown } = {}) {
    super(undefined, undefined, message ?? 'Request was aborted.', undefined, { cause });
  }
}

/** No answer: the connection failed, and so did each retry. */
export class APIConnectionError extends APIError {
  constructor({ message, cause }: { message?: string | undefined; cause?: unknown } = {}) {
    super(undefined, undefined, message ?? 'Connection error.', undefined, { cause });
  }
}

/** One of the timeouts passed. */
export class APIConnectionTimeoutError extends APIConnectionError {
  constructor({ message, cause }: { message?: string; cause?: unknown } = {}) {
    super({ message: message ?? 'Request timed out.', cause });
  }
}

/**
 * The stream ended without a finish for each choice, and could not be picked up again. What came is in `snapshot`: it is not the whole
 * answer. `cause` is what the last try met, where that was an error.
 */
export class StreamTruncatedError extends APIError {
  /** The answer as far as the reader has got it. */
  readonly snapshot: ChatCompletionSnapshot;
  /** The text of choice 0 as far as the reader has got it. */
  readonly text: string;

  constructor(
    snapshot: ChatCompletionSnapshot,
    details: { message?: string; cause?: unknown; requestId?: string | undefined } = {},
  ) {
    super(
      undefined,
      {
        message: details.message ?? 'The stream ended before the answer was whole.',
        code: 'stream_truncated',
        ...(details.requestId === undefined ? {} : { request_id: details.requestId }),
      },
      undefined,
      undefined,
      { cause: details.cause },
    );
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

const byStatus: Readonly<Record<number, typeof BadRequestError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: UnprocessableEntityError,
  429: RateLimitError,
};
