import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AnswerHeaders } from './exchange.ts';

/** Each by its full name: a wildcard inside a name matches nothing. */
const exposedHeaders = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
  'tailrace-target',
  'server-timing',
  'tailrace-completion-id',
  'tailrace-stream-url',
  'idempotent-replayed',
  'stream-next-offset',
  'stream-up-to-date',
  'stream-closed',
  'stream-cursor',
  'etag',
].join(', ');

const preflightMaxAgeSeconds = '7200';
const allowOrigin = 'access-control-allow-origin';

export interface Cors {
  /** Adds the headers that let a page of an allowed origin read the answer. Refuses no request. */
  decorate(request: IncomingMessage, headers: AnswerHeaders): void;
  /** Answers a preflight; `headers`: decorated before. False where the request is not one. */
  preflight(
    request: IncomingMessage,
    response: ServerResponse,
    headers: Readonly<AnswerHeaders>,
    methods: readonly string[],
  ): boolean;
}

/**
 * `origins`: exact origins, or `*`. It lets no page use what its visitor may do: keys come in headers, and the cookie of a session is
 * refused where another page has sent it (`access/own-origin.ts`). No answer allows credentials.
 */
export function createCors(origins: readonly string[]): Cors {
  const any = origins.includes('*');
  const allowed = new Set(origins);

  const decorate = (request: IncomingMessage, headers: AnswerHeaders) => {
    if (!any) headers['vary'] = 'Origin';
    const { origin } = request.headers;
    if (origin === undefined || !(any || allowed.has(origin))) return;
    headers[allowOrigin] = any ? '*' : origin;
    headers['access-control-expose-headers'] = exposedHeaders;
  };

  return {
    decorate,
    preflight: (request, response, headers, methods) => {
      const { 'access-control-request-headers': wanted, 'access-control-request-method': method } =
        request.headers;
      if (request.method !== 'OPTIONS' || method === undefined) return false;
      const all: AnswerHeaders = { ...headers, 'content-length': '0' };
      if (all[allowOrigin] !== undefined) {
        all['access-control-allow-methods'] = methods.join(', ');
        // SDKs send a family of headers (x-stainless-…) that grows: reflect what is asked for.
        if (wanted !== undefined) all['access-control-allow-headers'] = wanted;
        all['access-control-max-age'] = preflightMaxAgeSeconds;
        const asked = 'Access-Control-Request-Headers';
        all['vary'] = all['vary'] === undefined ? asked : `${all['vary']}, ${asked}`;
      }
      response.writeHead(204, all).end();
      return true;
    },
  };
}

/** For servers without authentication: no page of another origin may read an answer. */
export const noCors: Cors = { decorate: () => {}, preflight: () => false };
