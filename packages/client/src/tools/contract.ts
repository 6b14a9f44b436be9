import type { RequestOptions } from '../client/options.ts';
import type { TailraceError } from '../errors/errors.ts';
import type { ChatStreamEvents } from '../stream/contract.ts';
import type { StandardSchema } from '../structured/standard-schema.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionCreateParamsBase,
  ChatCompletionMessage,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
  ChatCompletionSnapshot,
  CompletionUsage,
  JsonSchema,
} from '../types/chat.ts';

/** A function that the model may call, in OpenAI's shape. */
export interface RunnableTool<Args = never, Context = never> {
  type: 'function';
  function: {
    /** Default: the name of `function`. */
    name?: string;
    description?: string;
    /** A JSON Schema, or a Standard Schema that writes itself as one: then the arguments are validated. */
    parameters?: JsonSchema | StandardSchema;
    strict?: boolean;
    /** What it returns goes to the model: a text as it is, anything else as JSON. */
    function: (args: Args, runner: ToolRunner, context: Context) => unknown;
    /** Makes the arguments of their JSON. What it throws goes to the model. Default: those of a Standard Schema, else the text itself. */
    parse?: (input: string) => Args | Promise<Args>;
  };
}

/** What `zodFunction` of `openai/helpers/zod` returns: the function and the parser are not enumerable. */
export interface AutoParseableTool<Args> {
  type: 'function';
  function: { name: string; description?: string; parameters?: JsonSchema; strict?: boolean | null };
  $parseRaw(input: string): Args;
  /** Undefined where none was given; then it is no tool for `runTools`. */
  $callback: ((args: Args) => unknown) | undefined;
}

/** The request of `runTools`: as any other, with tools that can be run. `n` is 1. */
export interface RunToolsParams<Context = undefined>
  extends Omit<ChatCompletionCreateParamsBase, 'tools' | 'n'> {
  // biome-ignore lint/suspicious/noExplicitAny: each tool has arguments of its own.
  tools: readonly (RunnableTool<any, Context> | AutoParseableTool<any>)[];
  stream?: boolean | null;
  /** The third argument of each function. */
  toolContext?: Context;
}

export interface RunToolsOptions extends RequestOptions {
  /** Completions that are asked for before the run ends, whatever the model wants. Default 10. */
  readonly maxChatCompletions?: number;
  /** What happens when a function throws: `throw` ends the run, `return` gives the message to the model. Default `throw`, as OpenAI's. */
  readonly toolErrors?: 'throw' | 'return';
  /** Called behind each completion and its tools, and awaited. */
  readonly afterCompletion?: (completion: ChatCompletion, runner: ToolRunner) => void | Promise<void>;
}

type FunctionCall = ChatCompletionMessageToolCall['function'];

/** A stream's events for each piece of output. */
export type PieceEvents = Pick<ChatStreamEvents, Extract<keyof ChatStreamEvents, `${string}.${string}`>>;

/** OpenAI's events of a run. Those with a dot come only with `stream: true`. */
export interface ToolRunnerEvents extends PieceEvents {
  connect: () => void;
  /** A piece of the answer's text, and the text of this completion so far. */
  content: (delta: string, text: string) => void;
  /** Only with `stream: true`. */
  chunk: (chunk: ChatCompletionChunk, snapshot: ChatCompletionSnapshot) => void;
  chatCompletion: (completion: ChatCompletion) => void;
  /** An answer of the model, or the result of a tool. */
  message: (message: ChatCompletionMessageParam) => void;
  functionToolCall: (call: FunctionCall) => void;
  functionToolCallResult: (content: string) => void;
  finalContent: (text: string) => void;
  finalMessage: (message: ChatCompletionMessage) => void;
  finalChatCompletion: (completion: ChatCompletion) => void;
  finalFunctionToolCall: (call: FunctionCall) => void;
  finalFunctionToolCallResult: (content: string) => void;
  totalUsage: (usage: CompletionUsage) => void;
  error: (error: TailraceError) => void;
  abort: (error: TailraceError) => void;
  end: () => void;
}

/** One thing that happened in a run, for {@link ToolRunner.events}. */
export type ToolRunnerEvent =
  | { readonly type: 'content'; readonly delta: string }
  | { readonly type: 'toolCall'; readonly call: ChatCompletionMessageToolCall }
  | { readonly type: 'toolResult'; readonly id: string; readonly content: string }
  | { readonly type: 'message'; readonly message: ChatCompletionMessageParam }
  | { readonly type: 'completion'; readonly completion: ChatCompletion };

/**
 * A conversation in which the model calls functions, until it answers without a call. It begins by itself, once the caller has had the
 * time to listen. Iterated, it gives the chunks of every completion; it waits for the loops that iterate it.
 */
export interface ToolRunner extends AsyncIterable<ChatCompletionChunk> {
  /** All messages so far: those of the request, the answers and the results. What a function or `afterCompletion` adds is sent. */
  readonly messages: ChatCompletionMessageParam[];
  readonly controller: AbortController;
  readonly ended: boolean;
  readonly errored: boolean;
  readonly aborted: boolean;
  on<Name extends keyof ToolRunnerEvents>(event: Name, listener: ToolRunnerEvents[Name]): this;
  off<Name extends keyof ToolRunnerEvents>(event: Name, listener: ToolRunnerEvents[Name]): this;
  once<Name extends keyof ToolRunnerEvents>(event: Name, listener: ToolRunnerEvents[Name]): this;
  /** Ends the run: what is being asked for is aborted, a function that runs is not waited for. */
  abort(): void;
  /** Resolves when the run has ended; rejects with its error. So do all below. */
  done(): Promise<void>;
  /** The text of the last answer; null where it has none. */
  finalContent(): Promise<string | null>;
  finalMessage(): Promise<ChatCompletionMessage>;
  finalChatCompletion(): Promise<ChatCompletion>;
  finalFunctionToolCall(): Promise<FunctionCall | undefined>;
  finalFunctionToolCallResult(): Promise<string | undefined>;
  /** Of all completions together. */
  totalUsage(): Promise<CompletionUsage>;
  allChatCompletions(): ChatCompletion[];
  /** What happens, in order. Ends with the run, and throws its error. */
  events(): AsyncIterable<ToolRunnerEvent>;
}
