import type { JsonObject } from '../domain/json.ts';
import { sumNames } from '../metering/usage-report/usage-rows.ts';
import { type Column, textTable } from './text-table.ts';

const titles: Readonly<Record<(typeof sumNames)[number], string>> = {
  requests: 'REQUESTS',
  prompt_tokens: 'PROMPT',
  completion_tokens: 'COMPLETION',
  cached_tokens: 'CACHED',
  reasoning_tokens: 'REASONING',
  cost_micro_usd: 'COST',
};

/** The rows of `/admin/v1/usage`: tokens with separators, the cost in dollars, and the sum of all rows. */
export function usageTable(groupNames: readonly string[], rows: readonly JsonObject[]): string {
  const columns: Column[] = [
    ...groupNames.map((name) => (name.startsWith('tag:') ? name : name.toUpperCase())),
    ...sumNames.map((name) => ({ right: titles[name] })),
  ];
  const sums = (of: (name: string) => number) =>
    sumNames.map((name) => (name === 'cost_micro_usd' ? dollars(of(name)) : grouped(of(name))));
  const shown = groupNames.length === 0 && rows.length === 0 ? [{}] : rows;
  const lines = shown.map((row) => [
    ...groupNames.map((name) => String(row[name] ?? '(none)')),
    ...sums((name) => Number(row[name] ?? 0)),
  ]);
  if (groupNames.length === 0) return textTable(columns, lines);
  const total = sums((name) => rows.reduce((sum, row) => sum + Number(row[name]), 0));
  return textTable(columns, lines, [...groupNames.map((_, at) => (at === 0 ? 'total' : '')), ...total]);
}

/** The columns of `/admin/v1/budgets`. */
export const budgetNames = [
  'id',
  'owner',
  'key_id',
  'name',
  'unit',
  'limit',
  'spent',
  'reserved',
  'left',
  'period',
  'resets_at',
] as const;

const amounts = ['limit', 'spent', 'reserved', 'left'] as const;

/** The rows of `/admin/v1/budgets`. */
export function budgetTable(budgets: readonly JsonObject[]): string {
  return textTable(
    [
      'BUDGET OF',
      'NAME',
      ...amounts.map((name) => ({ right: name.toUpperCase() })),
      'UNIT',
      'PERIOD',
      'RESETS',
    ],
    budgets.map((budget) => {
      const inUsd = budget['unit'] === 'usd';
      return [
        String(budget['id']),
        String(budget['name'] ?? ''),
        ...amounts.map((name) => {
          const amount = Number(budget[name]);
          return inUsd ? dollars(Math.round(amount * 1_000_000)) : grouped(amount);
        }),
        inUsd ? 'dollars' : 'tokens',
        String(budget['period']),
        String(budget['resets_at'] ?? 'never').replace('.000Z', 'Z'),
      ];
    }),
  );
}

const thousands = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const sixDecimals = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 6,
});

/** `1,234,567`. */
function grouped(count: number): string {
  return thousands.format(count);
}

/** Exact to the micro-dollar: `$1,234.500000`. */
function dollars(microUsd: number): string {
  return sixDecimals.format(microUsd / 1_000_000);
}
