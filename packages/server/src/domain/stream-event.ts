import type { FinishReason, JsonText, TokenLogprobWire } from '@tailrace/protocol';
import type { Failure } from './failure.ts';
import type { JsonObject } from './json.ts';
import type { Usage } from './usage.ts';

/**
 * What every adapter emits and every surface encodes: the one union between them.
 *
 * Grammar (checked by `event-grammar.ts`):
 *
 *     start?  (delta | usage?)*  finish(one per choice)      — whole
 *     start?  (delta | usage?)*  failed                      — torn
 *
 * - `start` comes at most once, and only as the first event.
 * - `usage` comes at most once, and before the last `finish`.
 * - The deltas of a choice come before its `finish`. Reasoning may come after text.
 * - The `tool-call-start` of a call comes before its deltas. The indexes of the calls of a choice are 0, 1, 2 …, and a call
 *   gets no more deltas after the next one has begun.
 * - Every call has arguments, and they join to a JSON object unless the choice finishes with `length`.
 * - A choice with calls never finishes with `stop`.
 * - No delta is empty, unless it is a token with log probabilities. No text of a delta holds half of a surrogate pair.
 * - An `other-delta` has the name of no field that our stream has.
 * - Nothing comes after the last `finish`, or after `failed`.
 *
 * Text travels JSON-escaped ({@link JsonText}); decode it only where the plain text is needed.
 */
export type StreamEvent =
  | StartEvent
  | TextDelta
  | ReasoningDelta
  | RefusalDelta
  | ToolCallStart
  | ToolCallDelta
  | OtherDelta
  | UsageEvent
  | FinishEvent
  | FailedEvent;

/** The target begins to answer: the request has left its queue, and the prompt is read. Optional. */
export interface StartEvent {
  readonly type: 'start';
  /** The answer's `system_fingerprint`; where it is absent, the server has one of its own. */
  readonly fingerprint?: string;
  /** The prompt's tokens, where the target has counted them before its answer. */
  readonly promptTokens?: number;
  /** Parts of `promptTokens`, as in `Usage`. */
  readonly cachedTokens?: number;
  readonly cacheWriteTokens?: number;
  /** Absent where the target does not know them. */
  readonly phases?: PhaseTimes;
}

/** How the time before an answer was spent at its target, in milliseconds. */
export interface PhaseTimes {
  /** From the request's arrival until it got a place. */
  readonly queueMs: number;
  /** From then until its prompt was read. */
  readonly promptMs: number;
}

export interface TextDelta {
  readonly type: 'text-delta';
  readonly choice: number;
  readonly json: JsonText;
  /**
   * How many tokens this text is. Absent: 1, or unknown. A takeover subtracts the sum of all these counts from
   * `max_tokens`.
   */
  readonly tokens?: number;
  /** One entry a token, where the request asked for them. */
  readonly logprobs?: readonly TokenLogprobWire[];
}

export interface ReasoningDelta {
  readonly type: 'reasoning-delta';
  readonly choice: number;
  readonly json: JsonText;
  /** How many tokens this text is. Absent: 1, or unknown. */
  readonly tokens?: number;
}

export interface RefusalDelta {
  readonly type: 'refusal-delta';
  readonly choice: number;
  readonly json: JsonText;
  /** How many tokens this text is. Absent: 1, or unknown. */
  readonly tokens?: number;
}

export interface ToolCallStart {
  readonly type: 'tool-call-start';
  readonly choice: number;
  readonly index: number;
  readonly id: string;
  readonly name: string;
  /** What the provider wants back with this call (a thought signature). */
  readonly extra?: JsonObject;
}

export interface ToolCallDelta {
  readonly type: 'tool-call-delta';
  readonly choice: number;
  readonly index: number;
  /** The next piece of the arguments' JSON text, escaped once more for its place in a string. */
  readonly json: JsonText;
  /** How many tokens this text is. Absent: 1, or unknown. */
  readonly tokens?: number;
}

/**
 * Output for which our stream has no event (contract, section 3): a field of an upstream's delta such as `images` or `audio`,
 * or, with the field {@link contentParts}, a list of content parts that are neither text nor thought. No takeover can follow it.
 */
export interface OtherDelta {
  readonly type: 'other-delta';
  readonly choice: number;
  readonly field: string;
  /** The JSON text of the field's value, in ASCII; its numbers are spelt as they came. */
  readonly value: string;
}

export interface UsageEvent {
  readonly type: 'usage';
  readonly usage: Usage;
}

export interface FinishEvent {
  readonly type: 'finish';
  readonly choice: number;
  readonly reason: FinishReason;
  /** What the provider wants back with the message. */
  readonly extra?: JsonObject;
}

export interface FailedEvent {
  readonly type: 'failed';
  readonly failure: Failure;
}

/** The field of an {@link OtherDelta} that carries content parts. */
export const contentParts = 'content_parts';

/** The fields of an answer that other events carry: no {@link OtherDelta} has one of these names. */
export const namedFields: ReadonlySet<string> = new Set([
  'role',
  'content',
  'reasoning_content',
  'refusal',
  'tool_calls',
  'function_call',
  'extra_content',
]);

/** The events of one read of a target. An empty batch is a sign of life: it resets the timeout for a stall. */
export type EventBatch = readonly StreamEvent[];

/** True for the events that commit an answer: from then on the client has received some of it. */
export function commits(event: StreamEvent): boolean {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
    case 'tool-call-start':
    case 'tool-call-delta':
    case 'other-delta':
    case 'finish':
      return true;
    case 'start':
    case 'usage':
    case 'failed':
      return false;
  }
}
