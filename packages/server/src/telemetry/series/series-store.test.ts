import { expect, test } from 'vitest';
import type { MeasuredFigure } from './series-steps.ts';
import { createSeriesStore } from './series-store.ts';

const day = 24 * 60 * 60;
const start = 1_764_000_000;
const live = (value: number): MeasuredFigure => ({ name: 'streams_live', labels: {}, value });
const attempts = (model: string): MeasuredFigure => ({
  ...{ name: 'target_attempts', labels: { upstream: 'lab', model }, value: 1 },
});

/** The points of each series, with their times from the start on. */
function pointsOf(store: ReturnType<typeof createSeriesStore>, since = 0) {
  const { times, series } = store.read({ since });
  return series.map(({ name, labels, values }) => ({
    ...{ name, labels },
    points: [...times]
      .map((time, index) => [time - start, values[index] ?? 0] as const)
      .filter(([, value]) => !Number.isNaN(value)),
  }));
}
const models = (store: ReturnType<typeof createSeriesStore>) =>
  store.read({ since: 0 }).series.map(({ labels }) => labels['model']);

test('a step without a value has no point, and points begin with `since`', () => {
  const store = createSeriesStore();
  store.add(start, [live(1), attempts('m')]);
  store.add(start + 10, [attempts('m')]);
  store.add(start + 20, [live(3), attempts('m')]);
  expect(pointsOf(store)[0]).toEqual({
    ...{ name: 'streams_live', labels: {} },
    points: [
      [0, 1],
      [20, 3],
    ],
  });
  expect(pointsOf(store, start + 11)[0]?.points).toEqual([[20, 3]]);
  expect(store.read({ since: 0, names: ['target_attempts'] }).series.map(({ name }) => name)).toEqual([
    'target_attempts',
  ]);
});

test('a day of points is kept, also over a time in which nothing was recorded', () => {
  const store = createSeriesStore();
  for (let at = 0; at < day + 50; at += 10) store.add(start + at, [live(at)]);
  const [whole] = pointsOf(store);
  expect(whole?.points).toHaveLength(8_640);
  expect(whole?.points[0]).toEqual([50, 50]);
  // The machine slept for an hour.
  store.add(start + day + 3_640, [live(7)]);
  const [rest] = pointsOf(store);
  expect(rest?.points[0]).toEqual([3_650, 3_650]);
  expect(rest?.points.at(-1)).toEqual([day + 3_640, 7]);
  expect(rest?.points).toHaveLength(8_640 - 359);
});

test('a series without a value for a day is forgotten', () => {
  const store = createSeriesStore();
  store.add(start, [live(1), attempts('gone')]);
  store.add(start + day - 10, [live(1)]);
  expect(models(store)).toEqual([undefined, 'gone']);
  store.add(start + day, [live(1)]);
  expect(models(store)).toEqual([undefined]);
});

test('64 targets are kept: a new one takes the place of that which was used longest ago, never of one in use', () => {
  const store = createSeriesStore();
  const all = Array.from({ length: 64 }, (_, index) => attempts(`m${index}`));
  store.add(start, all);
  store.add(start + 10, [...all, attempts('late')]);
  expect(models(store)).not.toContain('late');
  store.add(start + 20, all.slice(1));
  store.add(start + 30, all.slice(1));
  store.add(start + 40, [...all.slice(1), attempts('late')]);
  expect(models(store)).toHaveLength(64);
  expect(models(store)).toContain('late');
  expect(models(store)).not.toContain('m0');
});
