import { jsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { StreamEvent, TextDelta } from '../domain/stream-event.ts';
import { mergeDeltas } from './merge-deltas.ts';

const text = (words: string, choice = 0, tokens?: number): TextDelta => ({
  type: 'text-delta',
  choice,
  json: jsonText(words),
  ...(tokens === undefined ? {} : { tokens }),
});

test('neighbouring deltas of one choice become one delta, which counts as many tokens', () => {
  expect(mergeDeltas([text('a'), text('b'), text('c', 0, 3), text('d', 1), text('e')])).toEqual([
    text('abc', 0, 5),
    text('d', 1),
    text('e'),
  ]);
});

test('the tokens of a long delta without a count are estimated from its length, merged or not', () => {
  const page = 'word '.repeat(120);
  expect(mergeDeltas([text(page), text('a')])).toEqual([text(`${page}a`, 0, 101)]);
});

test('events that are not deltas keep their place', () => {
  const finish: StreamEvent = { type: 'finish', choice: 0, reason: 'stop' };
  expect(mergeDeltas([text('a'), finish])).toEqual([text('a'), finish]);
});

test('reasoning, refusals and the arguments of one call are merged in the same way', () => {
  const piece = (index: number, content: string, tokens?: number): StreamEvent => ({
    type: 'tool-call-delta',
    choice: 0,
    index,
    json: jsonText(content),
    ...(tokens === undefined ? {} : { tokens }),
  });
  const thought: StreamEvent = { type: 'reasoning-delta', choice: 0, json: jsonText('h'), tokens: 3 };
  expect(mergeDeltas([thought, thought, text('a'), piece(0, '{'), piece(0, '}'), piece(1, '{')])).toEqual([
    { ...thought, json: jsonText('hh'), tokens: 6 },
    text('a'),
    piece(0, '{}', 2),
    piece(1, '{'),
  ]);
});

test('merging very many deltas with log probabilities takes linear time', () => {
  const one = { token: 'a', logprob: -1, bytes: [97], top_logprobs: [] };
  const many = Array.from({ length: 200_000 }, (): StreamEvent => ({ ...text('a'), logprobs: [one] }));
  const [merged, ...others] = mergeDeltas(many);
  expect(others).toEqual([]);
  expect(merged).toMatchObject({ tokens: 200_000 });
});
