import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import type { Standings } from './budget.ts';
import type { Owner } from './key.ts';
import { Time } from './key-list.tsx';
import { limitColumns } from './limit-columns.tsx';

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
    ...limitColumns<Owner>(({ id }) => standings.get(`owner:${id}`)),
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
