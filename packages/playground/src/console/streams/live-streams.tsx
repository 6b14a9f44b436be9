import { type ReactNode, useEffect, useRef, useState } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { count, dateTime, rate, unknownFigure, wholeDuration } from '../../elements/format.ts';
import { useResource } from '../../signals/use-resource.ts';
import type { ViewProps } from '../console.tsx';
import { useKeyNames } from '../key-names.ts';
import { CancelDialog } from './cancel-dialog.tsx';
import { type LiveStream, readLiveStreams } from './live-stream.ts';
import './live-streams.css';
import { lookedAt, noRates, tokenRate } from './token-rates.ts';

const path = '/admin/v1/streams?limit=1000';
const options = { read: (body: unknown) => readLiveStreams(body), everyMs: 2_000 } as const;

/** What runs now. The table is no live region: a screen reader hears of a change only what the reader has caused. */
export function LiveStreams({ connection }: ViewProps): ReactNode {
  const { value, failure, reload } = useResource(connection, path, options);
  const names = useKeyNames(connection);
  const [rates, setRates] = useState(noRates);
  const [asked, ask] = useState<LiveStream>();
  /** Those that were cancelled here; the server's list may still have them for a moment. */
  const [cancelled, setCancelled] = useState<readonly string[]>([]);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (value !== undefined) setRates((before) => lookedAt(before, value));
  }, [value]);
  const streams = value?.streams.filter(({ id }) => !cancelled.includes(id)) ?? [];
  const now = value?.atMs ?? 0;
  const columns: readonly Column<LiveStream>[] = [
    { name: 'Stream', cell: ({ id }) => <code title={id}>{id}</code>, maxWidth: '21ch' },
    { name: 'Model', cell: ({ model }) => <span title={model}>{model}</span>, maxWidth: '26ch' },
    {
      name: 'Target',
      cell: ({ target = unknownFigure }) => <span title={target}>{target}</span>,
      maxWidth: '28ch',
    },
    {
      name: 'Key',
      cell: ({ keyId }) => <span title={keyId}>{names.get(keyId) ?? keyId}</span>,
      maxWidth: '22ch',
    },
    { name: 'Owner', cell: ({ owner }) => <span title={owner}>{owner}</span>, maxWidth: '18ch' },
    {
      name: 'Age',
      align: 'end',
      cell: ({ createdAtMs }) => (
        <span title={dateTime(createdAtMs)}>{wholeDuration(now - createdAtMs)}</span>
      ),
    },
    {
      name: 'Tokens',
      align: 'end',
      // An answer that does not stream is delivered when it is complete.
      cell: ({ tokens, stream }) => (stream ? count(tokens) : unknownFigure),
    },
    {
      name: 'Tokens/s',
      align: 'end',
      cell: ({ id, stream }) => {
        const perSecond = stream ? tokenRate(rates, id) : undefined;
        return perSecond === undefined ? unknownFigure : rate(perSecond);
      },
    },
    {
      name: 'Action',
      isHeadUnseen: true,
      isPinned: true,
      align: 'end',
      cell: (stream) => (
        <button type="button" onClick={() => ask(stream)}>
          Cancel
        </button>
      ),
    },
  ];
  return (
    <>
      <header>
        <h2 ref={heading} tabIndex={-1}>
          Live streams
        </h2>
        {value !== undefined && (
          <p className="hint">
            {value.hasMore ? `the oldest ${count(streams.length)}` : `${count(streams.length)} running`},
            refreshed every 2 s
          </p>
        )}
      </header>
      {failure !== undefined && <FailureAlert failure={failure} />}
      {value !== undefined && (
        <DataTable
          name="Live streams"
          columns={columns}
          rows={streams}
          keyOf={({ id }) => id}
          empty={
            <>
              <strong>Nothing is running</strong>
              <p>
                A completion is listed here from its admission to its last token, whichever key has asked.
              </p>
            </>
          }
        />
      )}
      <p className="unseen" role="status">
        {cancelled.length > 0 ? `Stream ${cancelled.at(-1)} is cancelled.` : ''}
      </p>
      {asked !== undefined && (
        <CancelDialog
          connection={connection}
          stream={asked}
          onClose={() => ask(undefined)}
          onCancelled={() => {
            setCancelled((before) => [...before, asked.id]);
            ask(undefined);
            reload();
            // The button that had the focus is gone with its row.
            heading.current?.focus();
          }}
        />
      )}
    </>
  );
}
