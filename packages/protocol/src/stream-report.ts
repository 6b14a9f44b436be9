import type { FinishReason, UsageWire } from './wire-types.ts';

/** Every rule that {@link import('./stream-grammar.ts')} checks, one sentence each. */
export const streamRules = {
  'framing-bom': 'the body has no byte order mark',
  'framing-cr': 'lines end in LF, never in CR',
  'framing-ascii': 'every byte is ASCII, everything else is written \\uXXXX',
  'framing-utf8': 'the bytes are UTF-8',
  'framing-line': 'an event is one line `data: <JSON>`; there are no other fields',
  'framing-separator': 'events and comments are separated by exactly one blank line',
  'framing-incomplete': 'the body ends with a blank line, never inside an event',
  'framing-too-large': 'an event stays within the bound',
  'comment-text': 'the only comment is `: keepalive`',
  'event-id': 'ids appear on resumed streams only, there on every event, and count up by one',
  'data-json': 'the data of an event is a JSON object or [DONE]',
  'chunk-fields': 'a chunk has id, object, created, model, system_fingerprint and choices, each of its type',
  'chunk-constant': 'id, created, model and system_fingerprint are the same on every chunk',
  'choices-empty': 'choices is never empty, save on the usage chunk of the separate form',
  'choice-fields': 'a choice has index, delta, logprobs and finish_reason, each of its type',
  'choice-index': 'a choice index is within what was asked for',
  logprobs: 'logprobs is null unless asked for',
  'role-chunk': 'the role chunk of a choice is delta {"role":"assistant","content":""} and nothing else',
  'role-first': 'the role chunks of all choices come first, in order, one each',
  'delta-empty':
    'a delta has at least one of content, reasoning_content, refusal, tool_calls and another output field',
  'delta-text': 'content, reasoning_content and refusal are strings that are not empty',
  'text-cut': 'no delta ends or begins inside a surrogate pair',
  'tool-call-start': 'the first delta of a call has index, id, type, function.name and arguments ""',
  'tool-call-piece': 'later deltas of a call have only index and function.arguments',
  'tool-call-order': 'call indexes are dense from 0, one call ends before the next begins',
  'tool-call-arguments': 'the pieces of the arguments join to valid JSON, unless the finish is length',
  'tool-call-finish': 'the finish is tool_calls where there were calls and only there',
  'finish-reason': 'finish_reason is stop, length, tool_calls or content_filter',
  'finish-delta': 'the finish chunk has delta {}',
  'after-finish': 'nothing of a choice comes after its finish, and it finishes once',
  'finish-missing': 'every choice finishes before [DONE]',
  'usage-fields': 'usage has prompt_tokens, completion_tokens and their sum total_tokens',
  'usage-place': 'usage comes once, on the last finish chunk or in the separate form on the chunk after it',
  'usage-missing': 'usage is reported',
  'usage-null': 'usage is null on every other chunk of the separate form',
  'error-fields': 'an error event is {"error": {message, type, param, code, request_id}} and nothing else',
  'error-code': 'the code is in the error table and has its type there',
  'error-after-finish': 'no error event comes after all choices have finished',
  'done-missing': 'a stream ends in [DONE] or in an error event',
  'after-end': 'nothing follows [DONE] or the error event',
} as const satisfies Record<string, string>;

export type StreamRule = keyof typeof streamRules;

export interface StreamViolation {
  readonly rule: StreamRule;
  /** What was found in the stream. */
  readonly message: string;
  /** Events counted as a resuming client counts them: the first `data:` event is 1, comments do not count. */
  readonly eventNumber: number;
}

/** A tool call joined from its pieces. */
export interface JoinedToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** One field of a delta that the protocol does not name. */
export interface OtherOutput {
  readonly field: string;
  readonly value: unknown;
}

/** One choice joined from its deltas. */
export interface JoinedChoice {
  readonly index: number;
  readonly content: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly toolCalls: readonly JoinedToolCall[];
  /** Output in fields that the protocol does not name, such as `images`, in its order. Absent where there is none. */
  readonly others?: readonly OtherOutput[];
  /** Absent where the choice never finished. */
  readonly finishReason?: FinishReason;
}

/** An error event as far as it could be read: the code of another server need not be in our table. */
export interface StreamError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
  readonly requestId: string;
}

/** What the stream held, as far as it could be read. */
export interface StreamSummary {
  readonly id?: string;
  readonly model?: string;
  /** By index. */
  readonly choices: readonly JoinedChoice[];
  readonly usage?: UsageWire;
  /** Present wherever an error event came. */
  readonly error?: StreamError;
  /** Every choice finished and [DONE] came, without an error: only such an answer is whole. */
  readonly complete: boolean;
  /** `data:` events, [DONE] included. */
  readonly events: number;
  readonly keepalives: number;
}

export interface StreamReport {
  /** In the order of the stream; at most 100 are kept. */
  readonly violations: readonly StreamViolation[];
  readonly summary: StreamSummary;
}

export interface StreamCheckOptions {
  /** How many choices were asked for. Absent: as many as open with a role chunk. */
  readonly choices?: number;
  /**
   * `inline` (default): on the last finish chunk. `separate`: a last chunk with `choices: []`, null on all
   * others. `absent`: the separate form without `include_usage`, no usage at all.
   */
  readonly usage?: 'inline' | 'separate' | 'absent';
  /** The request asked for logprobs. Default false. */
  readonly logprobs?: boolean;
  /** The server sends keepalives as chunks with an empty content instead of comments. Default false. */
  readonly keepaliveChunks?: boolean;
  /**
   * A resumed stream: events carry `id: N`, and the first one has this number. The events before it are unknown, so role
   * chunks are not required, and joined tool calls are not parsed.
   */
  readonly resumedFrom?: number;
  /** Bytes that one event may hold. Default 1 MiB. */
  readonly maxEventBytes?: number;
}
