import { expect, test } from 'vitest';
import { durationText, rateLimitHeaders } from './rate-limit-headers.ts';

test.each([
  [0, '0ms'],
  [119.2, '120ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [1_500, '1.5s'],
  [59_999, '59.999s'],
  [60_000, '1m0s'],
  [360_000, '6m0s'],
  [61_001, '1m2s'],
  [3_600_000, '1h0m0s'],
])('%d ms is %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test('only the limits that there are have headers', () => {
  expect(rateLimitHeaders({})).toEqual({});
  expect(rateLimitHeaders({ tokens: { limit: 100, remaining: 41.7, resetMs: 35_000 } })).toEqual({
    'x-ratelimit-limit-tokens': '100',
    'x-ratelimit-remaining-tokens': '41',
    'x-ratelimit-reset-tokens': '35s',
  });
});
