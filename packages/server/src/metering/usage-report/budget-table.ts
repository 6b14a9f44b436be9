import type { ListedBudget } from './list-budgets.ts';
import { grouped, inDollars, type TextColumn, textTable } from './text-table.ts';

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
] as const satisfies readonly (keyof ListedBudget)[];

const amounts = ['limit', 'spent', 'reserved', 'left'] as const;
const columns: readonly TextColumn<ListedBudget>[] = [
  { title: 'budget of', align: 'left', cell: ({ id }) => id },
  { title: 'name', align: 'left', cell: ({ name }) => name ?? '' },
  ...amounts.map((name) => ({
    title: name,
    align: 'right' as const,
    cell: (budget: ListedBudget) =>
      budget.unit === 'usd' ? inDollars(Math.round(budget[name] * 1_000_000)) : grouped(budget[name]),
  })),
  { title: 'unit', align: 'left', cell: ({ unit }) => (unit === 'usd' ? 'dollars' : 'tokens') },
  { title: 'period', align: 'left', cell: ({ period }) => period },
  { title: 'resets', align: 'left', cell: ({ resets_at }) => resets_at?.replace('.000Z', 'Z') ?? 'never' },
];

/** The rows of `/admin/v1/budgets` for a terminal. */
export function budgetTable(budgets: readonly ListedBudget[]): string {
  return textTable(columns, budgets);
}
