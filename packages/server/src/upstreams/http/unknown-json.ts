import { parseExactly, writeExactly } from '../../domain/exact-json.ts';
import { isObject, type JsonObject, type JsonValue, parseForeignJson } from '../../domain/json.ts';

/** An object out of JSON; undefined for any other value. */
export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

/** A text out of JSON; empty for any other value. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A list out of JSON; empty for any other value. */
export function asList(value: unknown): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

/** No answer has this many tokens: such a count is wrong, and would be billed. */
const maxCount = 1_000_000_000;

/** A count, such as one of tokens; undefined where the value is no number, not whole, negative or too large. */
export function asCount(value: unknown): number | undefined {
  const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < maxCount;
  return isCount ? value : undefined;
}

/** An index: a count, or one that is written as a text. Undefined for any other value. */
export function asIndex(value: unknown): number | undefined {
  return asCount(typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value);
}

/** The value of a JSON text; undefined where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return parseForeignJson(text);
  } catch {
    return undefined;
  }
}

/**
 * {@link parseJson} that keeps the spelling of numbers, for values that are written again by {@link jsonOf} or in a request.
 */
export function parseJsonExactly(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

/** A text that may be absent: empty for null and undefined; undefined for a value that is no text. */
export function optionalText(value: unknown): string | undefined {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : undefined;
}

/** A value as JSON; undefined where it is nested deeper than `JSON.stringify` can write (some thousands of levels). */
export function jsonOf(value: unknown): string | undefined {
  try {
    return writeExactly(value);
  } catch {
    return undefined;
  }
}

/**
 * The arguments of a tool call, or a piece of them, as JSON: a text as it came, a parsed object or list written again, empty
 * where there are none. Undefined for any other value.
 */
export function argumentsText(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? jsonOf(value) : optionalText(value);
}
