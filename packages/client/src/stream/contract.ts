/*
 * The seam of a streamed answer. Two sides build on it: a `StreamSource` says where the bytes come from (a server over HTTP, or the
 * route of an app), and a `ChatStream` is what everything above reads: hooks, responses, tools, structured output.
 */
import type { APIError } from '../errors/errors.ts';
import type { UIMessageStreamInit } from '../responses/ui-message-chunk.ts';
import type { PartialOutput } from '../structured/contract.ts';
import type { StandardSchema } from '../structured/standard-schema.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionMessage,
  ChatCompletionMessageToolCall,
  ChatCompletionSnapshot,
  CompletionUsage,
  TokenLogprob,
} from '../types/chat.ts';

/** Where a stream stands: what a source needs to pick it up again, or to stop it. */
export interface StreamPosition {
  /** Number of the last event that was delivered; 0 before the first. */
  readonly cursor: number;
  /** Of the head; undefined where the server gave none, or no head came. */
  readonly completionId: string | undefined;
  /** Signed address of the stream, absolute. Undefined where the head had none. */
  readonly streamUrl: string | undefined;
}

export interface CancelResult {
  /** The completion's id; undefined where the server gave none. */
  readonly id: string | undefined;
  /** Status of the usage record, `cancelled` or how the completion had ended before; `unknown` where the server does not say. */
  readonly status: string;
}

/** Where a stream's bytes come from. Answers of any HTTP status are handed back as they are; a lost connection rejects. */
export interface StreamSource {
  /** Sends the request. Called again only while nothing was delivered, and then with the same Idempotency-Key. */
  open(signal: AbortSignal): Promise<Response>;
  /**
   * Asks for the events after `cursor`, as server-sent events with `id:` lines; 204 where nothing is left. Called only where the head
   * named the completion or its address. Absent: this stream cannot be picked up again.
   */
  resume?(at: StreamPosition, signal: AbortSignal): Promise<Response>;
  /** Stops the generation. Absent: to stop listening is all that can be done. */
  cancel?(at: StreamPosition): Promise<CancelResult>;
}

/** Waits of a stream, in milliseconds. A wait of 0 or `Infinity` never ends. They run only while the stream is being read. */
export interface StreamTimeouts {
  /** From the request to the head of the answer. Default: the client's `timeout`, 10 minutes. */
  readonly connectMs?: number;
  /** From the request to the first chunk. Default 10 minutes. */
  readonly firstTokenMs?: number;
  /** Between any two bytes, comments included. Default 45 s where the stream can be picked up again, else 10 minutes. */
  readonly idleMs?: number;
  /** Between any two chunks. Default: no bound. */
  readonly idleContentMs?: number;
}

/** A connection that was lost, and is about to be replaced. */
export interface Reconnect {
  /** 1 for the first try since an event was delivered. */
  readonly attempt: number;
  /** Milliseconds until the try. */
  readonly delayMs: number;
  readonly cursor: number;
  readonly cause: unknown;
}

export interface ChatStreamOptions {
  /** How many choices were asked for: the stream is whole when each has finished. Default 1. */
  readonly choices?: number;
  /** Tries of the request while nothing was delivered, after the first. Default 2. */
  readonly maxRetries?: number;
  /** Tries to pick the stream up again, without an event in between. Default 10: some 40 seconds. */
  readonly maxReconnects?: number | undefined;
  readonly timeouts?: StreamTimeouts;
  /** Ends the stream with an `APIUserAbortError`. */
  readonly signal?: AbortSignal | null | undefined;
  readonly onReconnect?: ((reconnect: Reconnect) => void) | undefined;
  /** Where a stream of an earlier page is continued: `open` is never called, the first connection resumes after this cursor. */
  readonly resumeAt?: StreamPosition;
}

/** What listeners of {@link ChatStream.on} are called with. */
export interface ChatStreamEvents {
  /** Every chunk, with the snapshot that contains it. */
  chunk: (chunk: ChatCompletionChunk, snapshot: ChatCompletionSnapshot) => void;
  /** Text of choice 0, and all of it so far. */
  text: (delta: string, text: string) => void;
  /** OpenAI's name for `text`. */
  content: (delta: string, text: string) => void;
  /** Reasoning of choice 0, and all of it so far. */
  reasoning: (delta: string, reasoning: string) => void;
  /** A tool call of choice 0 that is whole: the choice has finished. */
  toolCall: (call: ChatCompletionMessageToolCall) => void;
  reconnect: (reconnect: Reconnect) => void;
  /** The answer is whole. */
  finish: (completion: ChatCompletion) => void;
  /** OpenAI's name for `finish`. */
  finalChatCompletion: (completion: ChatCompletion) => void;
  /** The whole text of choice 0. */
  finalContent: (text: string) => void;
  /** The message of choice 0. */
  finalMessage: (message: ChatCompletionMessage) => void;
  error: (error: APIError) => void;
  /** The reader has ended it: `abort()`, `cancel()`, the controller or the signal. */
  abort: (error: APIError) => void;
  /** Last of all, whatever came before. */
  end: () => void;

