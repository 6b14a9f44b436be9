import { jsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { StreamEvent } from '../domain/stream-event.ts';
import { DeliveredTokens, TokenCounter } from './token-count.ts';

const text = (content: string, tokens?: number): StreamEvent => ({
  type: 'text-delta',
  choice: 0,
  json: jsonText(content),
  ...(tokens === undefined ? {} : { tokens }),
});

function counted(...events: readonly StreamEvent[]): TokenCounter {
  const counter = new TokenCounter();
  counter.add(events);
  return counter;
}

test('a short delta counts as one token, an empty one as none', () => {
  expect(counted(text('a'), text(' b'), text(''))).toMatchObject({ tokens: 2, exact: false });
});

test('a delta with a token count counts as many', () => {
  expect(counted(text('a b', 2), text(' c'))).toMatchObject({ tokens: 3, exact: false });
  expect(counted(text('a b', 2), text('c', 1))).toMatchObject({ tokens: 3, exact: true });
});

test('other output counts as one token a delta, whatever its length', () => {
  const image: StreamEvent = {
    type: 'other-delta',
    choice: 0,
    field: 'images',
    value: `["${'A'.repeat(9_000)}"]`,
  };
  expect(counted(image)).toMatchObject({ tokens: 1, lowerBound: 0, exact: false });
});

test('the tokens of a long delta are estimated from its length', () => {
  expect(counted(text('word '.repeat(120))).tokens).toBe(100);
  expect(counted(text('東京'.repeat(10))).tokens).toBe(20);
});

test('reasoning, refusals and tool arguments count too, and the last usage is kept', () => {
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

test('a delta without a token count adds one to the lower bound', () => {
  expect(counted(text('конец ответа'))).toMatchObject({ tokens: 12, lowerBound: 1, exact: false });
  expect(counted(text('конец ответа', 3))).toMatchObject({ tokens: 3, lowerBound: 3, exact: true });
});

test('the delivered tokens never become fewer when another attempt continues the answer', () => {
  const had = new DeliveredTokens();
  const ten = Array.from({ length: 10 }, () => text('w', 1));
  const [first, replay, prefix] = [counted(...ten), new TokenCounter(), new TokenCounter()];
  had.continueWith(first, ten);
  expect(had).toMatchObject({ tokens: 10, lowerBound: 10, exact: true, byCurrent: 10 });
  // The only delta of the replay repeats all ten words; the text after them is new.
  replay.add([text('wwwwwwwwww new')]);
  had.continueWith(replay, [text(' new')]);
  expect(had).toMatchObject({ tokens: 11, lowerBound: 11, exact: false, byCurrent: 1 });
  replay.add([text('x')]);
  expect(had).toMatchObject({ tokens: 12, byCurrent: 2 });
  prefix.add([text('y')]);
  const cut = new DeliveredTokens();
  cut.continueWith(counted(text('a b c', 5)), [text('a b c', 5)]);
  cut.continueWith(counted(text('a b c d', 7)), [text(` ${'длинное '.repeat(20)}`)]);
  expect(cut).toMatchObject({ tokens: 12, lowerBound: 6, exact: false });
  had.continueWith(prefix, []);
  expect(had).toMatchObject({ tokens: 12, byCurrent: 0 });
  prefix.add([text('z')]);
  expect(had).toMatchObject({ tokens: 13, byCurrent: 1 });
});
