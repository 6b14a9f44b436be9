import { expect, test } from 'vitest';
import { createEventData } from './event-data.ts';

function countingData() {
  const parsed: string[] = [];
  const data = createEventData({
    parse: (text) => {
      parsed.push(text);
      return JSON.parse(text);
    },
    isLast: (text) => text === '[DONE]',
  });
  return { data, parsed };
}

test('the data of an event in one line is parsed once', () => {
  const { data, parsed } = countingData();
  const line = '{"a":1}';
  expect(data.endsEvent(line, line, '')).toBe(true);
  expect(data.take(line)).toEqual({ a: 1 });
  expect(parsed).toEqual([line]);
});

test.each(['', ' ', 'n', 'ping', '1764300000', '-', ':', '}'])(
  'a line of %j ends its event without a parse',
  (line) => {
    const { data, parsed } = countingData();
    expect(data.endsEvent(line, line, '')).toBe(true);
    expect(data.take(line)).toBeUndefined();
    expect(data.tooLarge).toBeUndefined();
    expect(parsed).toEqual([]);
  },
);