  /** The head of the answer is there. */
  connect: () => void;
  /** Each piece of a choice's text, all of it so far, and the part of its JSON that is certain, where a JSON Schema was asked for. */
  'content.delta': (event: { delta: string; snapshot: string; parsed: unknown }) => void;
  /** The whole text of a choice, and its JSON where a JSON Schema was asked for. */
  'content.done': (event: { content: string; parsed: unknown }) => void;
  /** Each piece of a refusal by the model. */
  'refusal.delta': (event: { delta: string; snapshot: string }) => void;
  'refusal.done': (event: { refusal: string }) => void;
  /** Each piece of the arguments of a call; `parsed_arguments` is null but for tools that are `strict`. */
  'tool_calls.function.arguments.delta': (event: ToolArgumentsEvent & { arguments_delta: string }) => void;
  'tool_calls.function.arguments.done': (event: ToolArgumentsEvent) => void;
  'logprobs.content.delta': (event: { content: TokenLogprob[]; snapshot: TokenLogprob[] }) => void;
  'logprobs.content.done': (event: { content: TokenLogprob[] }) => void;
  'logprobs.refusal.delta': (event: { refusal: TokenLogprob[]; snapshot: TokenLogprob[] }) => void;
  'logprobs.refusal.done': (event: { refusal: TokenLogprob[] }) => void;
  /** OpenAI's other names for the whole answer and its parts. */
  chatCompletion: (completion: ChatCompletion) => void;
  message: (message: ChatCompletionMessage) => void;
  functionToolCall: (call: ChatCompletionMessageToolCall['function']) => void;
  finalFunctionToolCall: (call: ChatCompletionMessageToolCall['function']) => void;
  totalUsage: (usage: CompletionUsage) => void;
}

/** The arguments of one call, as far as they have come. */
export interface ToolArgumentsEvent {
  name: string;
  /** The place of the call in its message. */
  index: number;
  arguments: string;
  parsed_arguments: unknown;
}

/** Calls the listeners of an event. */
export type Emit = (event: keyof ChatStreamEvents, ...values: unknown[]) => void;

/**
 * An answer that is streamed, and read once. A lost connection is picked up at the next event where the server can do that; else, and
 * where a finish is missing, it ends in a `StreamTruncatedError`: an answer that looks whole is whole.
 *
 * It is read at the pace of its reader: `for await`, `text()`, or a promise of the final answer, which reads by itself.
 */
export interface ChatStream extends AsyncIterable<ChatCompletionChunk> {
  /** Resolves with the head of the answer, rejects where none came or it was a refusal. Begins the stream; reads no event. */
  readonly response: Promise<Response>;
  /** Header `x-request-id` of the newest head. */
  readonly requestId: string | undefined;
  /** Header `tailrace-completion-id`, else the id of the chunks. */
  readonly completionId: string | undefined;
  /** Header `tailrace-stream-url`, made absolute: whoever has it can read and cancel this one stream without a key. */
  readonly streamUrl: string | undefined;
  /** Number of the last event that was delivered to the reader; 0 before the first, and where events have no numbers. */
  readonly cursor: number;
  /** The answer as far as its reader has got. */
  readonly snapshot: ChatCompletionSnapshot;
  /** As openai's `Stream`: `controller.abort()` is `abort()`. */
  readonly controller: AbortController;

  /** The text of choice 0, piece by piece. */
  text(): AsyncIterable<string>;
  /** Listens. A listener for output, such as `text`, has the stream read by itself where nothing else does. */
  on<Name extends keyof ChatStreamEvents>(event: Name, listener: ChatStreamEvents[Name]): this;
  off<Name extends keyof ChatStreamEvents>(event: Name, listener: ChatStreamEvents[Name]): this;
  /** Listens for the next one only. */
  once<Name extends keyof ChatStreamEvents>(event: Name, listener: ChatStreamEvents[Name]): this;

  /** Resolves when the answer is whole; rejects with the stream's error. */
  done(): Promise<void>;

  /** The whole answer. Rejects with the stream's error, also where it was aborted. */
  finalCompletion(): Promise<ChatCompletion>;
  /** OpenAI's name for {@link finalCompletion}. */
  finalChatCompletion(): Promise<ChatCompletion>;
  /** The message of choice 0. */
  finalMessage(): Promise<ChatCompletionMessage>;
  /** The text of choice 0; `''` where there was none. */
  finalText(): Promise<string>;
  /** OpenAI's name for the text; null where there was none. */
  finalContent(): Promise<string | null>;
  /** Token counts; undefined where the server reported none. */
  usage(): Promise<CompletionUsage | undefined>;
  /** OpenAI's name for {@link usage}; zeros where the server reported none. */
  totalUsage(): Promise<CompletionUsage>;
  /** OpenAI's name for the last tool call. */
  finalFunctionToolCall(): Promise<ChatCompletionMessageToolCall['function'] | undefined>;
  /** The answer once it is whole, in a list. */
  allChatCompletions(): ChatCompletion[];

  /**
   * The JSON that the model writes, while it comes: iterate it for the part that is certain, ask `final()` for the value, validated by
   * `schema`, any Standard Schema.
   */
  partial<Output = unknown>(schema?: StandardSchema<unknown, Output>): PartialOutput<Output>;

  /** Two streams of the same chunks, each read at its own pace; what only one of them has read is kept for the other. */
  tee(): [ChatStream, ChatStream];
  /** The chunks as lines of JSON, as openai's `Stream` does it. An error errors it. */
  toReadableStream(): ReadableStream<Uint8Array>;
  toSSEResponse(init?: ResponseInit): Response;
  toTextResponse(init?: ResponseInit): Response;
  toUIMessageStreamResponse(init?: UIMessageStreamInit): Response;

  /** Stops listening: the loop that reads ends, the promises of the final answer reject. A resumable completion may run on. */
  abort(): void;
  /** Stops the generation, also after the connection was replaced. The stream ends as after `abort()`. */
  cancel(): Promise<CancelResult>;
}
