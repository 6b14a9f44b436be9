import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { TimeStamp, type TimeStampForm } from '../../elements/time-stamp.tsx';
import type { Standings } from './budget.ts';
import { type Key, whyFixed } from './key.ts';
import { type KeyAction, KeyActions } from './key-actions.tsx';
import { KeyStateMark } from './key-state.tsx';
import { limitColumns } from './limit-columns.tsx';

interface KeyListProps {
  readonly keys: readonly Key[];
  readonly standings: Standings;
  readonly empty: ReactNode;
  onOpen(key: Key): void;
  onAct(key: Key, action: KeyAction): void;
}

export function KeyList({ keys, standings, empty, onOpen, onAct }: KeyListProps): ReactNode {
  const columns: Column<Key>[] = [
    { name: 'Key', maxWidth: '24ch', cell: (key) => <KeyName of={key} /> },
    { name: 'State', cell: (key) => <KeyStateMark of={key} /> },
    { name: 'Owner', maxWidth: '16ch', cell: ({ owner }) => <span title={owner}>{owner}</span> },
    ...limitColumns<Key>(({ id }) => standings.get(`key:${id}`)),
    { name: 'Expires', cell: ({ expires_at: at }) => <Time at={at} isNull="never" form="day" /> },
    { name: 'Last used', cell: ({ last_used_at: at }) => <Time at={at} isNull="never" form="relative" /> },
    {
      name: 'Actions',
      isHeadUnseen: true,
      align: 'end',
      cell: (key) =>
        key.fixed ? (
          <span className="hint" title={whyFixed}>
            changed at its source
          </span>
        ) : (
          <KeyActions of={key} isQuiet onAct={(action) => onAct(key, action)} />
        ),
    },
  ];
  return (
    <DataTable
      name="Keys"
      columns={columns}
      rows={keys}
      keyOf={({ id }) => id}
      onOpen={onOpen}
      empty={empty}
    />
  );
}

function KeyName({ of: { name, id, prefix } }: { of: Key }): ReactNode {
  return (
    <>
      {name === null ? <code className="line">{id}</code> : <span className="line named">{name}</span>}
      <code className="line hint">{prefix}</code>
    </>
  );
}

interface TimeProps {
  readonly at: string | null;
  readonly isNull: string;
  readonly form?: TimeStampForm | undefined;
}

export function Time({ at, isNull, form }: TimeProps): ReactNode {
  if (at === null) return <span className="hint">{isNull}</span>;
  return <TimeStamp atMs={Date.parse(at)} form={form} />;
}
