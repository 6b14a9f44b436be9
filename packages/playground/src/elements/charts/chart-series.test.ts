import { expect, test } from 'vitest';
import { chartInWords, stacked } from './chart-series.ts';

const words = { format: (value: number) => `${value} ms`, formatTime: (seconds: number) => `t${seconds}` };

test('series are stacked on those before them, also where one has no value', () => {
  expect(
    stacked([
      { name: 'a', colour: 1, values: [1, null, 3] },
      { name: 'b', colour: 2, values: [10, 20, 30] },
    ]),
  ).toEqual([
    [1, 0, 3],
    [11, 20, 33],
  ]);
});

test('a chart in words has the last, the least and the largest value of each series', () => {
  const series = [
    { name: 'p50', colour: 1, values: [5, 9, null, 7] },
    { name: 'p99', colour: 2, values: [null, null, null, null] },
    { name: 'p90', colour: 3, values: [4, 4, 4, 4] },
  ] as const;
  expect(chartInWords({ times: [10, 20, 30, 40], series, ...words })).toBe(
    'From t10 to t40. p50: last 7 ms, least 5 ms, most 9 ms at t20. p99: no values. p90: 4 ms all the time.',
  );
});

test('a chart without times says so', () => {
  expect(chartInWords({ times: [], series: [], ...words })).toBe('No values yet.');
});
