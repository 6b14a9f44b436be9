import { describe, expect, test } from 'vitest';
import { Histogram, lowerEdge } from './histogram.ts';

function of(...times: number[]): Histogram {
  const histogram = new Histogram();
  for (const us of times) histogram.record(us);
  return histogram;
}

describe('a histogram of times', () => {
  test('has buckets of 1 µs up to 1 ms, and of 1 % above', () => {
    for (const us of [0, 1, 17, 999]) expect(of(us, 1e6).percentile(0.5)).toBeCloseTo(us + 0.5);
    for (const us of [1_000, 5_432, 250_000, 30e6]) {
      const found = of(us, 60e6).percentile(0.5);
      expect(Math.abs(found - us) / us).toBeLessThan(0.011);
    }
  });

  test('finds the shares of many times', () => {
    const histogram = of(...Array.from({ length: 1_000 }, (_, us) => us));
    expect(histogram.percentile(0.5)).toBeCloseTo(499.5);
    expect(histogram.percentile(0.99)).toBeCloseTo(989.5);
    expect(histogram.percentile(1)).toBe(999);
    expect(histogram.total).toBe(1_000);
  });

  test('counts times below zero as zero, and times beyond its end in its last bucket', () => {
    const histogram = of(-5, -0.2, 1e9);
    expect(histogram.countBetween(0, 1)).toBe(2);
    expect(histogram.countBetween(50e6, Number.POSITIVE_INFINITY)).toBe(1);
    expect(histogram.max).toBe(1e9);
  });

  test('is the sum of those that are added to it', () => {
    const one = of(3, 700, 80_000);
    const sum = of(1);
    sum.add(JSON.parse(JSON.stringify(one)));
    expect(sum.toJSON()).toEqual(of(1, 3, 700, 80_000).toJSON());
  });

  test('has no share of nothing, and is empty after a reset', () => {
    const histogram = of(5);
    histogram.reset();
    expect(histogram.percentile(0.5)).toBeNaN();
    expect(histogram.toJSON()).toEqual({ max: 0, buckets: [] });
  });

  test('has edges that rise without a gap', () => {
    expect(lowerEdge(1_000)).toBe(1_000);
    expect(lowerEdge(1_001)).toBeCloseTo(1_010);
  });
});
