import type { ReactNode } from 'react';
import { duration } from '../../elements/format.ts';
import type { RequestRecord } from './request-record.ts';
import { phasesOf, placeOf, type Stretch } from './request-timeline.ts';

/** The time of a request as bars over one axis: its phases, then each attempt. The figures beside them say the same. */
export function Timeline({ record }: { readonly record: RequestRecord }): ReactNode {
  const { attemptLog, durationMs } = record;
  return (
    <ul className="timeline" aria-label="Times">
      {phasesOf(record).map((phase) => (
        <Row
          key={phase.name}
          stretch={phase}
          wholeMs={durationMs}
          kind={`phase ${phase.name.toLowerCase().replace(' ', '-')}`}
        />
      ))}
      {attemptLog.length > 1 &&
        attemptLog.map(({ target, outcome, startedMs, durationMs: took }, at) => {
          if (startedMs === undefined || took === undefined) return null;
          const stretch = { name: target, fromMs: startedMs, toMs: startedMs + took };
          // biome-ignore lint/suspicious/noArrayIndexKey: attempts have no other name, and their order stays.
          return <Row key={at} stretch={stretch} wholeMs={durationMs} kind={`attempt ${outcome}`} />;
        })}
    </ul>
  );
}

function Row({
  stretch,
  wholeMs,
  kind,
}: {
  readonly stretch: Stretch;
  readonly wholeMs: number;
  readonly kind: string;
}): ReactNode {
  const { left, width } = placeOf(stretch, wholeMs);
  return (
    <li>
      <span className="name" title={stretch.name}>
        {stretch.name}
      </span>
      <span className="track" aria-hidden="true">
        <span className={`bar ${kind}`} style={{ left: `${left}%`, width: `${width}%` }} />
      </span>
      <span className="took">{duration(stretch.toMs - stretch.fromMs)}</span>
    </li>
  );
}
