import { TailraceError } from '../errors/errors.ts';
import { createChatStream } from '../stream/chat-stream.ts';
import { createLazyReader } from '../stream/lazy-reader.ts';
import { type APIPromise, createAPIPromise } from './api-promise.ts';
import { isBrowser, randomId, readEnv } from './environment.ts';
import { type ClientOptions, type HeadersLike, mergeHeaders, type RequestOptions } from './options.ts';
import { sendKept } from './send-kept.ts';

/** A request with what it posts. */
export interface CallOptions extends RequestOptions {
  readonly body?: unknown;
}

/** How requests of one client are sent. */
export interface Transport {
  readonly options: ClientOptions;
  readonly baseURL: string;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly apiKey: ClientOptions['apiKey'];
  headers(own: HeadersLike, given: HeadersLike | undefined): Headers;
  /** One try, whatever its answer is. */
  send(method: string, path: string, init: RequestInit, query?: object): Promise<Response>;
  /** A call whose answer is JSON; it is tried again where that can help, with the same Idempotency-Key. */
  call<Value>(method: string, path: string, options?: CallOptions): APIPromise<Value>;
}

export function createTransport(options: ClientOptions): Transport {
  const { timeout = 600_000, maxRetries = 2, organization, project, defaultHeaders, defaultQuery } = options;
  const apiKey = options.apiKey === undefined ? readEnv('TAILRACE_API_KEY') : options.apiKey;
  const given = options.baseURL ?? readEnv('TAILRACE_BASE_URL') ?? 'http://127.0.0.1:7245/v1';
  const baseURL = given.replace(/\/+$/, '');
  if (apiKey && isBrowser() && !options.dangerouslyAllowBrowser)
    throw new TailraceError(
      'Who opens the page can read the key: keep it on your server, or set dangerouslyAllowBrowser.',
    );

  const headersOf: Transport['headers'] = (own, more) =>
    mergeHeaders(
      { 'openai-organization': organization, 'openai-project': project },
      own,
      defaultHeaders,
      more,
    );

  function urlOf(path: string, query: object | undefined): string {
    const url = /^https?:/.test(path) ? path : baseURL + path;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...defaultQuery, ...query }))
      if (value != null) search.set(name, String(value));
    const text = String(search);
    return (text && `${url}${url.includes('?') ? '&' : '?'}${text}`) || url;
  }

  const send: Transport['send'] = async (method, path, init, query) => {
    const key = typeof apiKey === 'function' ? await apiKey() : apiKey;
    const headers = new Headers(init.headers);
    if (key && !headers.has('authorization')) headers.set('authorization', `Bearer ${key}`);
    const all = { ...options.fetchOptions, ...init, method, headers };
    // The global one is called as a function of its own: browsers refuse it as a method.
    return options.fetch ? options.fetch(urlOf(path, query), all) : fetch(urlOf(path, query), all);
  };

  return {
    options,
    baseURL,
    timeout,
    maxRetries,
    apiKey,
    headers: headersOf,
    send,
    call<Value>(method: string, path: string, call: CallOptions = {}): APIPromise<Value> {
      const { body, idempotencyKey, signal, timeout: waitMs = timeout } = call;
      const init = {
        ...call.fetchOptions,
        headers: headersOf(
          {
            'content-type': body === undefined ? null : 'application/json',
            'idempotency-key': idempotencyKey ?? (method === 'POST' ? randomId() : null),
          },
          call.headers,
        ),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const reader = createLazyReader(
        {
          open: (toAbort) =>
            sendKept(
              (all) => send(method, path, all, call.query),
              { ...init, signal: toAbort },
              idempotencyKey === undefined ? ['idempotency-key'] : [],
            ),
        },
        {
          isPlain: true,
          maxRetries: call.maxRetries ?? maxRetries,
          timeouts: { connectMs: waitMs, idleMs: waitMs, firstTokenMs: waitMs },
          signal,
        },
      );
      return createAPIPromise(reader.open(), async () => {
        const typeOf = (): string => reader.headers?.get('content-type') ?? '';
        if (typeOf().includes('event-stream')) return createChatStream(reader) as Value;
        await reader.pull();
        const { ending } = reader;
        if (ending?.type !== 'whole') throw ending?.error;
        const text = await new Blob(reader.parts).text();
        if (!typeOf().includes('json')) return text as Value;
        const value: unknown = JSON.parse(text);
        if (value instanceof Object) Object.defineProperty(value, '_request_id', { value: reader.requestId });
        return value as Value;
      });
    },
  };
}
