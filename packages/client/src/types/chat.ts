/**
 * The JSON of chat completions as a client has to expect it: OpenAI's names and shapes, with the fields that Tailrace adds. Answers of
 * other servers come in the same types, so a field that some of them leave out is optional here.
 *
 * Source: OpenAI's API reference, "Chat completions"; Tailrace's `GET /openapi.json`.
 */

/** Why a choice ended. `function_call` comes from old servers only. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call';

/** Token counts of one completion. */
export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number; audio_tokens?: number } | null;
  completion_tokens_details?: { reasoning_tokens?: number; audio_tokens?: number } | null;
}

export interface TokenLogprob {
  token: string;
  logprob: number;
  /** UTF-8 bytes of the token; null where it has none. */
  bytes: number[] | null;
  top_logprobs: { token: string; logprob: number; bytes: number[] | null }[];
}

export interface ChoiceLogprobs {
  content: TokenLogprob[] | null;
  refusal?: TokenLogprob[] | null;
}

/** A function that the model wants to have called. `arguments` is JSON as the model wrote it. */
export interface ChatCompletionMessageToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
  /** What the provider wants back with the next request, a thought's signature for instance. */
  extra_content?: unknown;
}

/** One piece of a tool call. Foreign servers leave out any field but `function`; {@link ChatStream.snapshot} has the calls put together. */
export interface ToolCallDelta {
  index: number;
  id?: string;
  type?: 'function';
  function?: { name?: string; arguments?: string };
  extra_content?: unknown;
}

export interface ChatCompletionDelta {
  role?: 'developer' | 'system' | 'user' | 'assistant' | 'tool';
  content?: string | null;
  /** What the model thinks before it answers; some servers call it `reasoning`. */
  reasoning_content?: string | null;
  reasoning?: string | null;
  refusal?: string | null;
  tool_calls?: ToolCallDelta[];
  extra_content?: unknown;
}

export interface ChatCompletionChunkChoice {
  index: number;
  delta: ChatCompletionDelta;
  finish_reason: FinishReason | null;
  logprobs?: ChoiceLogprobs | null;
}

/** One event of a streamed completion. */
export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  /** Unix time in seconds. */
  created: number;
  model: string;
  choices: ChatCompletionChunkChoice[];
  system_fingerprint?: string;
  service_tier?: string | null;
  /** On the last chunk of a choice, or on a chunk without choices, as the server does it. */
  usage?: CompletionUsage | null;
}

export interface ChatCompletionMessage {
  role: 'assistant';
  content: string | null;
  refusal: string | null;
  reasoning_content?: string;
  tool_calls?: ChatCompletionMessageToolCall[];
  extra_content?: unknown;
}

export interface ChatCompletionChoice {
  index: number;
  message: ChatCompletionMessage;
  finish_reason: FinishReason;
  logprobs: ChoiceLogprobs | null;
}

/** A whole answer. */
export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  /** Unix time in seconds. */
  created: number;
  model: string;
  choices: ChatCompletionChoice[];
  usage?: CompletionUsage;
  system_fingerprint?: string;
  service_tier?: string | null;
  /** Header `x-request-id`, where this is the answer of a call that did not stream. Not enumerable. */
  readonly _request_id?: string | null;
}

/** A choice of an answer that is still coming: `finish_reason` is null until it has ended. */
export interface ChoiceSnapshot extends Omit<ChatCompletionChoice, 'finish_reason'> {
  finish_reason: FinishReason | null;
}

/** An answer as far as it has come. */
export interface ChatCompletionSnapshot extends Omit<ChatCompletion, 'choices'> {
  choices: ChoiceSnapshot[];
}

export interface ChatCompletionContentPartText {
  type: 'text';
  text: string;
}

export interface ChatCompletionContentPartImage {
  type: 'image_url';
  image_url: { url: string; detail?: 'auto' | 'low' | 'high' };
}

export interface ChatCompletionContentPartInputAudio {
  type: 'input_audio';
  input_audio: { data: string; format: 'wav' | 'mp3' };
}

export interface ChatCompletionContentPartFile {
  type: 'file';
  file: { file_data?: string; file_id?: string; filename?: string };
}

export type ChatCompletionContentPart =
  | ChatCompletionContentPartText
  | ChatCompletionContentPartImage
  | ChatCompletionContentPartInputAudio
  | ChatCompletionContentPartFile;

export interface ChatCompletionSystemMessageParam {
  role: 'system' | 'developer';
  content: string | ChatCompletionContentPartText[];
  name?: string;
}

export interface ChatCompletionUserMessageParam {
  role: 'user';
  content: string | ChatCompletionContentPart[];
  name?: string;
}

/** Takes a {@link ChatCompletionMessage} as it came. */
export interface ChatCompletionAssistantMessageParam {
  role: 'assistant';
  content?: string | (ChatCompletionContentPartText | { type: 'refusal'; refusal: string })[] | null;
  refusal?: string | null;
  reasoning_content?: string;
  tool_calls?: ChatCompletionMessageToolCall[];
  extra_content?: unknown;
  name?: string;
}

