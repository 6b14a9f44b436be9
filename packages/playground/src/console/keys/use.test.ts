import { expect, it } from 'vitest';
import { dayUsesIn, lastDays, sumOf } from './use.ts';

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
