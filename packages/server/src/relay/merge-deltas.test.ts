import { jsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { StreamEvent } from '../domain/stream-event.ts';
import { mergeDeltas } from './merge-deltas.ts';

const text = (said: string, choice = 0, tokens?: number): StreamEvent => ({
  type: 'text-delta',
  choice,
  json: jsonText(said),
  ...(tokens === undefined ? {} : { tokens }),
});

test('neighbours of one choice become one delta, which is as many tokens as they were', () => {
  expect(mergeDeltas([text('a'), text('b'), text('c', 0, 3), text('d', 1), text('e')])).toEqual([
    text('abc', 0, 5),
    text('d', 1),
    text('e'),
  ]);
});

test('pages whose tokens nobody told are guessed by their length, merged or not', () => {
  const page = 'word '.repeat(120);
  expect(mergeDeltas([text(page), text('a')])).toEqual([text(`${page}a`, 0, 101)]);
});

test('what is no text stays where it is', () => {
  const finish: StreamEvent = { type: 'finish', choice: 0, reason: 'stop' };
  expect(mergeDeltas([text('a'), finish])).toEqual([text('a'), finish]);
});
