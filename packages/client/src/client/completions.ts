import type { ChatStream, StreamSource } from '../stream/contract.ts';
import { openChatStream } from '../stream/open-stream.ts';
import type { ParsedChatCompletion } from '../structured/contract.ts';
import type { TypedResponseFormat } from '../structured/response-format.ts';
import type { RunToolsOptions, RunToolsParams, ToolRunner } from '../tools/contract.ts';
import { createLazyRunner } from '../tools/lazy-runner.ts';
import type {
  ChatCompletion,
  ChatCompletionCreateParams,
  ChatCompletionCreateParamsBase,
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionCreateParamsStreaming,
  ResponseFormat,
} from '../types/chat.ts';
import { type APIPromise, createAPIPromise } from './api-promise.ts';
import { randomId } from './environment.ts';
import type { RequestOptions } from './options.ts';
import { sendKept } from './send-kept.ts';
import type { Transport } from './transport.ts';

const path = '/chat/completions';

/** `client.chat.completions`. */
export class Completions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Asks for a completion. With `stream: true` it resolves with a {@link ChatStream} once the head of the answer is there. */
  create(body: ChatCompletionCreateParamsNonStreaming, options?: RequestOptions): APIPromise<ChatCompletion>;
  create(body: ChatCompletionCreateParamsStreaming, options?: RequestOptions): APIPromise<ChatStream>;
  create(
    body: ChatCompletionCreateParamsBase & { stream?: boolean | null },
    options?: RequestOptions,
  ): APIPromise<ChatCompletion | ChatStream>;
  create(
    body: ChatCompletionCreateParams,
    options: RequestOptions = {},
  ): APIPromise<ChatCompletion> | APIPromise<ChatStream> | APIPromise<ChatCompletion | ChatStream> {
    if (!body.stream) return this.#transport.call<ChatCompletion>('POST', path, { ...options, body });
    const stream = this.stream(body, options);
    return createAPIPromise<ChatStream>(stream.response, () => stream);
  }

  /** As `create` with `stream: true`, without waiting for the head: the first reader sends the request. */
  stream(
    body: Omit<ChatCompletionCreateParamsStreaming, 'stream'> & { stream?: true },
    options: RequestOptions = {},
  ): ChatStream {
    const { timeout, maxRetries } = this.#transport;
    const all = { ...this.#transport.options.stream, ...options };
    return openChatStream(this.#source({ ...body, stream: true }, all), {
      choices: body.n ?? 1,
      maxRetries: options.maxRetries ?? maxRetries,
      timeouts: { connectMs: options.timeout ?? timeout, ...all.timeouts },
      ...(all.maxReconnects === undefined ? {} : { maxReconnects: all.maxReconnects }),
      ...(all.onReconnect === undefined ? {} : { onReconnect: all.onReconnect }),
      ...(options.signal == null ? {} : { signal: options.signal }),
    });
  }

  /**
   * Asks for JSON, and reads and validates it: `choices[0].message.parsed` is the value. Rejects with a `StructuredOutputError` where the
   * answer does not fit its schema, and with OpenAI's `LengthFinishReasonError` and `ContentFilterFinishReasonError`.
   */
  parse<Output = unknown>(
    body: Omit<ChatCompletionCreateParamsNonStreaming, 'response_format'> & {
      response_format?: ResponseFormat | TypedResponseFormat<Output>;
    },
    options?: RequestOptions,
  ): APIPromise<ParsedChatCompletion<Output>> {
    const answer = this.create({ ...body, stream: false }, options);
    return createAPIPromise(answer.asResponse(), async () => {
      const { parseCompletion } = await import('../structured/parse-output.ts');
      return parseCompletion<Output>(await answer, body);
    });
  }

  /** A conversation in which the model calls functions, until it answers without a call. In OpenAI's shape. */
  runTools<Context = undefined>(body: RunToolsParams<Context>, options: RunToolsOptions = {}): ToolRunner {
    return createLazyRunner(async (shared) => {
      const { runTools } = await import('../tools/tool-loop.ts');
      return runTools(this, body, options, shared);
    });
  }

  /** Stops a running completion of this key's own; also from another process than the one that reads it. */
  cancel(id: string, options?: RequestOptions): APIPromise<{ id: string; status: string }> {
    return this.#transport.call('POST', `${path}/${encodeURIComponent(id)}/cancel`, options);
  }

  #source(body: ChatCompletionCreateParamsStreaming, options: RequestOptions): StreamSource {
    const transport = this.#transport;
    const { resume = true, idempotencyKey = randomId(), headers, fetchOptions } = options;
    // The same bytes at each try: another body under the same key would be refused.
    const text = JSON.stringify(body);
    const sent = transport.headers(
      {
        'content-type': 'application/json',
        'idempotency-key': resume ? idempotencyKey : options.idempotencyKey,
        'tailrace-resumable': resume ? 'true' : undefined,
      },
      headers,
    );
    const send = (method: string, at: string, init: RequestInit): Promise<Response> =>
      transport.send(method, at, { ...fetchOptions, ...init }, options.query);
    // A key of the caller’s own is a wish of its own: it is never left out.
    const keptBy = resume && !options.idempotencyKey ? ['idempotency-key', 'tailrace-resumable'] : [];
    const open = (signal: AbortSignal): Promise<Response> =>
      sendKept((init) => send('POST', path, init), { headers: sent, body: text, signal }, keptBy);
    if (!resume) return { open };
    return {
      open,
      resume: ({ completionId = '', cursor }, signal) =>
        send('GET', `${path}/${encodeURIComponent(completionId)}/events`, {
          headers: transport.headers({ 'last-event-id': String(cursor) }, headers),
          signal,
        }),
      cancel: ({ completionId = '' }) =>
        this.cancel(completionId, { ...(headers === undefined ? {} : { headers }) }),
    };
  }
}
