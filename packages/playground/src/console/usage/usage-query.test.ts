import { expect, test } from 'vitest';
import { chartUnit, keptInAddress, measureFor, usagePath, usageView } from './usage-query.ts';

const now = Date.parse('2026-11-28T20:40:00Z');
const viewOf = (query: string) => usageView(new URLSearchParams(query), now);

test.each([
  ['', '2026-11-22', '2026-11-28', 'day'],
  ['period=today', '2026-11-28', '2026-11-28', 'hour'],
  ['period=30d', '2026-10-30', '2026-11-28', 'day'],
  ['period=month', '2026-11-01', '2026-11-28', 'day'],
  ['period=custom&first=2026-10-01&last=2026-10-02', '2026-10-01', '2026-10-02', 'hour'],
  ['period=custom&first=2026-10-09&last=2026-10-02', '2026-10-02', '2026-10-09', 'day'],
  ['period=custom&first=2026-02-31&last=x', '2026-11-22', '2026-11-28', 'day'],
  ['period=unknown&group=nobody', '2026-11-22', '2026-11-28', 'day'],
])('%j are the days from %s to %s, in a chart by %s', (query, first, last, unit) => {
  const view = viewOf(query);
  expect([view.first, view.last, chartUnit(view)]).toEqual([first, last, unit]);
});

test('the server is asked for whole days, and the last one is included', () => {
  expect(usagePath(viewOf('period=month&group=owner'), ['day', 'owner'], 'csv')).toBe(
    '/admin/v1/usage?group_by=day%2Cowner&since=2026-11-01&until=2026-11-29&format=csv',
  );
});

test('what the address keeps is the same view again', () => {
  const query = 'group=key&show=tokens&period=custom&first=2026-10-01&last=2026-10-31';
  expect(new URLSearchParams(keptInAddress(viewOf(query))).toString()).toBe(query);
});

test.each([
  ['', 5, 'cost'],
  ['', 0, 'tokens'],
  ['show=cost', 0, 'cost'],
  ['show=requests', 5, 'requests'],
])('with the address %j and a cost of %d it shows the %s', (query, costMicroUsd, measure) => {
  const total = { requests: 3, promptTokens: 9, completionTokens: 9, cachedTokens: 0, reasoningTokens: 0 };
  expect(measureFor(new URLSearchParams(query), { ...total, costMicroUsd }).id).toBe(measure);
});
