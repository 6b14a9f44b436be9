import type { Reconnect, StreamTimeouts } from '../stream/contract.ts';

/** A header that is null is not sent. */
export type HeadersLike =
  | Headers
  | Readonly<Record<string, string | null | undefined>>
  | readonly (readonly [string, string | null])[];

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** The options of `new Tailrace(…)`, by OpenAI's names. */
export interface ClientOptions {
  /**
   * Sent as Bearer; a function is asked before each request. Default: `TAILRACE_API_KEY`. Without either, none is sent to a server of
   * your own (an IP address, or a name without dots or of a local network), and the constructor throws for any other; null sends none.
   */
  readonly apiKey?: string | (() => string | Promise<string>) | null | undefined;
  /** Default: `TAILRACE_BASE_URL`, else `http://127.0.0.1:7245/v1`. */
  readonly baseURL?: string | null | undefined;
  /** Milliseconds for a whole answer, or for the head of a stream. Default 10 minutes. */
  readonly timeout?: number | undefined;
  /** Tries after the first one, while nothing was delivered. Default 2. */
  readonly maxRetries?: number | undefined;
  readonly defaultHeaders?: HeadersLike | undefined;
  readonly defaultQuery?: Readonly<Record<string, string | undefined>> | undefined;
  /** Header `OpenAI-Organization`, for servers that know it. */
  readonly organization?: string | null | undefined;
  /** Header `OpenAI-Project`, for servers that know it. */
  readonly project?: string | null | undefined;
  /** Default: the runtime's. */
  readonly fetch?: Fetch | undefined;
  /** Goes to each call of `fetch`: `dispatcher` for a proxy under Node, for instance. */
  readonly fetchOptions?: object | undefined;
  /** A key in a browser is everybody's key: without this the constructor throws there. */
  readonly dangerouslyAllowBrowser?: boolean | undefined;
  /** What streams do where a request says nothing else. */
  readonly stream?: StreamOptions | undefined;
}

/** How a stream heals and how long it waits. */
export interface StreamOptions {
  /** Asks the server to keep the stream, so that a lost connection can be picked up. Default true; other servers ignore it. */
  readonly resume?: boolean;
  /** Tries to pick a stream up again, without an event in between. Default 10: some 40 seconds. */
  readonly maxReconnects?: number;
  readonly timeouts?: StreamTimeouts;
  /** A lost connection is about to be replaced. */
  readonly onReconnect?: (reconnect: Reconnect) => void;
}

/** The second argument of a call, by OpenAI's names. */
export interface RequestOptions extends StreamOptions {
  readonly headers?: HeadersLike | undefined;
  readonly query?: object | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /** Milliseconds; default: the client's. */
  readonly timeout?: number | undefined;
  readonly maxRetries?: number | undefined;
  readonly fetchOptions?: object | undefined;
  /** Default: a random one for each call that posts. */
  readonly idempotencyKey?: string | undefined;
}

/** Later headers win; names are compared without their case. */
export function mergeHeaders(...all: readonly (HeadersLike | undefined)[]): Headers {
  const merged = new Headers();
  for (const headers of all) {
    if (headers === undefined) continue;
    const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
    for (const [name, value] of entries as Iterable<readonly [string, string | null | undefined]>) {
      if (value === null) merged.delete(name);
      else if (value !== undefined) merged.set(name, value);
    }
  }
  return merged;
}
