import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { isObject, parsed } from '../api/failure.ts';
import type { WireEvent, WireLog } from '../chat/wire-log.ts';
import { CopyButton } from '../elements/copy-button.tsx';
import { duration } from '../elements/format.ts';
import { PanelFrame } from '../elements/panel-frame.tsx';

/** The height of a row, in pixels; also in `styles.css`. Only the rows in sight are elements of the page. */
const rowPx = 22;
const spareRows = 10;
const maxBrief = 200;

interface WirePanelProps {
  readonly wire: WireLog | undefined;
  /** Changes when the log has grown. */
  readonly version: number;
  onClose(): void;
}

export function WirePanel({ wire, version, onClose }: WirePanelProps): ReactNode {
  const [chosen, choose] = useState<WireEvent>();
  const events = wire?.events ?? [];
  const shown = chosen !== undefined && events.includes(chosen) ? chosen : undefined;
  return (
    <PanelFrame
      name="Wire"
      isWide
      onClose={onClose}
      actions={events.length > 0 && <CopyButton label="Copy all" text={() => events.map(lines).join('')} />}
    >
      {events.length === 0 ? (
        <p className="hint">
          Each event of the next answer appears here as it arrives, with its time and the gap before it.
        </p>
      ) : (
        <>
          <p className="hint">
            {events.length} events
            {wire !== undefined && wire.dropped > 0 ? `, ${wire.dropped} older ones dropped` : ''}. Times
            since Send.
          </p>
          <Rows events={events} version={version} chosen={shown} onChoose={choose} />
          {shown !== undefined && <Payload event={shown} />}
        </>
      )}
    </PanelFrame>
  );
}

interface RowsProps {
  readonly events: readonly WireEvent[];
  readonly version: number;
  readonly chosen: WireEvent | undefined;
  onChoose(event: WireEvent): void;
}

function Rows({ events, version, chosen, onChoose }: RowsProps): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [top, setTop] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is one object that grows.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && follows.current) element.scrollTop = element.scrollHeight;
  }, [version]);
  const height = scroller.current?.clientHeight ?? 600;
  const first = Math.max(0, Math.floor(top / rowPx) - spareRows);
  const last = Math.min(events.length, Math.ceil((top + height) / rowPx) + spareRows);
  return (
    <section
      className="rows"
      ref={scroller}
      aria-label="Events"
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        follows.current = scrollHeight - scrollTop - clientHeight < rowPx;
        setTop(scrollTop);
      }}
    >
      <ol style={{ height: events.length * rowPx }}>
        {events.slice(first, last).map((event, at) => (
          <li key={event.number} style={{ top: (first + at) * rowPx }}>
            <button type="button" aria-pressed={event === chosen} onClick={() => onChoose(event)}>
              <span className="time">{duration(event.atMs)}</span>
              <span className={event.gapMs > 1_000 ? 'gap long' : 'gap'}>+{duration(event.gapMs)}</span>
              <span className={event.kind}>{brief(event)}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
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

function lines({ kind, id, data }: WireEvent): string {
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

function pretty(text: string): string {
  const value = parsed(text);
  return value === undefined ? text : JSON.stringify(value, null, 2);
}
