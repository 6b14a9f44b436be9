import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Route } from './open-socket.ts';
import { proxyAuthorization } from './proxy.ts';

/** A request as it is sent. */
export interface WireRequest {
  /** Default: POST. The body of a GET is empty. */
  readonly method?: 'GET' | 'POST';
  /** Path and query, beginning with a slash. */
  readonly path: string;
  /** Must not change: the transport keeps the text that it has made of them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Makes the heads of the requests along one route. */
export interface RequestHeads {
  /** Makes the head of a request whose body has this many bytes. Throws where it would be no HTTP. All of it is latin1. */
  headOf(request: WireRequest, bodyBytes: number): string;
}

/**
 * Creates a maker of heads. `configured` headers are in each of them, in place of those of the same name that a request has.
 * What all heads have in common is written and checked once.
 */
export function createRequestHeads(route: Route, configured: Readonly<Record<string, string>>): RequestHeads {
  return new Heads(route, configured);
}

class Heads implements RequestHeads {
  private readonly route: Route;
  private readonly configured: Readonly<Record<string, string>>;
  /** What stands before the path. For an http origin a proxy gets the whole URL (RFC 9112, section 3.2.2). */
  private readonly targetPrefix: string;
  private readonly forwarded: boolean;
  /** The lines that are the same in every head; undefined before the first. */
  private common: string | undefined;
  /** The headers of the last request, and their lines: most requests have the same object. */
  private lastHeaders: WireRequest['headers'] | undefined;
  private lastLines = '';

  constructor(route: Route, configured: Readonly<Record<string, string>>) {
    this.route = route;
    this.configured = configured;
    this.forwarded = route.proxy !== undefined && route.origin.protocol === 'http:';
    this.targetPrefix = this.forwarded ? route.origin.origin : '';
  }

  headOf({ method = 'POST', path, headers }: WireRequest, bodyBytes: number): string {
    if (/[^\x21-\xff]/.test(path)) throw new TypeError('a path with characters that no path has');
    this.common ??= this.commonLines();
    if (this.lastHeaders !== headers) {
      this.lastLines = this.linesOf(headers);
      this.lastHeaders = headers;
    }
    const length = method === 'POST' ? `content-length: ${bodyBytes}\r\n` : '';
    return `${method} ${this.targetPrefix}${path} HTTP/1.1\r\n${this.common}${this.lastLines}${length}\r\n`;
  }

  private commonLines(): string {
    const { origin, proxy } = this.route;
    let lines = `host: ${origin.host}\r\nconnection: keep-alive\r\naccept-encoding: identity\r\n`;
    for (const [name, value] of Object.entries(this.configured)) lines += lineOf(name, value);
    const authorization = this.forwarded && proxy !== undefined ? proxyAuthorization(proxy) : undefined;
    return authorization === undefined ? lines : `${lines}proxy-authorization: ${authorization}\r\n`;
  }

  private linesOf(headers: WireRequest['headers']): string {
    let lines = '';
    for (const [name, value] of Object.entries(headers)) {
      if (!Object.hasOwn(this.configured, name) && name !== 'accept-encoding') lines += lineOf(name, value);
    }
    return lines;
  }
}

function lineOf(name: string, value: string): string {
  validateHeaderName(name);
  validateHeaderValue(name, value);
  return `${name}: ${value}\r\n`;
}
