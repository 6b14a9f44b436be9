import {
  type APIConnectionError,
  type APIConnectionTimeoutError,
  type APIError,
  type APIUserAbortError,
  type AuthenticationError,
  type BadRequestError,
  type ConflictError,
  errorClasses,
  type InternalServerError,
  type NotFoundError,
  type PermissionDeniedError,
  type RateLimitError,
  type StreamTruncatedError,
  type TailraceError,
  type UnprocessableEntityError,
} from '../errors/errors.ts';
import type { ChatStream } from '../stream/contract.ts';
import type * as chat from '../types/chat.ts';
import type { APIPromise } from './api-promise.ts';
import { Completions } from './completions.ts';
import { Models } from './models.ts';
import type { ClientOptions } from './options.ts';
import { type CallOptions, createTransport, type Transport } from './transport.ts';

/**
 * A client of a Tailrace, or of any server of OpenAI's chat-completions protocol, in the shape of OpenAI's own client.
 *
 *     const client = new Tailrace({ apiKey, baseURL });
 *     const stream = await client.chat.completions.create({ model, messages, stream: true });
 *     for await (const chunk of stream) …
 */
export class Tailrace {
  readonly chat: { readonly completions: Completions };
  readonly models: Models;
  /** Without a slash at its end. */
  readonly baseURL: string;
  readonly #transport: Transport;

  /** Throws a `TailraceError` where a key would be used in a browser, and where there is none for a server that is not one's own. */
  constructor(options: ClientOptions = {}) {
    const transport = createTransport(options);
    this.#transport = transport;
    this.baseURL = transport.baseURL;
    this.chat = { completions: new Completions(transport) };
    this.models = new Models(transport);
  }

  get apiKey(): ClientOptions['apiKey'] {
    return this.#transport.apiKey;
  }

  get timeout(): number {
    return this.#transport.timeout;
  }

  get maxRetries(): number {
    return this.#transport.maxRetries;
  }

  /** A client with other options; those that are not given are this one's. */
  withOptions(options: Partial<ClientOptions>): Tailrace {
    return new Tailrace({ ...this.#transport.options, ...options });
  }

  /** `path` is behind the base URL, or a whole URL. The value is the JSON of the answer; of a stream it is a {@link ChatStream}. */
  get<Value = unknown>(path: string, options?: CallOptions): APIPromise<Value> {
    return this.#transport.call('GET', path, options);
  }

  post<Value = unknown>(path: string, options?: CallOptions): APIPromise<Value> {
    return this.#transport.call('POST', path, options);
  }

  patch<Value = unknown>(path: string, options?: CallOptions): APIPromise<Value> {
    return this.#transport.call('PATCH', path, options);
  }

  put<Value = unknown>(path: string, options?: CallOptions): APIPromise<Value> {
    return this.#transport.call('PUT', path, options);
  }

  delete<Value = unknown>(path: string, options?: CallOptions): APIPromise<Value> {
    return this.#transport.call('DELETE', path, options);
  }

  declare static readonly Tailrace: typeof Tailrace;
  declare static readonly TailraceError: typeof TailraceError;
  declare static readonly APIError: typeof APIError;
  declare static readonly APIConnectionError: typeof APIConnectionError;
  declare static readonly APIConnectionTimeoutError: typeof APIConnectionTimeoutError;
  declare static readonly APIUserAbortError: typeof APIUserAbortError;
  declare static readonly StreamTruncatedError: typeof StreamTruncatedError;
  declare static readonly BadRequestError: typeof BadRequestError;
  declare static readonly AuthenticationError: typeof AuthenticationError;
  declare static readonly PermissionDeniedError: typeof PermissionDeniedError;
  declare static readonly NotFoundError: typeof NotFoundError;
  declare static readonly ConflictError: typeof ConflictError;
  declare static readonly UnprocessableEntityError: typeof UnprocessableEntityError;
  declare static readonly RateLimitError: typeof RateLimitError;
  declare static readonly InternalServerError: typeof InternalServerError;
}

// OpenAI's client has its errors as members too.
Object.assign(Tailrace, errorClasses, { Tailrace });

/** Types by the names that they have in OpenAI's client. */
export declare namespace Tailrace {
  export type Model = chat.Model;
  export type ChatCompletion = chat.ChatCompletion;
  export type ChatCompletionChunk = chat.ChatCompletionChunk;
  export type ChatCompletionMessageParam = chat.ChatCompletionMessageParam;
  export type ChatCompletionTool = chat.ChatCompletionTool;
  export type { ChatStream, ClientOptions };
  export namespace Chat {
    export type ChatCompletion = chat.ChatCompletion;
    export type ChatCompletionChunk = chat.ChatCompletionChunk;
    export type ChatCompletionMessage = chat.ChatCompletionMessage;
    export type ChatCompletionMessageParam = chat.ChatCompletionMessageParam;
    export type ChatCompletionMessageToolCall = chat.ChatCompletionMessageToolCall;
    export type ChatCompletionTool = chat.ChatCompletionTool;
    export type ChatCompletionCreateParams = chat.ChatCompletionCreateParams;
    export type ChatCompletionCreateParamsStreaming = chat.ChatCompletionCreateParamsStreaming;
    export type ChatCompletionCreateParamsNonStreaming = chat.ChatCompletionCreateParamsNonStreaming;
  }
}
