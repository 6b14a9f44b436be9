import { expect, test } from 'vitest';
import { isBound } from '../histogram.ts';
import { isMeasureName } from '../measures.ts';
import { metricNames, metricOf } from './metrics.ts';

const all = metricNames.map(metricOf);

test('names are unique, and say by their ends what they count', () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { name, type } of all) {
    expect([name, /^tailrace_[a-z]+(_[a-z]+)*$/.test(name)]).toEqual([name, true]);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
  }
});

test('base units: what counts milliseconds, microseconds or micro-dollars is divided', () => {
  for (const { name, divisor } of all) {
    const hasUnit = /_(seconds|dollars)(_total)?$/.test(name);
    expect([name, divisor !== undefined]).toEqual([name, hasUnit]);
  }
});

test('the buckets of a histogram end where those end in which its values are counted', () => {
  for (const { name, type, bounds = [] } of all) {
    expect([name, bounds.length > 0]).toEqual([name, type === 'histogram']);
    expect([name, bounds.filter((bound) => !isBound(bound))]).toEqual([name, []]);
    expect(bounds).toEqual(bounds.toSorted((one, other) => one - other));
  }
});

test('how several processes become one is said once: for the series, or else for the metric', () => {
  const both = metricNames.filter((name) => isMeasureName(name) && metricOf(name).together !== undefined);
  // The worst breaker is the largest.
  expect(both).toEqual(['target_breaker']);
});
