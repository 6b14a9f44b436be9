import {
  type AssistantMessageWire,
  asciiOnly,
  type ChatCompletion,
  decodeJsonText,
  type JsonText,
  jsonText,
} from '@tailrace/protocol';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { parseExactly, writeExactly } from '../../domain/exact-json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createCompletionCollector } from './completion-collector.ts';

const identity = { id: 'chatcmpl-é', created: 1_700_000_000, model: 'a/"b"', fingerprint: 'fp\u007f' };
const usage = { promptTokens: 3, completionTokens: 4, reasoningTokens: 1 };
const unit = fc.oneof(fc.nat(0xffff), fc.constantFrom(0x22, 0x5c, 0x0a, 0x7f, 0x2028, 0xd83d, 0xde00));
const anyText = fc.array(unit, { maxLength: 12 }).map((units) => String.fromCharCode(...units));
const texts = fc.array(anyText, { maxLength: 4 });
const extra = parseExactly('{"é":[1.0,{"a":12345678901234567890}]}') as JsonObject;
const token = { token: 'é"', logprob: -1.5, bytes: [195, 169], top_logprobs: [] };

interface Said {
  readonly text: readonly string[];
  readonly reasoning: readonly string[];
  readonly refusal: readonly string[];
  readonly calls: readonly (readonly string[])[];
  readonly logprobs: boolean;
  readonly extra: boolean;
}

/** The body as it is defined: an object, its texts decoded, written at once. */
function defined({ text, reasoning, refusal, calls, logprobs, extra: has }: Said): string {
  const says = text.length > 0 || (calls.length === 0 && refusal.join('') === '');
  const message: AssistantMessageWire = {
    role: 'assistant',
    content: says ? text.join('') : null,
    refusal: refusal.join('') === '' ? null : refusal.join(''),
  };
  if (reasoning.join('') !== '') message.reasoning_content = reasoning.join('');
  if (has) message.extra_content = extra;
  if (calls.length > 0) {
    message.tool_calls = calls.map((pieces, index) => ({
      id: `call_${index}`,
      type: 'function',
      function: { name: 'né', arguments: pieces.join('') },
      ...(has ? { extra_content: extra } : {}),
    }));
  }
  const logprobsWire = logprobs && text.length > 0 ? { content: text.map(() => token), refusal: null } : null;
  const completion: ChatCompletion = {
    id: identity.id,
    object: 'chat.completion',
    created: identity.created,
    model: identity.model,
    system_fingerprint: identity.fingerprint,
    choices: [{ index: 0, message, logprobs: logprobsWire, finish_reason: 'stop' }],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 4,
      total_tokens: 7,
      completion_tokens_details: { reasoning_tokens: 1 },
    },
  };
  return asciiOnly(writeExactly(completion));
}

function collected(said: Said): string {
  const collector = createCompletionCollector(1);
  const more = said.extra ? { extra } : {};
  for (const one of said.reasoning)
    collector.add({ type: 'reasoning-delta', choice: 0, json: jsonText(one) });
  for (const one of said.text) {
    const withLogprobs = said.logprobs ? { logprobs: [token] } : {};
    collector.add({ type: 'text-delta', choice: 0, json: jsonText(one), ...withLogprobs });
  }
  for (const one of said.refusal) collector.add({ type: 'refusal-delta', choice: 0, json: jsonText(one) });
  said.calls.forEach((pieces, index) => {
    collector.add({ type: 'tool-call-start', choice: 0, index, id: `call_${index}`, name: 'né', ...more });
    for (const one of pieces)
      collector.add({ type: 'tool-call-delta', choice: 0, index, json: jsonText(one) });
  });
  collector.add({ type: 'usage', usage });
  collector.add({ type: 'finish', choice: 0, reason: 'stop', ...more });
  return collector.toJson(identity);
}

test('an answer as one object has the bytes of that object serialised in one go', () => {
  fc.assert(
    fc.property(
      fc.record({
        text: texts,
        reasoning: texts,
        refusal: texts,
        calls: fc.array(texts, { maxLength: 3 }),
        logprobs: fc.boolean(),
        extra: fc.boolean(),
      }),
      (said) => {
        expect(collected(said)).toBe(defined(said));
      },
    ),
  );
});

test('its texts are neither decoded nor escaped anew', () => {
  const collector = createCompletionCollector(1);
  const piece = jsonText('é"\\\n'.repeat(1_000));
  for (let at = 0; at < 100; at += 1) collector.add({ type: 'text-delta', choice: 0, json: piece });
  collector.add({ type: 'finish', choice: 0, reason: 'stop' });
  const written = vi.spyOn(JSON, 'stringify');
  const parsed = vi.spyOn(JSON, 'parse');
  const body = collector.toJson(identity);
  const lengths = written.mock.results.map(({ value }) => String(value).length);
  const parses = parsed.mock.calls.length;
  vi.restoreAllMocks();
  expect(parses).toBe(0);
  expect(Math.max(...lengths)).toBeLessThan(200);
  const { choices } = JSON.parse(body) as ChatCompletion;
  expect(choices[0]?.message.content).toBe(decodeJsonText(piece.repeat(100) as JsonText));
});
