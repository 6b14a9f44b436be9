import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { asRecord, parseJsonExactly } from './unknown-json.ts';

/** Headers of every request; the transport adds those of the provider. */
export const requestHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  accept: 'text/event-stream',
  'user-agent': 'tailrace',
};

export function withoutUndefined(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const kept: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) kept[key] = value;
  return kept;
}

/**
 * The arguments of a call in the history, for providers that take an object: none is an empty one, and what
 * is no object (a call that was cut off) is handed over as it was written, as `{"arguments": "…"}`. So is what
 * is nested deeper than a request may be: a text inside it is no way around that bound.
 */
export function argumentsObject(written: string): JsonObject {
  if (written.trim() === '') return {};
  const parsed = asRecord(parseJsonExactly(written));
  if (parsed === undefined || !isWithin(parsed, maxNesting)) return { arguments: written };
  // Just parsed, and an object: JSON throughout.
  return parsed as JsonObject;
}

const maxNesting = 64;

function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isWithin(inner, levels - 1));
}
