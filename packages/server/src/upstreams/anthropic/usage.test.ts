import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { createTranslation } from '../http/answer/translation.ts';
import { createMessageDialect } from './stream.ts';

const text = [
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a' } },
  { type: 'content_block_stop', index: 0 },
];

/** The usage of an answer with this usage at its start and at its finish, the same whole and byte by byte. */
function usageOf(
  start: unknown,
  finish: unknown,
  blocks: readonly object[] = text,
  after: readonly object[] = [],
): Usage | undefined {
  const events = [
    { type: 'message_start', message: { content: [], usage: start } },
    ...blocks,
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: finish },
    ...after,
    { type: 'message_stop' },
  ];
  const all = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
  const [usage, ...others] = read([all]);
  expect(others).toEqual([]);
  expect(read(Array.from(all, (byte) => Buffer.of(byte)))).toEqual(usage === undefined ? [] : [usage]);
  return usage;
}

function read(pieces: readonly Buffer[]): readonly Usage[] {
  const translation = createTranslation({
    dialect: (output) =>
      createMessageDialect({ errors: () => ({ hidden: [], nowMs: 0 }), completionId: 'chatcmpl-1' }, output),
    maxEventBytes: 64 * 1024,
  });
  const events: StreamEvent[] = pieces.flatMap((piece) => translation.push(piece) ?? []);
  events.push(...(translation.end(undefined) ?? []));
  return events.flatMap((event) => (event.type === 'usage' ? [event.usage] : []));
}

const cache = (read: unknown, written: unknown) => ({
  cache_read_input_tokens: read,
  cache_creation_input_tokens: written,
});

describe('the prompt', () => {
  test.each<[string, object, object, object]>([
    ['0 at the finish', { input_tokens: 32 }, { input_tokens: 0 }, {}],
    [
      '0 at the finish, with zeros for the cache',
      { input_tokens: 32, ...cache(0, 0) },
      { input_tokens: 0, ...cache(0, 0) },
      { cachedTokens: 0, cacheWriteTokens: 0 },
    ],
    [
      '0 at the finish, with the counts of the cache once more',
      { input_tokens: 2, ...cache(20, 10) },
      { input_tokens: 0, ...cache(20, 10) },
      { cachedTokens: 20, cacheWriteTokens: 10 },
    ],
    [
      '0 at the finish, with zeros for a cache that was read',
      { input_tokens: 2, ...cache(20, 10) },
      { input_tokens: 0, ...cache(0, 0) },
      { cachedTokens: 20, cacheWriteTokens: 10 },
    ],
    [
      'the same at the finish, with zeros for the cache',
      { input_tokens: 2, ...cache(20, 10) },
      { input_tokens: 2, ...cache(0, 0) },
      { cachedTokens: 20, cacheWriteTokens: 10 },
    ],
    [
      'null and absent counts at the finish',
      { input_tokens: 2, ...cache(20, 10) },
      { input_tokens: null, cache_read_input_tokens: null },
      { cachedTokens: 20, cacheWriteTokens: 10 },
    ],
    ['0 at the start', { input_tokens: 0 }, { input_tokens: 32 }, {}],
    ['an estimate at the start', { input_tokens: 40 }, { input_tokens: 32 }, {}],
    [
      'all of it from the cache',
      { input_tokens: 0, ...cache(32, 0) },
      {},
      { cachedTokens: 32, cacheWriteTokens: 0 },
    ],
    [
      'the parts of what was written, without their sum',
      { input_tokens: 2, cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 } },
      {},
      { cacheWriteTokens: 30 },
    ],
    [
      'the sum of what was written beside its parts',
      { input_tokens: 2, ...cache(0, 30), cache_creation: { ephemeral_5m_input_tokens: 10 } },
      {},
      { cachedTokens: 0, cacheWriteTokens: 30 },
    ],
    [
      'all of it at the start, and at the finish from the cache',
      { input_tokens: 32 },
      { input_tokens: 0, ...cache(32, 0) },
      { cachedTokens: 32, cacheWriteTokens: 0 },
    ],
    ['a negative count at the finish', { input_tokens: 32 }, { input_tokens: -5 }, {}],
    ['a text', { input_tokens: '32' }, { input_tokens: '0' }, {}],
  ])('is the possible one: %s', (_, start, finish, more) => {
    expect(usageOf({ output_tokens: 1, ...start }, { output_tokens: 9, ...finish })).toEqual({
      promptTokens: 32,
      completionTokens: 9,
      ...more,
    });
  });

  test('is 0 where it is not known', () => {
    expect(usageOf({ input_tokens: 0, output_tokens: 0 }, { input_tokens: 0, output_tokens: 9 })).toEqual({
      promptTokens: 0,
      completionTokens: 9,
    });
  });
});

describe('the completion', () => {
  test.each([[undefined], [null], [{}], [{ output_tokens: 0 }], [{ output_tokens: null }], [[]]])(
    'has the least possible count where only the start has one, and the finish has the usage %j',
    (finish) => {
      const usage = { promptTokens: 32, completionTokens: 1, estimated: true };
      expect(usageOf({ input_tokens: 32, output_tokens: 1 }, finish)).toEqual(usage);
      expect(usageOf({ input_tokens: 32, output_tokens: 0 }, finish)).toEqual({
        promptTokens: 32,
        completionTokens: 0,
      });
    },
  );

  test('is the possible one of several message_delta', () => {
    const delta = (tokens: number) => ({
      type: 'message_delta',
      delta: {},
      usage: { output_tokens: tokens },
    });
    const usage = { promptTokens: 32, completionTokens: 9 };
    const start = { input_tokens: 32, output_tokens: 1 };
    expect(usageOf(start, { output_tokens: 0 }, text, [delta(9)])).toEqual(usage);
    expect(usageOf(start, { output_tokens: 9 }, text, [delta(0)])).toEqual(usage);
  });

  test('that has no output may have no tokens', () => {
    expect(usageOf({ input_tokens: 32, output_tokens: 0 }, { output_tokens: 0 }, [])).toEqual({
      promptTokens: 32,
      completionTokens: 0,
    });
  });

  test('holds its thoughts', () => {
    const finish = (thoughts: number) => ({
      output_tokens: 9,
      output_tokens_details: { thinking_tokens: thoughts },
    });
    const usage = { promptTokens: 32, completionTokens: 9 };
    expect(usageOf({ input_tokens: 32 }, finish(4))).toEqual({ ...usage, reasoningTokens: 4 });
    expect(usageOf({ input_tokens: 32 }, finish(10))).toEqual(usage);
  });
});

test('an answer without a possible count has no usage', () => {
  expect(usageOf(undefined, undefined)).toBeUndefined();
  expect(usageOf({ input_tokens: 0, output_tokens: 0 }, { output_tokens: 0 })).toBeUndefined();
  expect(usageOf({ input_tokens: -5, output_tokens: 1.5 }, { output_tokens: 1e15 })).toBeUndefined();
});
