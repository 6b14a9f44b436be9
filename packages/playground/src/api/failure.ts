import { isObject, parsed } from './json.ts';

/** Why a request or an answer failed, as the server's error envelope says it. */
export interface PageFailure {
  readonly code: string;
  readonly message: string;
  /** The field of the request that the server names, `temperature`. */
  readonly param?: string | undefined;
  readonly requestId?: string | undefined;
  /** The value of the whole body, for what a route says beside the error. */
  readonly body?: unknown;
}

/** No answer came at all, or it broke off without an error event. The server has no such codes. */
export const unreachable: PageFailure = {
  code: 'unreachable',
  message: 'The server does not answer. Is it still running?',
};
export const connectionLost: PageFailure = {
  code: 'connection_lost',
  message: 'The connection ended before the answer did, and the stream could not be picked up again.',
};

/** Reads the envelope `{"error": {…}}`; undefined where a value is none. */
export function failureIn(value: unknown): PageFailure | undefined {
  const error = isObject(value) ? value['error'] : undefined;
  if (!isObject(error)) return undefined;
  const { code, message, param, request_id: requestId } = error;
  return {
    code: typeof code === 'string' ? code : 'unknown',
    message: typeof message === 'string' ? message : 'The server gave no reason.',
    ...(typeof param === 'string' ? { param } : {}),
    ...(typeof requestId === 'string' ? { requestId } : {}),
  };
}

/** What an answer that is no 2xx says, with this body. */
export function failureOf({ status, headers }: Response, body: string): PageFailure {
  const requestId = headers.get('x-request-id') ?? undefined;
  const value = parsed(body);
  const failure = failureIn(value) ?? {
    code: `http_${status}`,
    message: 'The answer is none of this server: a proxy on the way may have written it.',
  };
  return { ...failure, requestId: failure.requestId ?? requestId, body: value };
}
