import { APIConnectionError, TailraceError } from '../errors/errors.ts';
import { createChatStream } from '../stream/chat-stream.ts';
import { createStreamReader } from '../stream/stream-reader.ts';
import { type APIPromise, createAPIPromise } from './api-promise.ts';
import { isBrowser, randomId, readEnv } from './environment.ts';
import { type ClientOptions, type HeadersLike, mergeHeaders, type RequestOptions } from './options.ts';
import { reasonOf } from './reason-of.ts';
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
  /**
   * Makes a request that can be sent again as it is: one try a call, whatever its answer is. `own` are headers of this package;
   * without an Idempotency-Key of the caller, those that ask the server to keep the answer are left out where it cannot.
   */
  request(
    method: string,
    path: string,
    options: CallOptions,
    own?: HeadersLike,
  ): (signal: AbortSignal) => Promise<Response>;
  /** A call whose answer is JSON; it is tried again where that can help, with the same Idempotency-Key. */
  call<Value>(method: string, path: string, options?: CallOptions): APIPromise<Value>;
}

export function createTransport(options: ClientOptions): Transport {
  const { timeout = 600_000, maxRetries = 2, organization, project, defaultHeaders, defaultQuery } = options;
  const apiKey = options.apiKey === undefined ? readEnv('TAILRACE_API_KEY') : options.apiKey;
  const given = options.baseURL ?? readEnv('TAILRACE_BASE_URL') ?? 'http://127.0.0.1:7245/v1';
  const baseURL = given.replace(/\/+$/, '');
  if (
    apiKey === undefined &&
    publicHost.test(baseURL) &&
    !isBrowser() &&
    !has(defaultHeaders, 'authorization')
  )
    throw new TailraceError(
      `No API key for ${baseURL}: give \`apiKey\`, set TAILRACE_API_KEY, or give \`apiKey: null\` where none is needed.`,
    );
  if (apiKey && isBrowser() && !options.dangerouslyAllowBrowser)
    throw new TailraceError(
      'Who opens the page can read the key: keep it on your server, or set dangerouslyAllowBrowser.',
    );

  function urlOf(path: string, query: object | undefined): string {
    const url = /^https?:/.test(path) ? path : baseURL + path;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...defaultQuery, ...query }))
      if (value != null) search.set(name, String(value));
    const text = String(search);
    return (text && `${url}${url.includes('?') ? '&' : '?'}${text}`) || url;
  }

  const request: Transport['request'] = (method, path, call, own) => {
    const { body, idempotencyKey } = call;
    const url = urlOf(path, call.query);
    // The same bytes at each try: another body under the same key would be refused.
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = mergeHeaders(
      own,
      {
        'openai-organization': organization,
        'openai-project': project,
        'content-type': body === undefined ? null : 'application/json',
        'idempotency-key': idempotencyKey,
      },
      defaultHeaders,
      call.headers,
    );
    const send = async (init: RequestInit): Promise<Response> => {
      const key = typeof apiKey === 'function' ? await apiKey() : apiKey;
      const all = new Headers(init.headers);
      if (key && !all.has('authorization')) all.set('authorization', `Bearer ${key}`);
      const sent = { ...init, headers: all };
      try {
        // The global one is called as a function of its own: browsers refuse it as a method.
        return await (options.fetch ? options.fetch(url, sent) : fetch(url, sent));
      } catch (cause) {
        if (cause instanceof TailraceError || init.signal?.aborted) throw cause;
        // Without the query: it may hold what is secret.
        const message = `Connection error: ${url.replace(/[?#].*/, '')}: ${reasonOf(cause)}`;
        throw new APIConnectionError({ message, cause });
      }
    };
    return (signal) =>
      sendKept(
        send,
        { ...options.fetchOptions, ...call.fetchOptions, ...text, method, headers, signal },
        // A key of the caller’s own is a wish of its own: it is never left out.
        idempotencyKey ? [] : ['idempotency-key', 'tailrace-resumable'],
      );
  };

  return {
    options,
    baseURL,
    timeout,
    maxRetries,
    apiKey,
    request,
    call<Value>(method: string, path: string, call: CallOptions = {}): APIPromise<Value> {
      const { signal, timeout: waitMs = timeout } = call;
      const reader = createStreamReader(
        { open: request(method, path, call, { 'idempotency-key': method === 'POST' ? randomId() : null }) },
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
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch (cause) {
          throw new APIConnectionError({ message: 'The answer is no whole JSON.', cause });
        }
        if (value instanceof Object) Object.defineProperty(value, '_request_id', { value: reader.requestId });
        return value as Value;
      });
    },
  };
}

/** A name with dots that is not of a local network. A server without keys is one of one's own, at an address or a short name. */
const publicHost = /^https?:\/\/[^/:]+\.(?!(local|internal|localhost|lan)\b)[a-z]+(:\d+)?(\/|$)/i;

function has(headers: HeadersLike | undefined, name: string): boolean {
  return mergeHeaders(headers).has(name);
}
