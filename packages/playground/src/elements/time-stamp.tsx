import type { ReactNode } from 'react';
import { clockTime, dateTime, relativeTime, shortDateTime, shortDay } from './format.ts';

interface TimeStampProps {
  readonly atMs: number;
  /** `5 min ago` in the place of the time. */
  readonly isRelative?: boolean;
  /** For phones: the clock of a time of today, the day of any other. */
  readonly isBrief?: boolean;
}

/** A time, with the whole of it as its title. */
export function TimeStamp({ atMs, isRelative = false, isBrief = false }: TimeStampProps): ReactNode {
  return (
    <time dateTime={new Date(atMs).toISOString()} title={dateTime(atMs)}>
      {isRelative ? relativeTime(atMs) : isBrief ? briefTime(atMs) : shortDateTime(atMs)}
    </time>
  );
}

function briefTime(atMs: number): string {
  const isOfToday = new Date(atMs).toDateString() === new Date().toDateString();
  return isOfToday ? clockTime(atMs) : shortDay(atMs);
}
