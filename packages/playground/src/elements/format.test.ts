import { describe, expect, test } from 'vitest';
import {
  bytes,
  compactCount,
  count,
  duration,
  money,
  percent,
  rate,
  relativeTime,
  wholeDuration,
} from './format.ts';

test.each([
  [0, '0'],
  [9_999, '9,999'],
  [12_345, '12.3K'],
  [4_560_000, '4.56M'],
])('the count %i takes little room as %s', (value, text) => {
  expect(compactCount(value)).toBe(text);
});

test('a count has all its digits in a table', () => {
  expect(count(12_345_678)).toBe('12,345,678');
});

test.each([
  [0, '$0'],
  [42, '$0.000042'],
  [4_200, '$0.0042'],
  [12_345, '$0.0123'],
  [1_500_000, '$1.50'],
  [1_234_567_890, '$1,234.57'],
])('%i millionths of a dollar are %s', (micro, text) => {
  expect(money(micro)).toBe(text);
});

test.each([
  [84, '84 ms'],
  [1_240, '1.24 s'],
  [185_000, '3 min 05 s'],
  [7_800_000, '2 h 10 min'],
  [356_400_000, '4 d 3 h'],
])('%i ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [7_900, '7 s'],
  [185_400, '3 min 05 s'],
  [-20, '0 s'],
])('an age of %i ms is %s', (ms, text) => {
  expect(wholeDuration(ms)).toBe(text);
});

test.each([
  [512, '512 B'],
  [3_355_443, '3.2 MiB'],
  [209_715_200, '200 MiB'],
])('%i bytes are %s', (value, text) => {
  expect(bytes(value)).toBe(text);
});

test.each([
  [0, '0'],
  [0.423, '0.42'],
  [18.44, '18.4'],
  [1_204.4, '1,204'],
])('the rate %d is %s', (value, text) => {
  expect(rate(value)).toBe(text);
});

test.each([
  [0, '0 %'],
  [0.0004, '< 0.1 %'],
  [0.004, '0.4 %'],
  [0.02, '2 %'],
  [0.456, '46 %'],
])('the share %d is %s', (share, text) => {
  expect(percent(share)).toBe(text);
});

describe('a time beside now', () => {
  const now = 1_796_000_000_000;
  test.each([
    [-3_000, 'just now'],
    [-45_000, '45 s ago'],
    [-300_000, '5 min ago'],
    [-10_900_000, '3 h ago'],
    [-200_000_000, '2 d ago'],
    [300_000, 'in 5 min'],
  ])('of %i ms is %s', (difference, text) => {
    expect(relativeTime(now + difference, now)).toBe(text);
  });
});
