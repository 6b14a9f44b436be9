import { expect, it } from 'vitest';
import type { UsageRow } from '../../storage/records.ts';
import { usageRows, usageTotal } from './usage-rows.ts';

const row = (group: UsageRow['group'], requests: number): UsageRow => ({
  group,
  requests,
  promptTokens: 10,
  completionTokens: 20,
  cachedTokens: 5,
  reasoningTokens: 1,
  costMicroUsd: 7,
});

it('rows are in the order of their groups, those without a value last', () => {
  const rows = [
    row({ user: null, day: '2026-11-01' }, 1),
    row({ user: 'b', day: '2026-11-02' }, 2),
    row({ user: 'b', day: '2026-11-01' }, 3),
    row({ user: 'a', day: '2026-11-03' }, 4),
  ];
  expect(usageRows(['user', 'day'], rows).map(({ requests }) => requests)).toEqual([4, 3, 2, 1]);
});

it('a row has the names of its groups in the order that was asked for, then the sums', () => {
  const [one] = usageRows(['day', 'key'], [row({ key_id: 'key_1', day: '2026-11-01' }, 1)]);
  expect(Object.entries(one ?? {})).toEqual([
    ['day', '2026-11-01'],
    ['key_id', 'key_1'],
    ['requests', 1],
    ['prompt_tokens', 10],
    ['completion_tokens', 20],
    ['cached_tokens', 5],
    ['reasoning_tokens', 1],
    ['cost_micro_usd', 7],
  ]);
});

it('the total is zero without rows', () => {
  expect(usageTotal([])).toMatchObject({ requests: 0, cost_micro_usd: 0 });
  expect(usageTotal([row({}, 1), row({}, 2)])).toMatchObject({ requests: 3, cost_micro_usd: 14 });
});
