import { readKeyFields, readOverlap } from '../access/administration/read-fields.ts';
import type { JsonValue } from '../domain/json.ts';

/**
 * The message with which the administration would refuse these fields of a key or an owner; undefined where they are right. For
 * commands, which find a wrong value before they touch a server or a store. `nowMs`: Unix milliseconds.
 */
export function keyFieldsProblem(fields: JsonValue, nowMs: number): string | undefined {
  const read = readKeyFields(fields, nowMs);
  return read.ok ? undefined : read.failure.message;
}

/** The same for the overlap of a rotation. */
export function overlapProblem(overlap: string): string | undefined {
  const read = readOverlap({ overlap });
  return read.ok ? undefined : read.failure.message;
}
