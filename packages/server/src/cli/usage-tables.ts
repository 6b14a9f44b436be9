import type { JsonObject } from '../domain/json.ts';
import { sumNames } from '../metering/usage-report/usage-rows.ts';
import { dollars, grouped, timeWords } from './field-words.ts';
import { type Column, textTable } from './text-table.ts';

const titles: Readonly<Record<(typeof sumNames)[number], string>> = {
  requests: 'REQUESTS',
  prompt_tokens: 'PROMPT',
  completion_tokens: 'COMPLETION',
  cached_tokens: 'CACHED',
  reasoning_tokens: 'REASONING',
  cost_micro_usd: 'COST',
};

/** Columns that are never cut: ids and times. */
const groupTitles: Readonly<Record<string, string>> = { key_id: 'KEY', day: 'DAY (UTC)', hour: 'HOUR (UTC)' };

/** The rows of `/admin/v1/usage`: tokens with separators, the cost in dollars, and the sum of all rows. */
export function usageTable(
  groupNames: readonly string[],
  rows: readonly JsonObject[],
  width?: number,
): string {
  const columns: Column[] = [
    ...groupNames.map((name) => groupColumn(name)),
    ...sumNames.map((name) => ({ right: titles[name] })),
  ];
  const sums = (of: (name: string) => number) =>
    sumNames.map((name) => (name === 'cost_micro_usd' ? dollars(of(name)) : grouped(of(name))));
  const lines = rows.map((row) => [
    ...groupNames.map((name) => groupCell(name, row[name])),
    ...sums((name) => Number(row[name] ?? 0)),
  ]);
  if (groupNames.length === 0) return textTable(columns, lines, { width });
  const sum = sums((name) => rows.reduce((before, row) => before + Number(row[name]), 0));
  const total = [...groupNames.map((_, at) => (at === 0 ? 'total' : '')), ...sum];
  return textTable(columns, lines, { total, width });
}

function groupCell(name: string, value: JsonObject[string] | undefined): string {
  if (name === 'hour' && typeof value === 'string') return value.slice(0, 16).replace('T', ' ');
  return String(value ?? '(none)');
}

function groupColumn(name: string): Column {
  const { [name]: title } = groupTitles;
  return title ?? { shrinks: name.startsWith('tag:') ? name : name.toUpperCase() };
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
export function budgetTable(budgets: readonly JsonObject[], width?: number): string {
  return textTable(
    [
      'BUDGET OF',
      { shrinks: 'NAME' },
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
        budget['resets_at'] === null ? 'never' : timeWords(budget['resets_at']),
      ];
    }),
    { optional: ['NAME'], width },
  );
}
