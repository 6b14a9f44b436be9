import { grouped, inDollars, type TextColumn, textTable } from './text-table.ts';
import { sumNames, type UsageRowJson } from './usage-rows.ts';

const titles: Readonly<Record<(typeof sumNames)[number], string>> = {
  requests: 'requests',
  prompt_tokens: 'prompt',
  completion_tokens: 'completion',
  cached_tokens: 'cached',
  reasoning_tokens: 'reasoning',
  cost_micro_usd: 'cost',
};

/** The rows of `/admin/v1/usage` for a terminal: tokens with separators, cost in dollars, and the sum of all rows. */
export function usageTable(groupNames: readonly string[], rows: readonly UsageRowJson[]): string {
  const columns: TextColumn<UsageRowJson>[] = [
    ...groupNames.map((name) => ({
      title: name,
      align: 'left' as const,
      cell: (row: UsageRowJson) => String(row[name] ?? '(none)'),
    })),
    ...sumNames.map((name) => ({
      title: titles[name],
      align: 'right' as const,
      cell: (row: UsageRowJson) =>
        name === 'cost_micro_usd' ? inDollars(Number(row[name])) : grouped(Number(row[name])),
    })),
  ];
  const [first, ...others] = groupNames;
  if (first === undefined) return textTable(columns, rows);
  const total = Object.fromEntries([
    [first, 'total'],
    ...others.map((name) => [name, '']),
    ...sumNames.map((name) => [name, rows.reduce((sum, row) => sum + Number(row[name]), 0)]),
  ]);
  return textTable(columns, rows, total);
}
