import { expect, test } from 'vitest';
import type { Labels } from '../contract.ts';
import type { MeasureName } from '../measures.ts';
import { inLongerSteps } from './longer-steps.ts';

/** Five steps of ten seconds, in steps of thirty. The first of those begins before the table. */
function longer(name: MeasureName, values: readonly number[], labels: Labels = {}) {
  const times = Float64Array.from([20, 30, 40, 50, 60]);
  const table = inLongerSteps({ times, series: [{ name, labels, values: Float32Array.from(values) }] }, 30);
  return [...table.times].map((time, index) => [time, table.series[0]?.values[index]]);
}

test('amounts are added up, and rates are the mean', () => {
  expect(longer('requests_started', [1, 2, 3, 4, 5])).toEqual([
    [30, 3],
    [60, 12],
  ]);
  expect(longer('completion_tokens', [1, 2, 3, 4, 5])).toEqual([
    [30, 1.5],
    [60, 4],
  ]);
});

test('what was so at some time is the largest: the most streams, the worst state of a breaker', () => {
  expect(longer('streams_live', [1, 2, 9, 0, 5])).toEqual([
    [30, 2],
    [60, 9],
  ]);
  expect(longer('target_breaker', [0, 0, 0, 2, 0])).toEqual([
    [30, 0],
    [60, 2],
  ]);
});

test('a quantile is that of the quantiles of its steps', () => {
  expect(longer('ttft', [4, 8, 1, 7, 9], { quantile: '0.5' })).toEqual([
    [30, 4],
    [60, 7],
  ]);
  expect(longer('ttft', [4, 8, 1, 7, 9], { quantile: '0.99' })).toEqual([
    [30, 8],
    [60, 9],
  ]);
});

test('steps without a value do not count, and a longer step of only such has none', () => {
  const none = Number.NaN;
  expect(longer('completion_tokens', [none, none, 6, none, 2])).toEqual([
    [30, none],
    [60, 4],
  ]);
});
