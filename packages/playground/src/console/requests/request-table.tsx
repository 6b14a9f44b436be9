import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { count, duration, money, unknownFigure } from '../../elements/format.ts';
import { TimeStamp } from '../../elements/time-stamp.tsx';
import type { RequestRecord } from './request-record.ts';
import { StatusMark } from './status-mark.tsx';

/** How much room the table has: `phone`, beside the story of a request, or alone. */
export type TableRoom = 'phone' | 'beside' | 'wide';

interface RequestTableProps {
  readonly records: readonly RequestRecord[];
  readonly room: TableRoom;
  readonly openId: string | undefined;
  nameOfKey(id: string): string;
  onOpen(record: RequestRecord): void;
  readonly empty: ReactNode;
}

export function RequestTable(props: RequestTableProps): ReactNode {
  const { records, room, openId, nameOfKey, onOpen, empty } = props;
  const columns = columnsOf(nameOfKey, room === 'phone').filter(({ rooms }) => rooms.includes(room));
  return (
    <DataTable
      name="Requests"
      columns={columns}
      rows={records}
      keyOf={({ id }) => id}
      isOpen={({ id }) => id === openId}
      onOpen={onOpen}
      empty={empty}
    />
  );
}

function columnsOf(
  nameOfKey: (id: string) => string,
  isPhone: boolean,
): readonly (Column<RequestRecord> & { readonly rooms: readonly TableRoom[] })[] {
  const everywhere = ['phone', 'beside', 'wide'] as const;
  const notOnPhones = ['beside', 'wide'] as const;
  const wide = ['wide'] as const;
  return [
    {
      name: 'Time',
      rooms: everywhere,
      cell: ({ createdAtMs }) => <TimeStamp atMs={createdAtMs} form={isPhone ? 'brief' : undefined} />,
    },
    { name: 'Status', rooms: everywhere, cell: ({ status }) => <StatusMark status={status} /> },
    {
      name: 'Model',
      rooms: everywhere,
      maxWidth: isPhone ? 'min(27vw, 16ch)' : '22ch',
      cell: ({ model }) => <span title={model}>{model}</span>,
    },
    {
      name: 'Target',
      rooms: wide,
      maxWidth: '23ch',
      cell: ({ target }) => (target === undefined ? unknownFigure : <span title={target}>{target}</span>),
    },
    {
      name: 'Tokens',
      rooms: notOnPhones,
      align: 'end',
      cell: ({ promptTokens, completionTokens, estimated }) => (
        <span title={`${count(promptTokens)} prompt, ${count(completionTokens)} completion`}>
          {estimated ? '~' : ''}
          {count(promptTokens)} <span className="dim">+</span> {count(completionTokens)}
        </span>
      ),
    },
    {
      name: 'Cost',
      rooms: wide,
      align: 'end',
      cell: ({ costMicroUsd }) => figureOr(costMicroUsd === 0, money(costMicroUsd)),
    },
    {
      name: 'TTFT',
      rooms: wide,
      align: 'end',
      cell: ({ ttftMs }) => (ttftMs === undefined ? unknownFigure : duration(ttftMs)),
    },
    { name: 'Duration', rooms: everywhere, align: 'end', cell: ({ durationMs }) => duration(durationMs) },
    {
      name: 'Attempts',
      rooms: wide,
      align: 'end',
      cell: ({ attempts }) => <span className={attempts > 1 ? 'several' : 'dim'}>{count(attempts)}</span>,
    },
    {
      name: 'Key',
      rooms: wide,
      maxWidth: '12ch',
      cell: ({ keyId }) => <span title={keyId}>{nameOfKey(keyId)}</span>,
    },
    { name: 'Owner', rooms: wide, maxWidth: '10ch', cell: ({ owner }) => <span title={owner}>{owner}</span> },
  ];
}

/** Zeros would stand in every row of a server without prices. */
function figureOr(isNothing: boolean, text: string): ReactNode {
  return isNothing ? <span className="dim">{unknownFigure}</span> : text;
}
