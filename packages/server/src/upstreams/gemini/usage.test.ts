import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { createTranslation } from '../http/answer/translation.ts';
import { createContentDialect } from './stream.ts';

const text = (usageMetadata?: unknown, more: object = {}) => ({
  candidates: [{ content: { parts: [{ text: 'a', ...more }] } }],
  ...(usageMetadata === undefined ? {} : { usageMetadata }),
});
const stop = (usageMetadata?: unknown) => ({
  candidates: [{ content: { parts: [] }, finishReason: 'STOP' }],
  ...(usageMetadata === undefined ? {} : { usageMetadata }),
});
const counts = (prompt: unknown, candidates?: unknown, thoughts?: unknown, total?: unknown) => ({
  promptTokenCount: prompt,
  candidatesTokenCount: candidates,
  thoughtsTokenCount: thoughts,
  totalTokenCount: total,
});

/** The usage of a stream, the same whole and byte by byte; undefined where it has none. */
function usageOf(...events: readonly object[]): Usage | undefined {
  const all = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join(''));
  const [usage, ...others] = read([all]);
  expect(others).toEqual([]);
  expect(read(Array.from(all, (byte) => Buffer.of(byte)))).toEqual(usage === undefined ? [] : [usage]);
  return usage;
}

function read(pieces: readonly Buffer[]): readonly Usage[] {
  const options = { choices: 1, parallelToolCalls: true, completionId: 'chatcmpl-1' };
  const translation = createTranslation({
    dialect: (output) =>
      createContentDialect({ ...options, errors: () => ({ hidden: [], nowMs: 0 }) }, output),
    maxEventBytes: 64 * 1024,
  });
  const events: StreamEvent[] = pieces.flatMap((piece) => translation.push(piece) ?? []);
  events.push(...(translation.end(undefined) ?? []));
  return events.flatMap((event) => (event.type === 'usage' ? [event.usage] : []));
}

const real = { promptTokens: 32, completionTokens: 9 };

describe('a count of zero', () => {
  test.each<[string, readonly object[]]>([
    ['on the finish, before the real ones', [text(), stop(counts(0, 0)), { usageMetadata: counts(32, 9) }]],
    ['on the finish, after the real ones', [text(counts(32, 9)), stop(counts(0, 0, 0, 0))]],
    ['on every event but the last', [text(counts(0, 0)), text(counts(32, 0)), stop(counts(32, 9))]],
    ['of the prompt, at the end', [text(counts(32, 4)), stop(counts(0, 9))]],
    ['with a total', [text(), stop(counts(32, 0, undefined, 41))]],
    ['of the prompt, with a total', [text(), stop(counts(0, 9, undefined, 41))]],
  ])('is ignored: %s', (_, events) => {
    expect(usageOf(...events)).toEqual(real);
  });

  test('leaves the other count, or no usage', () => {
    expect(usageOf(text(), stop(counts(0, 0, 0, 0)))).toBeUndefined();
    expect(usageOf(text(), stop(counts(32)))).toEqual({ promptTokens: 32, completionTokens: 0 });
    expect(usageOf(text(), stop(counts(0, 9)))).toEqual({ promptTokens: 0, completionTokens: 9 });
    expect(usageOf(text(), stop(counts('32', '9')))).toEqual(real);
    expect(usageOf(text(), stop(counts(-3, 1.5, 1e15)))).toBeUndefined();
  });
});

describe('thoughts', () => {
  const thoughtful = { promptTokens: 32, completionTokens: 103, reasoningTokens: 94 };
  test.each<[string, readonly object[], Usage]>([
    ['beside the answer', [text(), stop(counts(32, 9, 94, 135))], thoughtful],
    ['without a total', [text(), stop(counts(32, 9, 94))], thoughtful],
    ['with a total that fits nothing', [text(), stop(counts(32, 9, 94, 500))], thoughtful],
    ['without the prompt', [text(), stop(counts(0, 9, 94, 135))], thoughtful],
    ['with the answer in the total only', [text(), stop(counts(32, undefined, 94, 135))], thoughtful],
    ['left out by later events', [text(counts(32, 1, 94, 127)), stop(counts(32, 9))], thoughtful],
    [
      'left out by later events, also in the total',
      [text(counts(32, 1, 94, 127)), stop(counts(32, 9, undefined, 41))],
      thoughtful,
    ],
    [
      'within the answer, as the total shows',
      [text(), stop(counts(32, 103, 94, 135))],
      { promptTokens: 32, completionTokens: 103, reasoningTokens: 94 },
    ],
    [
      'alone',
      [stop(counts(21, undefined, 60, 81))],
      { promptTokens: 21, completionTokens: 60, reasoningTokens: 60 },
    ],
    [
      'alone, although text was delivered',
      [text(), stop(counts(21, undefined, 60))],
      { promptTokens: 21, completionTokens: 60, reasoningTokens: 60, estimated: true },
    ],
    [
      'that were delivered, and are not counted',
      [text(undefined, { thought: true }), stop(counts(32, 9, 0))],
      real,
    ],
  ])('are tokens of the completion: %s', (_, events, usage) => {
    expect(usageOf(...events)).toEqual(usage);
  });

  test('count beside the tokens of tools in the prompt', () => {
    const usage = { ...counts(30, 9, 94, 135), toolUsePromptTokenCount: 2 };
    expect(usageOf(text(), stop(usage))).toEqual(thoughtful);
  });
});

test('counts before the last output are the least possible ones', () => {
  expect(usageOf(text(counts(32, 2)), text(), stop())).toEqual({
    promptTokens: 32,
    completionTokens: 2,
    estimated: true,
  });
  expect(usageOf(text(counts(32, 2)), text(counts(32, 9)), stop())).toEqual(real);
  expect(usageOf(text(counts(32, 12)), stop(counts(32, 9)))).toEqual(real);
});
