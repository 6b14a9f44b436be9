import type { JsonObject, JsonValue } from './json.ts';

/** One chat completion as it was asked for: validated, defaults not filled in (absent is absent). */
export interface ChatRequest {
  /** The id or alias the client named. */
  readonly model: string;
  readonly messages: readonly Message[];
  readonly stream: boolean;
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean;
  /** `max_completion_tokens`, else `max_tokens`: reasoning and answer together. */
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  /** At most four, none empty. */
  readonly stop: readonly string[];
  /** Folded to 0 … 2^53-1. */
  readonly seed?: number;
  readonly n: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Token id → bias, −100 … 100. */
  readonly logitBias?: ReadonlyMap<number, number>;
  readonly logprobs: boolean;
  readonly topLogprobs: number;
  readonly responseFormat: ResponseFormat;
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
  readonly reasoningEffort?: string;
  /**
   * The body as it was decoded, for upstreams that speak the same protocol: fields nobody here knows go on
   * as they came.
   */
  readonly body: JsonObject;
}

export type Message =
  | {
      readonly role: 'system' | 'developer' | 'user';
      readonly content: readonly ContentPart[];
      readonly name?: string;
    }
  | AssistantMessage
  | { readonly role: 'tool'; readonly content: readonly ContentPart[]; readonly toolCallId: string };

export interface AssistantMessage {
  readonly role: 'assistant';
  /** Empty where the message had only calls, or `content: null`. */
  readonly content: readonly ContentPart[];
  readonly name?: string;
  readonly reasoning?: string;
  readonly toolCalls: readonly ToolCall[];
  readonly extra?: JsonObject;
}

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'refusal'; readonly refusal: string }
  | { readonly type: 'image'; readonly url: string; readonly detail?: string }
  | { readonly type: 'audio'; readonly data: string; readonly format: string }
  | { readonly type: 'file'; readonly file: JsonObject };

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
  readonly extra?: JsonObject;
}

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema';
      readonly name: string;
      readonly schema: JsonValue;
      readonly strict: boolean;
    };

export interface ToolDefinition {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments; an empty object takes none. */
  readonly parameters: JsonValue;
  readonly strict: boolean;
}

export type ToolChoice =
  | { readonly type: 'auto' }
  | { readonly type: 'none' }
  | { readonly type: 'required' }
  | { readonly type: 'function'; readonly name: string };
