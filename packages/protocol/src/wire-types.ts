import type { ErrorCode, ErrorType } from './error-table.ts';

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** Token counts as clients get them; the two `details` only where their numbers are known. */
export interface UsageWire {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
  completion_tokens_details?: { reasoning_tokens: number };
}

export interface TokenLogprobWire {
  token: string;
  logprob: number;
  /** UTF-8 bytes of the token; null where the token has none. */
  bytes: number[] | null;
  top_logprobs: { token: string; logprob: number; bytes: number[] | null }[];
}

/** The log probabilities of a choice or of a delta of it. */
export interface ChoiceLogprobsWire {
  content: TokenLogprobWire[];
  /** OpenAI's member for the tokens of a refusal: we have none. */
  refusal: null;
}

export interface ToolCallWire {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
  extra_content?: unknown;
}

export interface ToolCallDeltaWire {
  index: number;
  id?: string;
  type?: 'function';
  function: { name?: string; arguments?: string };
  extra_content?: unknown;
}

export interface DeltaWire {
  role?: 'assistant';
  content?: string | null;
  reasoning_content?: string;
  refusal?: string | null;
  tool_calls?: ToolCallDeltaWire[];
  extra_content?: unknown;
  /** Parts that are neither text nor thought. Other output comes under the name that the upstream gave it. */
  content_parts?: unknown[];
}

export interface ChunkChoiceWire {
  index: number;
  delta: DeltaWire;
  logprobs: ChoiceLogprobsWire | null;
  finish_reason: FinishReason | null;
}

/** One event of a streamed completion. */
export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  /** Unix time in seconds, the same on every chunk of a stream. */
  created: number;
  model: string;
  system_fingerprint: string;
  choices: ChunkChoiceWire[];
  /** On the last finish chunk; with the separate form null everywhere but on the usage chunk. */
  usage?: UsageWire | null;
}

export interface AssistantMessageWire {
  role: 'assistant';
  content: string | null;
  refusal: string | null;
  reasoning_content?: string;
  tool_calls?: ToolCallWire[];
  extra_content?: unknown;
  content_parts?: unknown[];
}

export interface CompletionChoiceWire {
  index: number;
  message: AssistantMessageWire;
  logprobs: ChoiceLogprobsWire | null;
  finish_reason: FinishReason;
}

/** The answer to a request without `stream`. */
export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  system_fingerprint: string;
  choices: CompletionChoiceWire[];
  usage: UsageWire;
}

export interface ErrorBody {
  message: string;
  type: ErrorType;
  param: string | null;
  code: ErrorCode;
}

/** The body of every refusal; as the last event of a torn stream it has a `request_id`. */
export interface ErrorEnvelope {
  error: ErrorBody & { request_id?: string };
}

export interface ModelWire {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  /** Tokens; null where the target does not say. */
  context_length: number | null;
  /** Features that a request to the model may use: at least one of its targets honours each. */
  capabilities: string[];
  /** Null where no price is known, and where the targets of the model differ in theirs. */
  price: ModelPriceWire | null;
  /** What these fields of a request are where it does not set them; null where a target does not say, and where targets differ. */
  defaults: Record<'temperature' | 'top_p' | 'presence_penalty' | 'frequency_penalty', number> | null;
}

/** Dollars for a million tokens, as decimal texts. An absent `input` or `output` is 0; another absent amount is as `input`. */
export interface TokenPricesWire {
  input?: string;
  output?: string;
  cached?: string;
  cache_write?: string;
}

export interface ModelPriceWire extends TokenPricesWire {
  /** Dollars for each request. */
  request?: string;
  /** For prompts of more than `tokens`, in ascending order of these; an absent amount is that of the price itself. */
  above?: readonly (TokenPricesWire & { tokens: number })[];
}
