import type { IncomingMessage, ServerResponse } from 'node:http';

/** Gives the headers back, 1.5 kB with those that an SDK sends: the request is kept as long as its answer is under way. */
export function forgetHead(request: IncomingMessage): void {
  request.rawHeaders = none;
  request.headers = {};
  request.headersDistinct = {};
}

/**
 * Gives back the text of a head that has been handed to the socket. Node builds it from some thirty pieces, which take a kilobyte, and
 * keeps it as long as the answer is under way, only to know that there is one. It must not be empty.
 */
export function forgetSentHead(response: ServerResponse): void {
  const internals = response as unknown as { _header?: unknown; readonly _headerSent?: unknown };
  if (internals._headerSent === true && typeof internals._header === 'string') internals._header = 'sent';
}

const none: string[] = [];
