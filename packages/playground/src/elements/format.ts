/*
 * How the page writes figures and times. One form for each kind of value, so that columns line up and two views never show the same
 * figure in two ways. Times are those of the reader's zone.
 */

/** What stands in the place of a figure that is not known. */
export const unknownFigure = '–';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const compactForm = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });

/** `12,345`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `12.3K`, for tiles and axes, where a figure has little room. Up to 9,999 all digits are shown. */
export function compactCount(value: number): string {
  return Math.abs(value) < 10_000 && Number.isInteger(value) ? count(value) : compactForm.format(value);
}

/** A rate, `0.42`, `18.4`, `1,204`: three digits and no more decimals than they need. */
export function rate(value: number): string {
  if (value >= 100) return count(value);
  if (value === 0) return '0';
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** `2 %`, `0.4 %`. A share of 0 to 1. */
export function percent(share: number): string {
  if (share === 0) return '0 %';
  const hundredths = share * 100;
  if (hundredths < 0.1) return '< 0.1 %';
  return hundredths < 10 ? `${hundredths.toFixed(1).replace('.0', '')} %` : `${Math.round(hundredths)} %`;
}

/** Millionths of a US dollar: `$1,234.50`; below a cent with the digits that say something, `$0.000042`. */
export function money(microUsd: number): string {
  const usd = microUsd / 1_000_000;
  if (usd === 0) return '$0';
  const digits = Math.abs(usd) >= 1 ? 2 : Math.abs(usd) >= 0.01 ? 4 : 6;
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(usd);
}

/** `84 ms`, `1.24 s`, `3 min 05 s`, `2 h 10 min`, `4 d 3 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(2)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

/** A duration by whole seconds, for one that is counted upwards: `7 s`, `3 min 05 s`. */
export function wholeDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
}

const kib = 1_024;

/** `512 B`, `3.2 MiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [size, unit] = [value, 0];
  while (size >= kib && unit < units.length - 1) {
    size /= kib;
    unit += 1;
  }
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

const clockForm = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const shortClockForm = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayForm = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const longDayForm = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** `14:03:09`. Unix milliseconds, as all times here. */
export function clockTime(atMs: number): string {
  return clockForm.format(atMs);
}

/** `14:03`. */
export function shortClockTime(atMs: number): string {
  return shortClockForm.format(atMs);
}

/** `28 Nov`. */
export function shortDay(atMs: number): string {
  return dayForm.format(atMs);
}

/** `28 Nov 2026`. */
export function longDay(atMs: number): string {
  return longDayForm.format(atMs);
}

/** `28 Nov 2026, 14:03:09`: a whole time, for details and titles. */
export function dateTime(atMs: number): string {
  return `${longDay(atMs)}, ${clockTime(atMs)}`;
}

/** `28 Nov, 14:03:09`, for the cells of a table; of another year with it. */
export function shortDateTime(atMs: number, nowMs: number = Date.now()): string {
  const isOfThisYear = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  return isOfThisYear ? `${shortDay(atMs)}, ${clockTime(atMs)}` : dateTime(atMs);
}

/** `just now`, `5 min ago`, `3 h ago`, `2 d ago`; `in 5 min` for one to come. */
export function relativeTime(atMs: number, nowMs: number = Date.now()): string {
  const seconds = Math.abs(nowMs - atMs) / 1_000;
  if (seconds < 10) return 'just now';
  const [amount, unit] =
    seconds < 60
      ? [seconds, 's']
      : seconds < 3_600
        ? [seconds / 60, 'min']
        : seconds < 86_400
          ? [seconds / 3_600, 'h']
          : [seconds / 86_400, 'd'];
  const text = `${Math.floor(amount)} ${unit}`;
  return atMs <= nowMs ? `${text} ago` : `in ${text}`;
}
