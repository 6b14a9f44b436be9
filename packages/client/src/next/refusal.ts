import { type ErrorCode, errorKind } from '@tailrace/protocol';
import { warnDeveloper } from './warn-developer.ts';

/** Why the handler itself refuses: the words, and the field of the request that is wrong, if one is. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly param?: string;
}

/** The answer to a request that the handler refuses, in the envelope of the server: a client reads both in the same way. */
export function refuse({ code, message, param }: Refusal): Response {
  const { status, type } = errorKind(code);
  return errorResponse(status, { message, type, param: param ?? null, code });
}

/** An error answer with this envelope. */
export function errorResponse(
  status: number,
  error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  },
  headers: Headers = new Headers(),
): Response {
  headers.set('content-type', 'application/json');
  headers.set('cache-control', 'no-store');
  return new Response(JSON.stringify({ error }), { status, headers });
}

/** The server does not know the app's key. The status of that would tell the page that its own user has to sign in. */
export function keyRefused(headers: Headers, server: string, hasKey: boolean): Response {
  warnDeveloper(
    hasKey
      ? `${server} does not accept the key of this app: set TAILRACE_API_KEY, or the option apiKey, to one of its keys.`
      : `${server} wants a key, and this app has none: set TAILRACE_API_KEY, or the option apiKey.`,
  );
  const message = "The chat server does not accept the app's key.";
  return errorResponse(502, { message, type: 'upstream_error', param: null, code: 'upstream_auth' }, headers);
}

/** The server answers as no server of this protocol does: a wrong address, or something between. */
export function noAnswerOfProtocol(headers: Headers): Response {
  const message = 'The chat server gave an answer that is none of its protocol.';
  return errorResponse(
    502,
    { message, type: 'upstream_error', param: null, code: 'upstream_protocol' },
    headers,
  );
}
