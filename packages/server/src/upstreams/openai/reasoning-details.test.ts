import { describe, expect, test } from 'vitest';
import { parseExactly, writeExactly } from '../../domain/exact-json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { numbersOf } from '../../domain/spellings.ts';
import { createAnswerBudget } from '../http/answer/answer-budget.ts';
import { createReasoningDetails } from './reasoning-details.ts';

function kept(...events: readonly (readonly JsonObject[])[]) {
  const details = createReasoningDetails(createAnswerBudget());
  const wrong = events.map((pieces) => details.add(pieces)).find((failure) => failure !== undefined);
  return wrong === undefined ? details.all() : wrong.code;
}

const text = (given: string, index = 0): JsonObject => ({
  type: 'reasoning.text',
  text: given,
  format: 'anthropic-claude-v1',
  index,
});

describe('reasoning details', () => {
  test('of one index and type are one detail, with joined texts and the last value of each other field', () => {
    expect(
      kept(
        [text('a'), text('b')],
        [{ ...text('c'), signature: null }],
        [{ ...text(''), signature: 's', extra: { deep: [1] } }],
        [text('d', 1), { type: 'reasoning.encrypted', data: 'e', index: 1 }, { type: 'x' }, { type: 'x' }],
      ),
    ).toEqual([
      { ...text('abc'), signature: 's', extra: { deep: [1] } },
      text('d', 1),
      { type: 'reasoning.encrypted', data: 'e', index: 1 },
      { type: 'x' },
      { type: 'x' },
    ]);
  });

  test('are kept for any number of pieces: repeated fields do not count', () => {
    const pieces = Array.from({ length: 100_000 }, () => [text(' word')]);
    expect(kept(...pieces)).toEqual([text(' word'.repeat(100_000))]);
  });

  test.each<[string, readonly JsonObject[]]>([
    ['texts of one', Array.from({ length: 3 }, () => text('x'.repeat(400_000)))],
    ['texts of several', Array.from({ length: 3 }, (_, index) => text('x'.repeat(400_000), index))],
    ['details', Array.from({ length: 20_000 }, () => ({}))],
    [
      'fields',
      Array.from({ length: 20_000 }, (_, at) => ({ index: 0, type: 'a', [`${'f'.repeat(60)}${at}`]: 1 })),
    ],
    ['values', [{ index: 0, value: ['x'.repeat(2_000_000)] }]],
  ])('with too many %s exceed the budget', (_, pieces) => {
    expect(kept(pieces)).toBe('upstream_protocol');
  });

  test('keep one spelling for each field', () => {
    const written = '{"index":1.0,"a":1.0,"b":12345678901234567890,"d":1e2}';
    const details = createReasoningDetails(createAnswerBudget());
    for (let at = 0; at < 1_000; at += 1) {
      const piece = parseExactly(written) as JsonObject;
      expect(details.add([piece, { ...piece, d: 7 }])).toBeUndefined();
    }
    const all = details.all();
    expect(writeExactly(all)).toBe('[{"index":1.0,"a":1.0,"b":12345678901234567890,"d":7}]');
    expect(numbersOf(all[0] ?? {})).toHaveLength(6);
  });

  test('count a number by the length of its spelling', () => {
    const piece = parseExactly(`{"a":1.${'0'.repeat(600_000)}}`) as JsonObject;
    expect(kept([piece])).toEqual([{ a: 1 }]);
    expect(kept([piece, piece])).toBe('upstream_protocol');
  });

  test('do not count a value that is replaced', () => {
    const pieces = Array.from({ length: 50 }, (_, at) => ({
      index: 0,
      type: 'a',
      blob: [at, 'x'.repeat(100_000)],
    }));
    expect(kept(pieces)).toEqual([{ index: 0, type: 'a', blob: [49, 'x'.repeat(100_000)] }]);
  });
});
