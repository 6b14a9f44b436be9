import type { ReactNode } from 'react';
import { dateTime, longDay, relativeTime, shortDateTime } from './format.ts';

interface TimeStampProps {
  readonly atMs: number;
  /** `5 min ago` in the place of the time. */
  readonly isRelative?: boolean;
  /** Its day alone. */
  readonly isDay?: boolean;
}

/** A time, with the whole of it as its title. */
export function TimeStamp({ atMs, isRelative = false, isDay = false }: TimeStampProps): ReactNode {
  return (
    <time dateTime={new Date(atMs).toISOString()} title={dateTime(atMs)}>
      {isRelative ? relativeTime(atMs) : isDay ? longDay(atMs) : shortDateTime(atMs)}
    </time>
  );
}
