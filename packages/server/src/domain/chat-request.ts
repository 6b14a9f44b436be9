import { isObject, type JsonObject, type JsonValue } from './json.ts';
import { keepSpellings } from './spellings.ts';

/**
 * One request for a chat completion, decoded and validated by its surface. An optional field is absent where the client did
 * not send it. Each object has a `rest`: the members of its JSON that this server does not interpret, in their order.
 * `nestedRest` holds those of the object inside it (`function`, `image_url`, `json_schema`). An OpenAI-compatible upstream
 * gets them as they came (`chat-json.ts`). An absent rest is an empty one.
 */
export interface ChatRequest {
  /** The id or alias of a model, as the client sent it. */
  readonly model: string;
  readonly messages: readonly Message[];
  /** The beginning of the answer, where the client asks for its rest; it is not among the messages. Not empty. */
  readonly continued?: string;
  readonly stream: boolean;
  /** The bound of reasoning and answer together. */
  readonly maxTokens?: number;
  /** The name by which the client sent {@link maxTokens}. Default: `max_tokens`. */
  readonly maxTokensParam?: 'max_tokens' | 'max_completion_tokens';
  readonly temperature?: number;
  readonly topP?: number;
  /** At most 256, none empty. */
  readonly stop: readonly string[];
  /** Mapped to 0 … 2^53-1. */
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
  /** Absent: parallel calls are allowed. */
  readonly parallelToolCalls?: boolean;
  readonly reasoningEffort?: string;
  /** The members of `stream_options` that are not interpreted; absent where the client sent no options. */
  readonly streamOptions?: JsonObject;
  /** Unknown members, advisory members, and members that few targets accept and that this server does not interpret. */
  readonly rest: JsonObject;
}

interface WithRest {
  readonly rest?: JsonObject;
}

interface WithNestedRest extends WithRest {
  readonly nestedRest?: JsonObject;
}

/** One message of the chat, by its role. */
export type Message = SpokenMessage | AssistantMessage | ToolMessage;

/** A string means the same as a list of one text part without a rest. */
export type Content = string | readonly ContentPart[];

/** A message that has only content. */
export interface SpokenMessage extends WithRest {
  readonly role: 'system' | 'developer' | 'user';
  readonly content: Content;
  readonly name?: string;
}

/** An earlier answer of the model. */
export interface AssistantMessage extends WithRest {
  readonly role: 'assistant';
  /** Absent or null where the message has only tool calls or a refusal. */
  readonly content?: Content | null;
  readonly refusal?: string;
  readonly name?: string;
  readonly reasoning?: string;
  readonly toolCalls: readonly ToolCall[];
  readonly extra?: JsonObject;
}

/** The result of a tool call. */
export interface ToolMessage extends WithRest {
  readonly role: 'tool';
  readonly content: Content;
  readonly toolCallId: string;
  readonly name?: string;
}

/** One part of a message's content; `url` and `data` are as the client sent them. */
export type ContentPart =
  | ({ readonly type: 'text'; readonly text: string } & WithRest)
  | ({ readonly type: 'refusal'; readonly refusal: string } & WithRest)
  | ({ readonly type: 'image'; readonly url: string; readonly detail?: string } & WithNestedRest)
  | ({ readonly type: 'audio'; readonly data: string; readonly format: string } & WithNestedRest)
  | ({ readonly type: 'file'; readonly file: JsonObject } & WithRest);

/** A call of a tool, in an earlier answer. */
export interface ToolCall extends WithNestedRest {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
  readonly extra?: JsonObject;
}

/** The format that the answer's text must have. */
export type ResponseFormat =
  | ({ readonly type: 'text' } & WithRest)
  | ({
      readonly type: 'json_object';
      /** llama.cpp's form of a `json_schema`. Absent: every object is valid. */
      readonly schema?: JsonValue;
    } & WithRest)
  | ({
      readonly type: 'json_schema';
      readonly name: string;
      readonly description?: string;
      /** Absent: every JSON value is valid. */
      readonly schema?: JsonValue;
      readonly strict?: boolean;
    } & WithNestedRest);

/** A tool that the model may call. */
export interface ToolDefinition extends WithNestedRest {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. An empty object, or an absent schema: the tool takes no arguments. */
  readonly parameters?: JsonValue;
  readonly strict?: boolean;
}

/** Whether the model may call tools, must call one, or must call the named one. */
export type ToolChoice =
  | { readonly type: 'auto' }
  | { readonly type: 'none' }
  | { readonly type: 'required' }
  | ({ readonly type: 'function'; readonly name: string } & WithNestedRest);

/** The content of a message as parts; an assistant's refusal is the last part. */
export function partsOf(message: Message): readonly ContentPart[] {
  const { content } = message;
  const parts: readonly ContentPart[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  if (message.role !== 'assistant' || message.refusal === undefined || message.refusal === '') return parts;
  return [...parts, { type: 'refusal', refusal: message.refusal }];
}

/**
 * The schema of a `json_object` with one: it allows only objects, unless it names other types itself. Undefined where every
 * object is valid.
 */
export function objectSchemaOf({
  schema,
}: Extract<ResponseFormat, { readonly type: 'json_object' }>): JsonValue | undefined {
  if (schema === undefined || schema === true) return undefined;
  if (!isObject(schema)) return schema;
  const names = Object.keys(schema);
  if (names.length === 0) return undefined;
  return names.includes('type') ? schema : keepSpellings(schema, { type: 'object', ...schema });
}

/** The client's tool choice. Default: `auto` where the request has tools, else `none`. */
export function toolChoiceOf({ toolChoice, tools }: Pick<ChatRequest, 'toolChoice' | 'tools'>): ToolChoice {
  return toolChoice ?? { type: tools.length > 0 ? 'auto' : 'none' };
}

/** The messages as the client sent them: a beginning of the answer is the last one. */
export function messagesAsSent({
  messages,
  continued,
}: Pick<ChatRequest, 'messages' | 'continued'>): readonly Message[] {
  return continued === undefined
    ? messages
    : [...messages, { role: 'assistant', content: continued, toolCalls: [] }];
}
