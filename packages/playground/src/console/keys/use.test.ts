import { expect, it } from 'vitest';
import { dayUsesIn, lastDays, modelUsesIn, sumOf } from './use.ts';

const row = (day: string, requests: number) => ({
  ...{ day, requests, prompt_tokens: 10, completion_tokens: 5, cost_micro_usd: 7 },
});

it('the last days are all there, also those without a request', () => {
  const uses = dayUsesIn({ data: [row('2026-11-28', 2), row('2026-11-26', 1), { model: 'm' }] });
  const days = lastDays(uses, 4, Date.parse('2026-11-28T23:59:00Z'));
  expect(days.map(({ day, requests }) => [day, requests])).toEqual([
    ['2026-11-25', 0],
    ['2026-11-26', 1],
    ['2026-11-27', 0],
    ['2026-11-28', 2],
  ]);
  expect(sumOf(days)).toEqual({ requests: 3, prompt_tokens: 20, completion_tokens: 10, cost_micro_usd: 14 });
});

it('models come by their requests', () => {
  const { day: _, ...use } = row('', 1);
  const rows = modelUsesIn({ data: [{ ...use, model: 'a' }, { ...use, model: 'b', requests: 9 }, use] });
  expect(rows.map(({ model }) => model)).toEqual(['b', 'a']);
});
