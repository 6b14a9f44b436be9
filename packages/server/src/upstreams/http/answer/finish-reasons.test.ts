import { expect, test } from 'vitest';
import { finishReasonOf, isReason } from './finish-reasons.ts';

const words = {
  stop: [
    'stop',
    'STOP',
    'eos_token',
    'end-turn',
    'StopSequence',
    'COMPLETE',
    'FINISH_REASON_STOP',
    'FinishReason.STOP',
  ],
  length: [
    'MAX_LENGTH',
    'length_limit',
    'token_limit',
    'max-tokens',
    'maxTokens',
    'max_output_tokens',
    'MAX_NEW_TOKENS',
  ],
  tool_calls: ['tool-calls', 'ToolCalls', 'TOOL_CALL', 'toolUse', 'function-call'],
  content_filter: [
    'guardrail_intervened',
    'content_filtered',
    'CONTENT_FILTERED',
    'content-filter',
    'contentFilter',
    'ERROR_TOXIC',
    'safety_error',
    'blocked',
    'BLOCKED',
    'moderation',
    'risk',
    'data_inspection_failed',
    'PROHIBITED_CONTENT',
    'finish_reason_safety',
  ],
} as const;

test.each(Object.entries(words))('%s in the words of many providers', (reason, given) => {
  expect(given.map((word) => [word, finishReasonOf(word)])).toEqual(given.map((word) => [word, reason]));
});

test.each([
  'error',
  'ERROR',
  'abort',
  'network_error',
  'insufficient_system_resource',
  'repetition_truncation',
  'MALFORMED_FUNCTION_CALL',
  'MISSING_THOUGHT_SIGNATURE',
  'LANGUAGE',
  'OTHER',
  'pause_turn',
  'unknown',
  'toString',
  '__proto__',
  `stop${'-'.repeat(100)}`,
])('%s is a reason, and no finish', (word) => {
  expect(isReason(word)).toBe(true);
  expect(finishReasonOf(word)).toBeUndefined();
});

test.each([
  '',
  ' ',
  'null',
  'None',
  'FINISH_REASON_UNSPECIFIED',
  'BLOCK_REASON_UNSPECIFIED',
  null,
  undefined,
  false,
  0,
  {},
])('%j is no reason', (word) => {
  expect(isReason(word)).toBe(false);
});
