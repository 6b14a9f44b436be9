import { expect, test } from 'vitest';
import { newestOf, readSeries, sumOf, valuesOf } from './series-answer.ts';

const body = {
  data: [
    {
      name: 'ttft',
      unit: 'ms',
      labels: { quantile: '0.5' },
      points: [
        [100, 84],
        [130, 91],
      ],
    },
    {
      name: 'request_errors',
      labels: { code: 'stall_timeout' },
      points: [
        [110, 2],
        [120, 1],
      ],
    },
    { name: 'request_errors', labels: { code: 'upstream_cut' }, points: [[120, 4]] },
  ],
  step_seconds: 10,
  since: 95,
};

test('all series are laid over the same times, with each step once', () => {
  const answer = readSeries(body);
  expect(answer.times).toEqual([100, 110, 120, 130]);
  expect(valuesOf(answer, 'ttft', { quantile: '0.5' })).toEqual([84, null, null, 91]);
  expect(valuesOf(answer, 'request_errors', { code: 'upstream_cut' })).toEqual([null, null, 4, null]);
  expect(valuesOf(answer, 'spend')).toEqual([null, null, null, null]);
});

test('the newest value of a series, and the sum over all labels of a name', () => {
  const answer = readSeries(body);
  expect(newestOf(valuesOf(answer, 'ttft'))).toBe(91);
  expect(newestOf(valuesOf(answer, 'spend'))).toBeUndefined();
  expect(sumOf(answer, 'request_errors')).toBe(7);
});

test.each([undefined, {}, { data: [] }, { data: [null, { name: 'x' }], since: 5 }])(
  'an answer without points has no times: %j',
  (empty) => {
    expect(readSeries(empty)).toMatchObject({ times: [], series: [] });
  },
);
