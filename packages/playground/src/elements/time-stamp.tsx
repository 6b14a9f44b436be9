import type { ReactNode } from 'react';
import { dateTime, relativeTime, shortDateTime } from './format.ts';

interface TimeStampProps {
  readonly atMs: number;
  /** `5 min ago` in the place of the time. */
  readonly isRelative?: boolean;
}

/** A time, with the whole of it as its title. */
export function TimeStamp({ atMs, isRelative = false }: TimeStampProps): ReactNode {
  return (
    <time dateTime={new Date(atMs).toISOString()} title={dateTime(atMs)}>
      {isRelative ? relativeTime(atMs) : shortDateTime(atMs)}
    </time>
  );
}
