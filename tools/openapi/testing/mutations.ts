import type { JsonObject, JsonValue } from '../../../packages/server/src/domain/json.ts';

/** The places of a value, as paths from its root; the root itself is the empty path. */
function placesIn(
  value: JsonValue,
  path: readonly (string | number)[] = [],
): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries: readonly (readonly [string | number, JsonValue])[] = Array.isArray(value)
    ? value.map((item: JsonValue, index) => [index, item] as const)
    : Object.entries(value as JsonObject).map(([key, item]) => [key, item] as const);
  return [path, ...entries.flatMap(([key, item]) => placesIn(item, [...path, key]))];
}

/** A value with another one in one of its places, or without it. `random` draws from 0 up to 1. */
export function mutate(value: JsonValue, others: readonly JsonValue[], random: () => number): JsonValue {
  const draw = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const place = draw(placesIn(value)) ?? [];
  const other = random() < 0.2 ? undefined : (draw(others) ?? null);
  return replaceAt(value, place, other) ?? null;
}

function replaceAt(
  value: JsonValue,
  [key, ...rest]: readonly (string | number)[],
  other: JsonValue | undefined,
): JsonValue | undefined {
  if (key === undefined) return other;
  if (Array.isArray(value)) {
    return value.flatMap((item: JsonValue, index) => {
      if (index !== key) return [item];
      const changed = replaceAt(item, rest, other);
      return changed === undefined ? [] : [changed];
    });
  }
  const entries = Object.entries(value as JsonObject).flatMap(([name, item]) => {
    if (name !== key) return [[name, item] as const];
    const changed = replaceAt(item, rest, other);
    return changed === undefined ? [] : [[name, changed] as const];
  });
  return Object.fromEntries(entries);
}
