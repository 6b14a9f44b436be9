import { expect, test } from 'vitest';
import { firstRange, rangeCalled } from './range.ts';

const dayOf = (minutes: number) => ({
  since: 0,
  times: Array.from({ length: minutes / 5 + 1 }, (_, at) => 1_000 + at * 300),
  series: [],
});

test('a server that has run for minutes shows them; an older one shows an hour', () => {
  expect(firstRange({ since: 0, times: [], series: [] }).id).toBe('15m');
  expect(firstRange(dayOf(10)).id).toBe('15m');
  expect(firstRange(dayOf(25)).id).toBe('15m');
  expect(firstRange(dayOf(30)).id).toBe('1h');
  expect(firstRange(dayOf(600)).id).toBe('1h');
});

test('a range is chosen by its name only', () => {
  expect(rangeCalled('6h')?.seconds).toBe(21_600);
  expect(rangeCalled('2h')).toBeUndefined();
  expect(rangeCalled(null)).toBeUndefined();
});
