import type { ChatStream, StreamSource } from '../stream/contract.ts';
import { openChatStream } from '../stream/open-stream.ts';
import type { ParsedChatCompletion, ParsedChatStream } from '../structured/contract.ts';
import type { AutoParseableResponseFormat, TypedResponseFormat } from '../structured/response-format.ts';
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
import type { Transport } from './transport.ts';

/** The request of `stream()`, but for its `response_format`. */
type Streamed = Omit<ChatCompletionCreateParamsStreaming, 'stream' | 'response_format'> & { stream?: true };

const path = '/chat/completions';

/** `client.chat.completions`. */
export class Completions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Asks for a completion. With `stream: true` it resolves with a {@link ChatStream} once the head of the answer is there. Rejects with an
   * `APIError`: that of the status that the server answered (`RateLimitError` for 429), or an `APIConnectionError` where no answer came.
   */
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
    const stream = this.#open(body, options, false);
    return createAPIPromise<ChatStream>(stream.response, () => stream);
  }

  /**
   * As `create` with `stream: true`, without waiting for the head: the first reader sends the request. Where `response_format` is a JSON
   * Schema, or a tool is `strict`, the whole answer is read as by {@link parse}: its promises have `parsed`, or reject.
   */
  stream<Output = unknown>(
    body: Streamed & { response_format: TypedResponseFormat<Output> | AutoParseableResponseFormat<Output> },
    options?: RequestOptions,
  ): ParsedChatStream<Output>;
  stream(body: Streamed & { response_format?: ResponseFormat }, options?: RequestOptions): ChatStream;
  stream(body: Streamed & { response_format?: ResponseFormat }, options: RequestOptions = {}): ChatStream {
    return this.#open(body, options, true);
  }

  #open(
    body: Omit<ChatCompletionCreateParamsStreaming, 'stream'>,
    options: RequestOptions,
    isHelper: boolean,
  ): ChatStream {
    const { options: own, timeout, maxRetries, request } = this.#transport;
    const all = { ...own.stream, ...options };
    const { resume = true, headers, query, fetchOptions } = all;
    const later = { headers, query, fetchOptions };
    const asking = { 'idempotency-key': randomId(), 'tailrace-resumable': 'true' };
    const open = request(
      'POST',
      path,
      { ...options, body: { ...body, stream: true } },
      resume ? asking : undefined,
    );
    const kept: StreamSource = {
      open,
      resume: ({ completionId = '', cursor }, signal) =>
        request('GET', pathOf(completionId, 'events'), later, { 'last-event-id': String(cursor) })(signal),
      cancel: ({ completionId = '' }) => this.cancel(completionId, later),
    };
    return openChatStream(
      resume ? kept : { open },
      {
        ...all,
        choices: body.n ?? 1,
        maxRetries: options.maxRetries ?? maxRetries,
        timeouts: { connectMs: options.timeout ?? timeout, ...all.timeouts },
      },
      { asked: body, isHelper },
    );
  }

  /**
   * Asks for JSON, and reads and validates it: `choices[0].message.parsed` is the value. Rejects with a `StructuredOutputError` where the
   * answer does not fit its schema, and with OpenAI's `LengthFinishReasonError` and `ContentFilterFinishReasonError`.
   */
  parse<Output = unknown>(
    body: Omit<ChatCompletionCreateParamsNonStreaming, 'response_format'> & {
      response_format?: ResponseFormat | TypedResponseFormat<Output> | AutoParseableResponseFormat<Output>;
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
    return this.#transport.call('POST', pathOf(id, 'cancel'), options);
  }
}

function pathOf(id: string, what: string): string {
  return `${path}/${encodeURIComponent(id)}/${what}`;
}
