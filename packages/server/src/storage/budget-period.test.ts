import { expect, it } from 'vitest';
import { budgetPeriod } from './budget-period.ts';

const at = (text: string) => Date.parse(text);

it.each([
  ['day', '2026-11-28T23:59:59.999Z', '2026-11-28T00:00:00Z', '2026-11-29T00:00:00Z'],
  ['day', '2026-11-28T00:00:00Z', '2026-11-28T00:00:00Z', '2026-11-29T00:00:00Z'],
  ['month', '2026-12-31T23:59:59Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ['month', '2028-02-29T10:00:00Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
] as const)('the %s of %s begins at %s and ends at %s', (period, now, since, until) => {
  expect(budgetPeriod(period, at(now))).toEqual({ sinceMs: at(since), untilMs: at(until) });
});

it('a budget in total never ends', () => {
  expect(budgetPeriod('total', at('2026-11-28T10:00:00Z'))).toEqual({ sinceMs: 0, untilMs: null });
});
