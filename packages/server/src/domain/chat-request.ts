import type { JsonObject, JsonValue } from './json.ts';

/**
 * One chat completion as it was asked for, validated. An absent optional field was absent. It is all that is known of the
 * request behind its surface. Each object in it has a `rest` for the members of its JSON that are not interpreted, in
 * their order, and `nestedRest` for those of the object inside it (`function`, `image_url`, `json_schema`): they go
 * to an OpenAI-compatible upstream as they came (`chat-json.ts`). An absent rest is an empty one.
 */
export interface ChatRequest {
  /** The id or alias the client named. */
  readonly model: string;
  readonly messages: readonly Message[];
  readonly stream: boolean;
  /** Reasoning and answer together. */
  readonly maxTokens?: number;
  /** How the client calls {@link maxTokens}: `max_tokens` unless something else is said. */
  readonly maxTokensParam?: string;
  readonly temperature?: number;
  readonly topP?: number;
  /** At most four, none empty. */
  readonly stop: readonly string[];
  /** Folded to 0 … 2^53-1. */
  readonly seed?: number;
  readonly n: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Decimal token id → bias, −100 … 100. At least one is not 0. */
  readonly logitBias?: Readonly<Record<string, number>>;
  readonly logprobs: boolean;
  readonly topLogprobs?: number;
  readonly responseFormat: ResponseFormat;
  readonly tools: readonly ToolDefinition[];
  /** See {@link toolChoiceOf}. */
  readonly toolChoice?: ToolChoice;
  /** Absent allows them. */
  readonly parallelToolCalls?: boolean;
  readonly reasoningEffort?: string;
  /** Options of the stream that have no name here; absent where the client sent no options. */
  readonly streamOptions?: JsonObject;
  /** Beside unknown members those that only advise, and those that few targets take and this server does not read. */
  readonly rest: JsonObject;
}

interface WithRest {
  readonly rest?: JsonObject;
}

interface WithNestedRest extends WithRest {
  readonly nestedRest?: JsonObject;
}

export type Message = SpokenMessage | AssistantMessage | ToolMessage;

/** A text is what one text part without a rest is. */
export type Content = string | readonly ContentPart[];

export interface SpokenMessage extends WithRest {
  readonly role: 'system' | 'developer' | 'user';
  readonly content: Content;
  readonly name?: string;
}

export interface AssistantMessage extends WithRest {
  readonly role: 'assistant';
  /** Absent or null where the message had only calls or a refusal. */
  readonly content?: Content | null;
  readonly refusal?: string;
  readonly name?: string;
  readonly reasoning?: string;
  readonly toolCalls: readonly ToolCall[];
  readonly extra?: JsonObject;
}

export interface ToolMessage extends WithRest {
  readonly role: 'tool';
  readonly content: Content;
  readonly toolCallId: string;
  readonly name?: string;
}

export type ContentPart =
  | ({ readonly type: 'text'; readonly text: string } & WithRest)
  | ({ readonly type: 'refusal'; readonly refusal: string } & WithRest)
  | ({ readonly type: 'image'; readonly url: string; readonly detail?: string } & WithNestedRest)
  | ({ readonly type: 'audio'; readonly data: string; readonly format: string } & WithNestedRest)
  | ({ readonly type: 'file'; readonly file: JsonObject } & WithRest);

export interface ToolCall extends WithNestedRest {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
  readonly extra?: JsonObject;
}

export type ResponseFormat =
  | ({ readonly type: 'text' } & WithRest)
  | ({ readonly type: 'json_object' } & WithRest)
  | ({
      readonly type: 'json_schema';
      readonly name: string;
      readonly description?: string;
      /** Absent: an answer is any JSON value. */
      readonly schema?: JsonValue;
      readonly strict?: boolean;
    } & WithNestedRest);

export interface ToolDefinition extends WithNestedRest {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments; an empty object, or none, takes none. */
  readonly parameters?: JsonValue;
  readonly strict?: boolean;
}

export type ToolChoice =
  | { readonly type: 'auto' }
  | { readonly type: 'none' }
  | { readonly type: 'required' }
  | ({ readonly type: 'function'; readonly name: string } & WithNestedRest);

/** What a message says, as parts: an assistant's refusal is the last of them. */
export function partsOf(message: Message): readonly ContentPart[] {
  const { content } = message;
  const parts: readonly ContentPart[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  if (message.role !== 'assistant' || message.refusal === undefined || message.refusal === '') return parts;
  return [...parts, { type: 'refusal', refusal: message.refusal }];
}

/** Where the client chose none: the model's own, if there are tools. */
export function toolChoiceOf({ toolChoice, tools }: Pick<ChatRequest, 'toolChoice' | 'tools'>): ToolChoice {
  return toolChoice ?? { type: tools.length > 0 ? 'auto' : 'none' };
}
