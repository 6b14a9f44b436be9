import type { IncomingMessage, ServerResponse } from 'node:http';

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
  'idempotent-replayed',
].join(', ');

const preflightMaxAgeSeconds = '7200';

export interface Cors {
  /** Sets the headers that let a page of an allowed origin read the answer. Refuses no request. */
  decorate(request: IncomingMessage, response: ServerResponse): void;
  /** Answers a preflight. False where the request is not one. */
  preflight(request: IncomingMessage, response: ServerResponse, methods: readonly string[]): boolean;
}

/** `origins`: exact origins, or `*`. Keys come in headers, never in cookies, so `*` lets no page use a visitor's key. */
export function createCors(origins: readonly string[]): Cors {
  const any = origins.includes('*');
  const allowed = new Set(origins);

  const decorate = (request: IncomingMessage, response: ServerResponse) => {
    if (!any) response.appendHeader('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !(any || allowed.has(origin))) return;
    response.setHeader('access-control-allow-origin', any ? '*' : origin);
    response.setHeader('access-control-expose-headers', exposedHeaders);
  };

  return {
    decorate,
    preflight: (request, response, methods) => {
      const { 'access-control-request-headers': wanted, 'access-control-request-method': method } =
        request.headers;
      if (request.method !== 'OPTIONS' || method === undefined) return false;
      if (response.hasHeader('access-control-allow-origin')) {
        response.setHeader('access-control-allow-methods', methods.join(', '));
        // SDKs send a family of headers (x-stainless-…) that grows: reflect what is asked for.
        if (wanted !== undefined) response.setHeader('access-control-allow-headers', wanted);
        response.setHeader('access-control-max-age', preflightMaxAgeSeconds);
        response.appendHeader('vary', 'Access-Control-Request-Headers');
      }
      response.writeHead(204, { 'content-length': '0' }).end();
      return true;
    },
  };
}

/** For servers without authentication: no page of another origin may read an answer. */
export const noCors: Cors = { decorate: () => {}, preflight: () => false };
