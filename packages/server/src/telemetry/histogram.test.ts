import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bucketCount,
  countAll,
  countBelow,
  countIn,
  createCounts,
  isBound,
  quantileOf,
  sumOf,
} from './histogram.ts';

const counted = (values: readonly number[]) => {
  const counts = createCounts();
  for (const value of values) countIn(counts, value);
  return counts;
};

test('each value falls into one bucket, whose middle is at most 6 % off', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 24 - 1 }), (value) => {
      const counts = counted([value]);
      expect(countAll(counts)).toBe(1);
      const shown = quantileOf(counts, 0.5) ?? Number.NaN;
      expect(Math.abs(shown - value)).toBeLessThanOrEqual(value < 16 ? 0 : value * 0.0625);
    }),
  );
});

test('values below 0, fractions and values beyond the last bucket are counted too', () => {
  const counts = counted([-1, 0.9, 2 ** 40, Number.POSITIVE_INFINITY]);
  expect(counts[0]).toBe(2);
  expect(counts[bucketCount - 1]).toBe(2);
});

test('the sum never falls', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -50, max: 50, noNaN: true })), (values) => {
      const counts = createCounts();
      for (const value of values) {
        const before = sumOf(counts);
        countIn(counts, value);
        expect(sumOf(counts)).toBeGreaterThanOrEqual(before);
      }
    }),
  );
});

test('quantiles are those of all values; without a value there is none', () => {
  const counts = counted([...Array(98).fill(3), 9, 12]);
  expect([0.5, 0.98, 0.99, 1].map((quantile) => quantileOf(counts, quantile))).toEqual([3, 3, 9, 12]);
  expect(quantileOf(counted([]), 0.5)).toBeUndefined();
});

test('the values below each bound are counted exactly, and so is the sum', () => {
  const bounds = [1, 2, 15, 16, 96, 384, 1_000_000].filter(isBound);
  expect(bounds).toEqual([1, 2, 15, 16, 96, 384]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 500 })), (values) => {
      const counts = counted(values);
      expect(bounds.map((bound) => countBelow(counts, bound))).toEqual(
        bounds.map((bound) => values.filter((value) => value < bound).length),
      );
      expect([countAll(counts), sumOf(counts)]).toEqual([
        values.length,
        values.reduce((sum, value) => sum + value, 0),
      ]);
    }),
  );
});
