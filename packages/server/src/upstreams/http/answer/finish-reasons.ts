import type { FinishReason } from '@tailrace/protocol';

/**
 * The finish reasons of all providers, in lower case (contract, section 7). Gateways and emulators pass on the reasons of other
 * providers, so each dialect knows all of them.
 */
const reasons = new Map<string, FinishReason>(
  Object.entries({
    stop: 'stop',
    eos: 'stop',
    eos_token: 'stop',
    end_turn: 'stop',
    stop_sequence: 'stop',
    complete: 'stop',
    length: 'length',
    model_length: 'length',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    // Gemini: the answer is longer than one request may return.
    continuation: 'length',
    tool_calls: 'tool_calls',
    tool_call: 'tool_calls',
    tool_use: 'tool_calls',
    function_call: 'tool_calls',
    content_filter: 'content_filter',
    sensitive: 'content_filter',
    refusal: 'content_filter',
    safety: 'content_filter',
    recitation: 'content_filter',
    blocklist: 'content_filter',
    prohibited_content: 'content_filter',
    spii: 'content_filter',
    image_safety: 'content_filter',
    image_prohibited_content: 'content_filter',
    image_recitation: 'content_filter',
    model_armor: 'content_filter',
  } as const),
);

/** The spellings of an absent finish reason. */
const none = new Set(['', 'null', 'none', 'finish_reason_unspecified']);

/** Whether a value names a finish reason, known or not. */
export function isFinishReason(value: unknown): value is string {
  return typeof value === 'string' && !none.has(value.toLowerCase());
}

/** The finish reason for a provider's reason; undefined where that is no finish, and then the answer is torn. */
export function finishReasonOf(given: string): FinishReason | undefined {
  return reasons.get(given.toLowerCase());
}
