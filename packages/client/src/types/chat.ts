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

export interface ChatCompletionCreateParamsBase {
  model: (string & {}) | 'default';
  messages: ChatCompletionMessageParam[];
  temperature?: number | null;
  top_p?: number | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  stop?: string | string[] | null;
  seed?: number | null;
  n?: number | null;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  logit_bias?: Record<string, number> | null;
  logprobs?: boolean | null;
  top_logprobs?: number | null;
  response_format?: ResponseFormat;
  tools?: ChatCompletionTool[];
  tool_choice?: ChatCompletionToolChoiceOption;
  parallel_tool_calls?: boolean;
  reasoning_effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | (string & {}) | null;
  verbosity?: 'low' | 'medium' | 'high' | null;
  stream_options?: { include_usage?: boolean; include_obfuscation?: boolean } | null;
  user?: string;
  safety_identifier?: string;
  metadata?: Record<string, string> | null;
  store?: boolean | null;
  service_tier?: string | null;
  prompt_cache_key?: string;
  modalities?: ('text' | 'audio')[] | null;
}

export interface ChatCompletionCreateParamsNonStreaming extends ChatCompletionCreateParamsBase {
  stream?: false | null;
}

export interface ChatCompletionCreateParamsStreaming extends ChatCompletionCreateParamsBase {
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
