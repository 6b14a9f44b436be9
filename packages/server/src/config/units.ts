import { isIP } from 'node:net';
import type { ListenAddress } from './config.ts';

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Reads `250ms`, `10s`, `5m`, `24h` or `90d` as milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  return exact(Number(match[1]) * durationUnits[match[2] as keyof typeof durationUnits]);
}

/** The shortest text that {@link parseDuration} reads as exactly that many milliseconds. */
export function formatDuration(milliseconds: number): string {
  return inLargestUnit(milliseconds, durationUnits, 's');
}

/** ` (a whole number: 1500ms)` for `1.5s`; empty for a text that is no duration either way. */
export function wholeDurationHint(text: string): string {
  return wholeNumberHint(text, durationUnits, formatDuration);
}

/** Reads `512B`, `64KiB`, `1MiB` or `2GiB` as bytes; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(text);
  if (match === null) return undefined;
  return exact(Number(match[1]) * sizeUnits[match[2] as keyof typeof sizeUnits]);
}

/** The shortest text that {@link parseSize} reads as exactly that many bytes. */
export function formatSize(bytes: number): string {
  return inLargestUnit(bytes, sizeUnits, 'B');
}

/** ` (a whole number: 1536KiB)` for `1.5MiB`; empty for a text that is no size either way. */
export function wholeSizeHint(text: string): string {
  return wholeNumberHint(text, sizeUnits, formatSize);
}

/**
 * Reads `127.0.0.1:7245`, `localhost:7245` or `[::1]:7245`; with port 0 the system chooses one. Undefined for any other
 * text: a port alone would not say whether other machines may connect.
 */
export function parseListen(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  const host = bracketed ?? plain ?? '';
  if (bracketed !== undefined ? isIP(bracketed) !== 6 : isIP(host) !== 4 && !isHostName(host))
    return undefined;
  return { host, port, loopback: isLoopback(host) };
}

/** `host` without brackets. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  if (isIP(host) === 4) return host.startsWith('127.');
  // `::1` has many spellings; URL writes every one of them the same way.
  return isIP(host) === 6 && !host.includes('%') && new URL(`http://[${host}]`).hostname === '[::1]';
}

// The last label needs a letter: `127.1` and `0` are addresses to the system's resolver, not names.
const hostName =
  /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

function isHostName(host: string): boolean {
  return host.length <= 253 && hostName.test(host);
}

function exact(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}

function wholeNumberHint(
  text: string,
  units: Readonly<Record<string, number>>,
  format: (value: number) => string,
): string {
  const [, number = '', unit = ''] = /^(\d{1,9}\.\d{1,6}) ?([A-Za-z]{1,3})$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined) return '';
  const value = exact(Number(number) * factor);
  return value === undefined ? ' (a whole number and a unit)' : ` (a whole number: ${format(value)})`;
}

function inLargestUnit(value: number, units: Readonly<Record<string, number>>, unitOfZero: string): string {
  if (value === 0) return `0${unitOfZero}`;
  const [unit, factor] = Object.entries(units).findLast(([, size]) => value % size === 0) ?? ['', 1];
  return `${value / factor}${unit}`;
}