export interface ChatCompletionToolMessageParam {
  role: 'tool';
  content: string | ChatCompletionContentPartText[];
  tool_call_id: string;
}

export type ChatCompletionMessageParam =
  | ChatCompletionSystemMessageParam
  | ChatCompletionUserMessageParam
  | ChatCompletionAssistantMessageParam
  | ChatCompletionToolMessageParam;

/** A JSON schema, as a plain object. */
export type JsonSchema = Record<string, unknown>;

export interface ChatCompletionTool {
  type: 'function';
  function: { name: string; description?: string; parameters?: JsonSchema; strict?: boolean | null };
}

export type ChatCompletionToolChoiceOption =
  | 'none'
  | 'auto'
  | 'required'
  | { type: 'function'; function: { name: string } };

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      json_schema: { name: string; description?: string; schema?: JsonSchema; strict?: boolean | null };
    };

/** The fields of a request but `stream`. A field that is null or absent has the server's default. */
export interface ChatCompletionCreateParamsBase {
  /** The model's id, as `models.list()` has it; a Tailrace always has one called `default`. */
  model: (string & {}) | 'default';
  /** The conversation so far, the newest message last. */
  messages: ChatCompletionMessageParam[];
  /** How free the choice of words is, from 0 (the likeliest each time) to 2; default: the model's own, else 1. */
  temperature?: number | null;
  /** Only the likeliest tokens whose probabilities add up to this are considered, from 0 to 1; default: the model's own, else 1. */
  top_p?: number | null;
  /** The most tokens that the answer may have; OpenAI's reasoning models take `max_completion_tokens` instead. */
  max_tokens?: number | null;
  /** The most tokens that the answer may have, with those of its reasoning. */
  max_completion_tokens?: number | null;
  /** Texts before which the answer ends; they are not part of it. */
  stop?: string | string[] | null;
  /** The same seed and request have the same answer, as far as the server can. */
  seed?: number | null;
  /** How many answers to the same request are wanted; default 1. */
  n?: number | null;
  /** From -2 to 2: above 0 tokens that have occurred become less likely; default 0. */
  presence_penalty?: number | null;
  /** From -2 to 2: above 0 tokens become less likely the more often they have occurred; default 0. */
  frequency_penalty?: number | null;
  /** For ids of tokens what is added to their likelihood, from -100 (never) to 100 (only these). */
  logit_bias?: Record<string, number> | null;
  /** Whether the answer says how likely each of its tokens was; default false. */
  logprobs?: boolean | null;
  /** With `logprobs`: how many other tokens are named at each place, from 0 to 20. */
  top_logprobs?: number | null;
  /** Whether the answer is a text, any JSON, or the JSON of a schema: `responseFormat()` makes one. */
  response_format?: ResponseFormat;
  /** The functions that the model may call; `runTools()` runs them. */
  tools?: ChatCompletionTool[];
  /** Whether functions are called: `auto` as the model likes (the default with tools), `none`, `required`, or one by its name. */
  tool_choice?: ChatCompletionToolChoiceOption;
  /** Whether one answer may call several functions; default true. */
  parallel_tool_calls?: boolean;
  /** How long a reasoning model thinks before it answers. */
  reasoning_effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | (string & {}) | null;
  /** How detailed the answer is, at models that know it. */
  verbosity?: 'low' | 'medium' | 'high' | null;
  /** With `stream`: `include_usage` asks for token counts, which a Tailrace sends anyway. */
  stream_options?: { include_usage?: boolean; include_obfuscation?: boolean } | null;
  /** Who asks, among the users of your app; it stands in the usage record. */
  user?: string;
  /** Who asks, as a stable id by which a provider can find abuse. */
  safety_identifier?: string;
  /** Names and values of your own; providers store them with the answer. */
  metadata?: Record<string, string> | null;
  /** Whether a provider may keep the answer; default: as the provider does it. */
  store?: boolean | null;
  /** Which of a provider's classes of speed and price is wanted. */
  service_tier?: string | null;
  /** Requests with the same key have more hits in a provider's cache of prompts. */
  prompt_cache_key?: string;
  /** What the answer may be: text, audio or both; default text. */
  modalities?: ('text' | 'audio')[] | null;
}

export interface ChatCompletionCreateParamsNonStreaming extends ChatCompletionCreateParamsBase {
  /** The answer comes whole. */
  stream?: false | null;
}

export interface ChatCompletionCreateParamsStreaming extends ChatCompletionCreateParamsBase {
  /** The answer comes piece by piece. */
  stream: true;
}

/** The body of `POST /v1/chat/completions`. Fields that are not named here are sent as they are. */
export type ChatCompletionCreateParams =
  | ChatCompletionCreateParamsNonStreaming
  | ChatCompletionCreateParamsStreaming;

/** A model that the key may use. */
export interface Model {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  /** Tokens; null or absent where the server does not say. */
  context_length?: number | null;
}
