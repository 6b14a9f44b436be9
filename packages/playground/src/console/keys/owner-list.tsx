import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import type { Standings } from './budget.ts';
import { BudgetBar } from './budget-bar.tsx';
import type { Owner } from './key.ts';
import { LimitWords, ModelWords } from './key-limits.tsx';
import { Time } from './key-list.tsx';

interface OwnerListProps {
  readonly owners: readonly Owner[];
  /** How many keys of an owner can be used, by its id. */
  readonly keyCounts: ReadonlyMap<string, number>;
  readonly standings: Standings;
  readonly empty: ReactNode;
  /** Shows its keys. */
  onOpen(owner: Owner): void;
  onEdit(owner: Owner): void;
  onDelete(owner: Owner): void;
}

export function OwnerList(props: OwnerListProps): ReactNode {
  const { owners, keyCounts, standings, empty, onOpen, onEdit, onDelete } = props;
  const columns: Column<Owner>[] = [
    {
      name: 'Owner',
      cell: ({ id, name }) => (
        <>
          <span className="line named">{name ?? id}</span>
          <code className="line hint">{name === null ? '' : id}</code>
        </>
      ),
    },
    { name: 'Keys', align: 'end', cell: ({ id }) => keyCounts.get(id) ?? 0 },
    {
      name: 'Models',
      maxWidth: '22ch',
      cell: ({ models }) => (
        <span title={models?.join(', ')}>
          <ModelWords models={models} />
        </span>
      ),
    },
    { name: 'Limits', cell: (owner) => <LimitWords of={owner} /> },
    {
      name: 'Budget',
      cell: (owner) => <BudgetBar budget={owner.budget} standing={standings.get(`owner:${owner.id}`)} />,
    },
    { name: 'Created', cell: ({ created_at: at }) => <Time at={at} isNull="" form="day" /> },
    {
      name: 'Actions',
      isHeadUnseen: true,
      align: 'end',
      cell: (owner) => (
        <span className="row">
          <button type="button" className="quiet" onClick={() => onEdit(owner)}>
            Edit
          </button>
          {owner.id !== 'default' && (
            <button type="button" className="quiet" onClick={() => onDelete(owner)}>
              Delete
            </button>
          )}
        </span>
      ),
    },
  ];
  return (
    <DataTable
      name="Owners"
      columns={columns}
      rows={owners}
      keyOf={({ id }) => id}
      onOpen={onOpen}
      empty={empty}
    />
  );
}
