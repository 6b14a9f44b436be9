import { expect, test } from 'vitest';
import { readLiveStreams } from './live-stream.ts';
import { lookedAt, noRates, tokenRate } from './token-rates.ts';

function list(atMs: number, tokens: Readonly<Record<string, number>>) {
  const data = Object.entries(tokens).map(([id, count]) => ({ id, completion_tokens: count }));
  return readLiveStreams({ data }, atMs);
}

test('the rate is that of the last ten seconds, from the second look on', () => {
  const one = lookedAt(noRates, list(0, { a: 10 }));
  expect(tokenRate(one, 'a')).toBeUndefined();
  const two = lookedAt(one, list(2_000, { a: 50 }));
  expect(tokenRate(two, 'a')).toBe(20);
  const later = lookedAt(two, list(12_000, { a: 50 }));
  expect(tokenRate(later, 'a')).toBe(0);
});

test('a stream that is no longer there is forgotten, and an estimate that falls is no rate below 0', () => {
  const one = lookedAt(noRates, list(0, { a: 10, b: 40 }));
  const two = lookedAt(one, list(2_000, { b: 30 }));
  expect([...two.keys()]).toEqual(['b']);
  expect(tokenRate(two, 'b')).toBe(0);
});
