import { parseExactly, writeExactly } from '../../domain/exact-json.ts';
import { parseForeignJson } from '../../domain/json.ts';

/** What came from outside, as an object; undefined where it is none. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** No answer has this many tokens: what says so is absurd, and is not billed. */
const maxCount = 1_000_000_000;

/** A count of tokens; undefined where it is none (negative, not whole, absurd, not a number). */
export function asCount(value: unknown): number | undefined {
  const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < maxCount;
  return isCount ? value : undefined;
}

/** Undefined where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return parseForeignJson(text);
  } catch {
    return undefined;
  }
}

/** {@link parseJson} for what is written again with {@link jsonOf}, or in the next request. */
export function parseJsonExactly(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

/** Text that may be left out; undefined where it is something else. */
export function textOrNone(value: unknown): string | undefined {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : undefined;
}

/** Undefined where the value is nested deeper than `JSON.stringify` goes (some thousands), though it was parsed. */
export function jsonOf(value: unknown): string | undefined {
  try {
    return writeExactly(value);
  } catch {
    return undefined;
  }
}
