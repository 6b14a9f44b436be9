import type { Column } from '../../elements/data-table.tsx';
import type { Standing } from './budget.ts';
import { BudgetBar } from './budget-bar.tsx';
import type { Limited } from './key.ts';
import { LimitWords, ModelWords } from './key-limits.tsx';

/** What a key or an owner may use: its models, its limits, and its budget with what is left of it. */
export function limitColumns<Row extends Limited>(
  standingOf: (row: Row) => Standing | undefined,
): readonly Column<Row>[] {
  return [
    {
      name: 'Models',
      maxWidth: '22ch',
      cell: ({ models }) => (
        <span title={models?.join(', ')}>
          <ModelWords models={models} />
        </span>
      ),
    },
    { name: 'Limits', cell: (row) => <LimitWords of={row} /> },
    { name: 'Budget', cell: (row) => <BudgetBar budget={row.budget} standing={standingOf(row)} /> },
  ];
}
