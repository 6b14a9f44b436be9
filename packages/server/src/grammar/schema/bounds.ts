import type { JsonObject } from '../../domain/json.ts';
import { numberFormats } from './formats.ts';
import { numberOf, type PlainPart, tightest } from './schema-part.ts';

/** The inclusive bounds of a number over all parts. For an exclusive bound it is the next double. */
export function numberBounds(parts: readonly PlainPart[]): {
  readonly min: number | undefined;
  readonly max: number | undefined;
} {
  const lows: number[] = [];
  const highs: number[] = [];
  for (const { schema } of parts) {
    lows.push(...bound(schema, 'minimum', 'exclusiveMinimum', 'up'));
    highs.push(...bound(schema, 'maximum', 'exclusiveMaximum', 'down'));
    const format = schema['format'];
    const range =
      typeof format === 'string' && Object.hasOwn(numberFormats, format) ? numberFormats[format] : undefined;
    if (range?.min !== undefined) lows.push(range.min);
    if (range?.max !== undefined) highs.push(range.max);
  }
  return {
    min: lows.length === 0 ? undefined : Math.max(...lows),
    max: highs.length === 0 ? undefined : Math.min(...highs),
  };
}

/** Older drafts and OpenAPI 3.0 write `exclusiveMinimum: true` to make `minimum` exclusive. */
function bound(
  schema: JsonObject,
  inclusive: string,
  exclusive: string,
  direction: 'up' | 'down',
): readonly number[] {
  const value = numberOf(schema, inclusive);
  const beyond = numberOf(schema, exclusive);
  return [
    ...(value === undefined ? [] : [schema[exclusive] === true ? neighbour(value, direction) : value]),
    ...(beyond === undefined ? [] : [neighbour(beyond, direction)]),
  ];
}

/** The strictest counts of two keywords such as `minItems` and `maxItems`. */
export function countBounds(
  parts: readonly PlainPart[],
  least: string,
  most: string,
): { readonly min: number; readonly max: number | undefined } {
  return { min: tightest(parts, least, Math.max) ?? 0, max: tightest(parts, most, Math.min) };
}

/** The next double above or below. */
function neighbour(value: number, direction: 'up' | 'down'): number {
  if (value === 0) return direction === 'up' ? Number.MIN_VALUE : -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const away = value > 0 === (direction === 'up');
  view.setBigInt64(0, view.getBigInt64(0) + (away ? 1n : -1n));
  return view.getFloat64(0);
}
