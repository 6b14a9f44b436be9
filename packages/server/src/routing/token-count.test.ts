import { jsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { StreamEvent } from '../domain/stream-event.ts';
import { DeliveredTokens, TokenCounter } from './token-count.ts';

const text = (said: string, tokens?: number): StreamEvent => ({
  type: 'text-delta',
  choice: 0,
  json: jsonText(said),
  ...(tokens === undefined ? {} : { tokens }),
});

function counted(...events: readonly StreamEvent[]): TokenCounter {
  const counter = new TokenCounter();
  counter.add(events);
  return counter;
}

test('a delta is a token, and one without text is none', () => {
  expect(counted(text('a'), text(' b'), text(''))).toMatchObject({ tokens: 2, exact: false });
});

test('deltas count as they say of themselves', () => {
  expect(counted(text('a b', 2), text(' c'))).toMatchObject({ tokens: 3, exact: false });
  expect(counted(text('a b', 2), text('c', 1))).toMatchObject({ tokens: 3, exact: true });
});

test('pages count by their length', () => {
  expect(counted(text('word '.repeat(120))).tokens).toBe(100);
  expect(counted(text('東京'.repeat(10))).tokens).toBe(20);
});

test('thoughts, refusals and arguments count too, and the last reported usage is kept', () => {
  const usage = { promptTokens: 5, completionTokens: 9 };
  const counter = counted(
    { type: 'reasoning-delta', choice: 0, json: jsonText('hm') },
    { type: 'refusal-delta', choice: 0, json: jsonText('no') },
    { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' },
    { type: 'tool-call-delta', choice: 0, index: 0, json: jsonText('{}') },
    { type: 'usage', usage: { promptTokens: 5, completionTokens: 1 } },
    { type: 'usage', usage },
  );
  expect(counter).toMatchObject({ tokens: 3, usage });
});

test('of a delta that no target counted no more than one token is certain', () => {
  expect(counted(text('конец ответа'))).toMatchObject({ tokens: 12, lowerBound: 1, exact: false });
  expect(counted(text('конец ответа', 3))).toMatchObject({ tokens: 3, lowerBound: 3, exact: true });
});

test('what a client has had never falls when another attempt says the rest', () => {
  const had = new DeliveredTokens();
  const ten = Array.from({ length: 10 }, () => text('w', 1));
  const [first, replay, prefix] = [counted(...ten), new TokenCounter(), new TokenCounter()];
  had.goOnWith(first, ten);
  expect(had).toMatchObject({ tokens: 10, lowerBound: 10, exact: true, byCurrent: 10 });
  // Its one delta repeats all ten words; what is behind them is new.
  replay.add([text('wwwwwwwwww new')]);
  had.goOnWith(replay, [text(' new')]);
  expect(had).toMatchObject({ tokens: 11, lowerBound: 11, exact: false, byCurrent: 1 });
  replay.add([text('x')]);
  expect(had).toMatchObject({ tokens: 12, byCurrent: 2 });
  prefix.add([text('y')]);
  const cut = new DeliveredTokens();
  cut.goOnWith(counted(text('a b c', 5)), [text('a b c', 5)]);
  cut.goOnWith(counted(text('a b c d', 7)), [text(` ${'длинное '.repeat(20)}`)]);
  expect(cut).toMatchObject({ tokens: 12, lowerBound: 6, exact: false });
  had.goOnWith(prefix, []);
  expect(had).toMatchObject({ tokens: 12, byCurrent: 0 });
  prefix.add([text('z')]);
  expect(had).toMatchObject({ tokens: 13, byCurrent: 1 });
});
