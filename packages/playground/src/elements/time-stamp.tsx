import type { ReactNode } from 'react';
import { clockTime, dateTime, longDay, relativeTime, shortDateTime, shortDay } from './format.ts';

/** `relative`: `5 min ago`; `day`: its day alone; `brief`, for phones: the clock of a time of today, the day of any other. */
export type TimeStampForm = 'relative' | 'day' | 'brief';

interface TimeStampProps {
  readonly atMs: number;
  /** Default: day and clock. */
  readonly form?: TimeStampForm | undefined;
}

/** A time, with the whole of it as its title. */
export function TimeStamp({ atMs, form }: TimeStampProps): ReactNode {
  return (
    <time dateTime={new Date(atMs).toISOString()} title={dateTime(atMs)}>
      {textOf(atMs, form)}
    </time>
  );
}

function textOf(atMs: number, form: TimeStampForm | undefined): string {
  if (form === 'relative') return relativeTime(atMs);
  if (form === 'day') return longDay(atMs);
  if (form === 'brief') return isToday(atMs) ? clockTime(atMs) : shortDay(atMs);
  return shortDateTime(atMs);
}

function isToday(atMs: number): boolean {
  return new Date(atMs).toDateString() === new Date().toDateString();
}
