import { expect, it } from 'vitest';
import { budgetTable, usageTable } from './usage-tables.ts';

const sums = {
  requests: 1_204,
  prompt_tokens: 1_234_567,
  completion_tokens: 0,
  cached_tokens: 12,
  reasoning_tokens: 3,
  cost_micro_usd: 1_234_500_001,
};

it('usage is aligned, has separators, exact dollars and a sum', () => {
  const rows = [
    { key_id: 'key_1', day: '2026-11-27', ...sums },
    { key_id: null, day: '2026-11-28', ...sums, requests: 1, cost_micro_usd: 999 },
  ];
  expect(usageTable(['key_id', 'day'], rows)).toBe(`\
KEY     DAY (UTC)   REQUESTS     PROMPT  COMPLETION  CACHED  REASONING           COST
key_1   2026-11-27     1,204  1,234,567           0      12          3  $1,234.500001
(none)  2026-11-28         1  1,234,567           0      12          3      $0.000999
──────  ──────────  ────────  ─────────  ──────────  ──────  ─────────  ─────────────
total                  1,205  2,469,134           0      24          6  $1,234.501000
`);
});

it('usage without groups is one row without a sum', () => {
  expect(usageTable([], [sums])).toBe(`\
REQUESTS     PROMPT  COMPLETION  CACHED  REASONING           COST
   1,204  1,234,567           0      12          3  $1,234.500001
`);
});

it('an hour is shown as a time in UTC, and a group that shrinks fits into the terminal', () => {
  const rows = [{ hour: '2026-11-28T07:00:00.000Z', user: 'a name of a user that is long', ...sums }];
  const [head = '', line = ''] = usageTable(['hour', 'user'], rows, 100).split('\n');
  expect(head).toMatch(/^HOUR \(UTC\) {8}USER /);
  expect(line).toMatch(/^2026-11-28 07:00 {2}a name of.*… /);
  expect(line.length).toBeLessThanOrEqual(100);
});

it('a text of a client neither controls the terminal nor widens the table without end', () => {
  const table = usageTable(['user'], [{ user: `\u001b[31m${'u'.repeat(500)}`, ...sums }]);
  expect(table).not.toContain('\u001b');
  expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThan(150);
});

it('budgets show what is spent, reserved and left', () => {
  const budget = {
    id: 'owner:acme',
    owner: 'acme',
    key_id: null,
    name: null,
    unit: 'tokens',
    limit: 100_000,
    spent: 70_000,
    reserved: 500,
    left: 29_500,
    period: 'day',
    resets_at: '2026-11-29T00:00:00.000Z',
  } as const;
  const ofKey = {
    ...budget,
    id: 'key:key_a',
    name: 'ci',
    unit: 'usd',
    limit: 5,
    spent: 1.500001,
    reserved: 0,
    left: 3.499999,
    period: 'total',
    resets_at: null,
  } as const;
  expect(budgetTable([budget, ofKey])).toBe(`\
BUDGET OF   NAME      LIMIT      SPENT   RESERVED       LEFT  UNIT     PERIOD  RESETS
owner:acme          100,000     70,000        500     29,500  tokens   day     2026-11-29 00:00:00 UTC
key:key_a   ci    $5.000000  $1.500001  $0.000000  $3.499999  dollars  total   never
`);
});
