import { APIConnectionError, APIError, APIUserAbortError, TailraceError } from '../errors/errors.ts';
import { errorOfResponse, isObject } from '../errors/from-answer.ts';
import { type Connection, createConnection, endless, now } from '../stream/connection.ts';
import { openChatStream } from '../stream/open-stream.ts';
import { isWorthRetry, retryDelayMs, wait } from '../stream/retry.ts';
import { type APIPromise, createAPIPromise } from './api-promise.ts';
import { isBrowser, randomId, readEnv } from './environment.ts';
import {
  type ClientOptions,
  type Fetch,
  type HeadersLike,
  mergeHeaders,
  type RequestOptions,
} from './options.ts';

/** A request with what it posts. */
export interface CallOptions extends RequestOptions {
  readonly body?: unknown;
}

/** How requests of one client are sent. */
export class Transport {
  readonly options: ClientOptions;
  readonly baseURL: string;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly apiKey: ClientOptions['apiKey'];

  constructor(options: ClientOptions) {
    this.options = options;
    this.apiKey = options.apiKey === undefined ? readEnv('TAILRACE_API_KEY') : options.apiKey;
    this.baseURL = (options.baseURL ?? readEnv('TAILRACE_BASE_URL') ?? 'http://127.0.0.1:7245/v1').replace(
      /\/+$/,
      '',
    );
    this.timeout = options.timeout ?? 600_000;
    this.maxRetries = options.maxRetries ?? 2;
    if (this.apiKey && isBrowser() && options.dangerouslyAllowBrowser !== true)
      throw new TailraceError(
        'An API key in a browser can be read by everyone who opens the page. Keep it in a route of your server, or set dangerouslyAllowBrowser.',
      );
  }

  get stream(): NonNullable<ClientOptions['stream']> {
    return this.options.stream ?? {};
  }

  headers(own: HeadersLike, given: HeadersLike | undefined): Headers {
    const { organization, project, defaultHeaders } = this.options;
    return mergeHeaders(
      { accept: 'application/json', 'openai-organization': organization, 'openai-project': project },
      own,
      defaultHeaders,
      given,
    );
  }

  /** One try, whatever its answer is. */
  async send(method: string, path: string, init: RequestInit, query?: object): Promise<Response> {
    const key = typeof this.apiKey === 'function' ? await this.apiKey() : this.apiKey;
    const headers = new Headers(init.headers);
    if (key && !headers.has('authorization')) headers.set('authorization', `Bearer ${key}`);
    const { fetch: given, fetchOptions } = this.options;
    const call: Fetch = given ?? ((url, all) => fetch(url, all));
    return call(this.#url(path, query), { ...fetchOptions, ...init, method, headers });
  }

  #url(path: string, query: object | undefined): string {
    const url = /^https?:/.test(path) ? path : this.baseURL + path;
    const given = Object.entries({ ...this.options.defaultQuery, ...query }).filter(
      ([, value]) => value != null,
    );
    if (given.length === 0) return url;
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)] as [string, string]));
    return `${url}${url.includes('?') ? '&' : '?'}${text}`;
  }

  /** A call whose answer is JSON; it is tried again where that can help, with the same Idempotency-Key. */
  call<Value>(method: string, path: string, options: CallOptions = {}): APIPromise<Value> {
    return createAPIPromise<Value>(this.#request(method, path, options), parseAnswer);
  }

  async #request(method: string, path: string, options: CallOptions): Promise<Response> {
    const { body, idempotencyKey, timeout = this.timeout, maxRetries = this.maxRetries } = options;
    const signal = options.signal ?? new AbortController().signal;
    const isPost = method === 'POST';
    const headers = this.headers(
      {
        'content-type': body === undefined ? undefined : 'application/json',
        'idempotency-key': idempotencyKey ?? (isPost ? randomId() : undefined),
      },
      options.headers,
    );
    const init = {
      ...options.fetchOptions,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    for (let attempt = 1; ; attempt += 1) {
      const opened = createConnection((toAbort) =>
        this.send(method, path, { ...init, signal: toAbort }, options.query),
      );
      const abort = (): void => opened.close(new APIUserAbortError({ cause: signal.reason }));
      let delayMs: number | undefined;
      try {
        if (signal.aborted) throw new APIUserAbortError({ cause: signal.reason });
        signal.addEventListener('abort', abort, { once: true });
        const response = await wholeAnswer(opened, timeout);
        if (response.ok) return response;
        const error = await errorOfResponse(response);
        if (attempt <= maxRetries && isWorthRetry(response.status, response.headers))
          delayMs = retryDelayMs(attempt, response.headers);
        if (delayMs === undefined) throw error;
      } catch (error) {
        if (error instanceof APIUserAbortError || (error instanceof APIError && error.status !== undefined))
          throw error;
        if (attempt > maxRetries)
          throw error instanceof APIError ? error : new APIConnectionError({ cause: error });
        delayMs = retryDelayMs(attempt);
      } finally {
        signal.removeEventListener('abort', abort);
      }
      await wait(delayMs ?? 0, signal).catch(() => {});
    }
  }
}

/** The answer with its body, so that a body that breaks is asked for again. A stream is handed on as it comes. */
async function wholeAnswer(opened: Connection, timeoutMs: number): Promise<Response> {
  const at = now() + endless(timeoutMs);
  const response = await opened.open(timeoutMs);
  const { status, statusText, headers } = response;
  if (response.ok && isEventStream(response)) return response;
  const deadline = { at, message: `The answer was not whole within ${timeoutMs} ms.` };
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let part = await opened.read(() => deadline); part; part = await opened.read(() => deadline))
    parts.push(part as Uint8Array<ArrayBuffer>);
  return new Response(parts.length === 0 ? null : new Blob(parts), { status, statusText, headers });
}

function isEventStream({ headers }: Response): boolean {
  return /^text\/event-stream\b/i.test(headers.get('content-type') ?? '');
}

async function parseAnswer<Value>(response: Response): Promise<Value> {
  if (isEventStream(response)) return openChatStream({ open: async () => response }) as Value;
  const text = await response.text();
  if (!/\bjson\b/i.test(response.headers.get('content-type') ?? '')) return text as Value;
  const value: unknown = JSON.parse(text);
  if (isObject(value))
    Object.defineProperty(value, '_request_id', { value: response.headers.get('x-request-id') });
  return value as Value;
}
