import type { ReactNode } from 'react';
import { count, duration, shortClockTime } from '../../elements/format.ts';
import {
  type HistoryMark,
  type StateSpan,
  secondsIn,
  type TargetHistory,
  type TargetState,
} from './target-history.ts';

interface TargetTimelineProps {
  readonly history: TargetHistory;
  /** Unix seconds. */
  readonly from: number;
  readonly to: number;
}

/** A state is told by its height too, for those who do not see its colour. */
const heights: Readonly<Record<TargetState, number>> = { healthy: 6, 'half-open': 11, open: 16 };

/** One line of time: below it the states, above it hedges and takeovers. */
export function TargetTimeline({ history, from, to }: TargetTimelineProps): ReactNode {
  const share = (seconds: number): string => `${(100 * (seconds - from)) / (to - from)}%`;
  return (
    <div className="timeline" role="img" aria-label={inWords(history)}>
      {history.spans
        .filter((span) => span.to > from)
        .map((span) => (
          <span
            key={span.from}
            className={`state ${span.state}`}
            title={spanTitle(span)}
            style={{
              left: share(Math.max(span.from, from)),
              right: `calc(100% - ${share(Math.min(span.to, to))})`,
              height: heights[span.state],
            }}
          />
        ))}
      {history.marks.map((mark) => (
        <span
          key={`${mark.kind} ${mark.at}`}
          className={`mark ${mark.kind}`}
          title={markTitle(mark)}
          style={{ left: share(mark.at) }}
        />
      ))}
    </div>
  );
}

function spanTitle({ from, to, state }: StateSpan): string {
  return `${shortClockTime(from * 1_000)}–${shortClockTime(to * 1_000)}: ${state === 'open' ? 'breaker open' : state}`;
}

function markTitle({ at, kind, count: times }: HistoryMark): string {
  return `${shortClockTime(at * 1_000)}: ${count(times)} ${kind}${times === 1 ? '' : 's'}`;
}

function inWords(history: TargetHistory): string {
  const states = (['open', 'half-open', 'healthy'] as const)
    .map((state) => ({ state, seconds: secondsIn(history, state) }))
    .filter(({ seconds }) => seconds > 0)
    .map(({ state, seconds }) => `${state} for ${duration(seconds * 1_000)}`);
  const marks = [
    ...(history.hedges > 0 ? [`hedges: ${count(history.hedges)}`] : []),
    ...(history.takeovers > 0 ? [`takeovers: ${count(history.takeovers)}`] : []),
  ];
  return `In 24 hours ${[...states, ...marks].join(', ')}`;
}

export function TimelineAxis(): ReactNode {
  return (
    <div className="timeline-axis" aria-hidden="true">
      {['24 h ago', '18 h', '12 h', '6 h', 'now'].map((text) => (
        <span key={text}>{text}</span>
      ))}
    </div>
  );
}
