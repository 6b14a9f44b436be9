import { expect, test } from 'vitest';
import type { SeriesAnswer } from './series-answer.ts';
import { secondsIn, targetHistories } from './target-history.ts';

const labels = { upstream: 'lab', model: 'm' };

function answer(series: Readonly<Record<string, readonly (number | null)[]>>): SeriesAnswer {
  return {
    since: 0,
    times: [300, 600, 900, 1_200, 1_500],
    series: Object.entries(series).map(([name, values]) => ({ name, labels, values })),
  };
}

test('steps with the same state are one span, and a step without a value ends it', () => {
  const [history] = targetHistories(answer({ target_breaker: [0, 0, 2, null, 2] }), 300);
  expect(history?.spans).toEqual([
    { from: 0, to: 600, state: 'healthy' },
    { from: 600, to: 900, state: 'open' },
    { from: 1_200, to: 1_500, state: 'open' },
  ]);
  expect(history?.state).toBe('open');
  expect(history && secondsIn(history, 'open')).toBe(600);
});

test('hedges and takeovers are marks in the midst of their step, and all counts are added up', () => {
  const [history] = targetHistories(
    answer({
      target_breaker: [0, 0, 0, 0, 0],
      target_attempts: [4, 5, 0, 0, 1],
      target_failures: [1, null, 0, 0, 1],
      target_failovers: [0, 2, 0, 0, 0],
      target_hedges: [0, 3, 0, 0, 0],
      target_takeovers: [0, 0, 0, 1, 0],
    }),
    300,
  );
  expect(history).toMatchObject({
    name: 'lab/m',
    marks: [
      { at: 450, kind: 'hedge', count: 3 },
      { at: 1_050, kind: 'takeover', count: 1 },
    ],
    ...{ attempts: 10, failures: 2, failovers: 2, hedges: 3, takeovers: 1 },
  });
});
