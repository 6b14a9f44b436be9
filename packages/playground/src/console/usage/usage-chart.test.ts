import { expect, test } from 'vitest';
import { stackedUsage } from './usage-chart.ts';
import { readUsageRows, totalOf } from './usage-rows.ts';

const row = (day: string, model: string | null, requests: number) => ({
  ...{ day, model, requests },
  ...{ prompt_tokens: 10 * requests, completion_tokens: requests, cached_tokens: 0, reasoning_tokens: 0 },
  cost_micro_usd: 100 * requests,
});
const by = {
  first: '2026-11-26',
  last: '2026-11-28',
  unit: 'day',
  column: 'model',
  measure: 'requests',
  nameOf: (value: string | null) => value ?? 'none',
} as const;

test('each day has a bar, also one without requests, and the group with the most comes first', () => {
  const rows = readUsageRows({
    data: [row('2026-11-26', 'a', 1), row('2026-11-28', 'a', 2), row('2026-11-28', 'b', 7)],
  });
  const { times, series } = stackedUsage(rows, by);
  expect(times.map((time) => new Date(time * 1_000).toISOString().slice(0, 10))).toEqual([
    '2026-11-26',
    '2026-11-27',
    '2026-11-28',
  ]);
  expect(series.map(({ name, values }) => [name, values])).toEqual([
    ['b', [0, 0, 7]],
    ['a', [1, 0, 2]],
  ]);
});

test('many groups: the first seven have a colour, the others are one series, and no request is lost', () => {
  const rows = readUsageRows({
    data: Array.from({ length: 12 }, (_, index) =>
      row('2026-11-27', index === 0 ? null : `m${index}`, index + 1),
    ),
  });
  const { series } = stackedUsage(rows, by);
  expect(series).toHaveLength(8);
  expect(series.at(-1)?.name).toBe('5 others');
  const sum = series.reduce((all, { values }) => all + (values[1] ?? 0), 0);
  expect(sum).toBe(totalOf(rows).requests);
});
