import { type ReactNode, useState } from 'react';
import { isObject, parsed } from '../api/json.ts';
import type { WireEvent, WireLog } from '../chat/wire-log.ts';
import { CopyButton } from '../elements/copy-button.tsx';
import { duration } from '../elements/format.ts';
import { RowList } from './row-list.tsx';

const maxBrief = 200;

export function WireEvents({ wire, version }: { wire: WireLog; version: number }): ReactNode {
  const [chosen, choose] = useState<WireEvent>();
  const { events, dropped } = wire;
  const shown = chosen !== undefined && events.includes(chosen) ? chosen : undefined;
  return (
    <>
      <p className="hint">
        {events.length} events{dropped > 0 ? `, ${dropped} older ones dropped` : ''}. Times since Send.
      </p>
      <RowList
        name="Events"
        items={events}
        version={version}
        chosen={shown}
        keyOf={({ number }) => number}
        onChoose={(item) => choose(item)}
        row={(event) => (
          <>
            <Times atMs={event.atMs} gapMs={event.gapMs} />
            <span className={event.kind}>{brief(event)}</span>
          </>
        )}
      />
      {shown !== undefined && <Payload event={shown} />}
    </>
  );
}

export function Times({ atMs, gapMs }: { atMs: number; gapMs: number }): ReactNode {
  return (
    <>
      <span className="time">{duration(atMs)}</span>
      <span className={gapMs > 1_000 ? 'gap long' : 'gap'}>+{duration(gapMs)}</span>
    </>
  );
}

/** What a row shows of an event: the part in which it differs from its neighbours. Only rows in sight are parsed. */
function brief({ data, kind }: WireEvent): string {
  if (kind === 'comment') return `: ${data}`;
  const payload = parsed(data);
  const { choices, error, usage } = isObject(payload) ? payload : {};
  if (isObject(error)) return `error ${String(error['code'])}`;
  const [choice] = Array.isArray(choices) ? (choices as readonly unknown[]) : [];
  if (!isObject(choice)) return data.slice(0, maxBrief);
  const { delta, finish_reason: finish } = choice;
  const parts = [
    ...(isObject(delta) && Object.keys(delta).length > 0 ? [JSON.stringify(delta)] : []),
    ...(typeof finish === 'string' ? [`finish_reason ${finish}`] : []),
    ...(isObject(usage) ? ['with usage'] : []),
  ];
  return parts.join(', ').slice(0, maxBrief) || data.slice(0, maxBrief);
}

/** The event as it came, framed. */
export function linesOf({ kind, id, data }: WireEvent): string {
  if (kind === 'comment') return `: ${data}\n\n`;
  if (kind === 'body') return data;
  return `${id === '' ? '' : `id: ${id}\n`}data: ${data}\n\n`;
}

function Payload({ event }: { event: WireEvent }): ReactNode {
  return (
    <figure className="code-block payload">
      <figcaption>
        <span>
          event {event.number}
          {event.id === '' ? '' : `, id ${event.id}`}
        </span>
        <CopyButton text={event.data} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long payloads scroll, also by keyboard. */}
      <pre tabIndex={0}>
        <code>{pretty(event.data)}</code>
      </pre>
    </figure>
  );
}

export function pretty(text: string): string {
  const value = parsed(text);
  return value === undefined ? text : JSON.stringify(value, null, 2);
}
