import type { JsonObject, JsonValue } from '../../domain/json.ts';

/**
 * A random schema of the language the compiler supports: usually one that something satisfies, sometimes not.
 * References lead to two definitions that every schema has, so recursion is common.
 */
export function randomSchema(random: () => number): JsonObject {
  const whole = (limit: number): number => Math.floor(random() * limit);
  const one = <T>(values: readonly [T, ...T[]]): T => values[whole(values.length)] ?? values[0];
  const chance = (probability: number): boolean => random() < probability;
  const some = (members: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(members).filter(() => chance(0.4)));

  const names = ['a', 'b', 'ab', 'a b', 'é', 'x"y', 'kind', 'n_1', '😀'] as const;
  const patterns = [
    '^[a-z]{1,4}$',
    'b',
    '^(ab|cd)+$',
    '^\\d+\\.\\d{2}$',
    '\\s',
    '^[^"\\\\]*$',
    '^(?!ab)\\w{2,5}$',
    '[é-ü]$',
    '^.{2}',
    '^$|^x',
  ] as const;
  const formats = [
    'date',
    'time',
    'date-time',
    'uuid',
    'email',
    'ipv4',
    'ipv6',
    'uri',
    'duration',
    'hostname',
  ] as const;

  function value(depth: number): JsonValue {
    switch (whole(depth > 1 ? 5 : 7)) {
      case 0:
        return null;
      case 1:
        return chance(0.5);
      case 2:
        return whole(40) - 20;
      case 3:
        return (whole(4000) - 2000) / 16;
      case 4:
        return one(['', 'a', 'x"y', 'é\n', '😀', 'abc', '\\']);
      case 5:
        return Array.from({ length: whole(3) }, () => value(depth + 1));
      default:
        return Object.fromEntries(names.filter(() => chance(0.2)).map((name) => [name, value(depth + 1)]));
    }
  }

  function numeric(type: 'integer' | 'number'): JsonObject {
    const scale = one([1, 10, 1000, 1e9]);
    const low = type === 'integer' ? whole(scale) - Math.floor(scale / 2) : (random() - 0.5) * scale;
    const high = low + (type === 'integer' ? whole(scale) : random() * scale) - (chance(0.05) ? 10 : 0);
    const least = chance(0.5) ? { minimum: low } : { exclusiveMinimum: low };
    const most = chance(0.5) ? { maximum: high } : { exclusiveMaximum: high };
    const step = type === 'integer' && chance(0.2) ? { multipleOf: one([2, 3, 7, 10, 25]) } : {};
    return { type, ...(chance(0.6) ? least : {}), ...(chance(0.6) ? most : {}), ...step };
  }

  function string(): JsonObject {
    const length = some({ minLength: whole(6), maxLength: 3 + whole(12) });
    if (chance(0.4)) return { type: 'string', ...length };
    return chance(0.6)
      ? { type: 'string', pattern: one(patterns), ...length }
      : { type: 'string', format: one(formats) };
  }

  function object(depth: number): JsonObject {
    const chosen = names.filter(() => chance(0.35));
    const extra = chance(0.3)
      ? { additionalProperties: one<JsonValue>([false, true, schema(depth + 1, true)]) }
      : {};
    const keys = chance(0.1)
      ? { patternProperties: { [one(['^n_', 'b$', '\\d'] as const)]: schema(depth + 1, true) } }
      : {};
    const bounds = chance(0.15) ? some({ minProperties: whole(3), maxProperties: 1 + whole(4) }) : {};
    return {
      type: 'object',
      properties: Object.fromEntries(chosen.map((name) => [name, schema(depth + 1, true)])),
      required: chosen.filter(() => chance(0.5)),
      ...extra,
      ...keys,
      ...bounds,
    };
  }

  function array(depth: number): JsonObject {
    const bounds = some({ minItems: whole(3), maxItems: 1 + whole(4) });
    if (chance(0.15))
      return { type: 'array', items: { enum: [1, 2, 'x', null] }, uniqueItems: true, ...bounds };
    if (chance(0.7)) return { type: 'array', items: schema(depth + 1, true), ...bounds };
    const prefix = Array.from({ length: 1 + whole(3) }, () => schema(depth + 1, true));
    return {
      type: 'array',
      prefixItems: prefix,
      ...(chance(0.6) ? { items: one<JsonValue>([false, schema(depth + 1, true)]) } : {}),
      ...bounds,
    };
  }

  function exclusive(depth: number): JsonObject {
    return {
      oneOf: ['x', 'y', 'z'].slice(0, 2 + whole(2)).map((kind) => ({
        type: 'object',
        properties: { kind: { const: kind }, [one(['v', 'w'] as const)]: schema(depth + 1, true) },
        ...(chance(0.7) ? { required: ['kind'] } : {}),
        ...(chance(0.5) ? { additionalProperties: false } : {}),
      })),
    };
  }

  /** `inside`: in a property or an item, where a reference to the definition is recursion and not a cycle. */
  function schema(depth: number, inside: boolean): JsonValue {
    if (depth > 3) return one<JsonValue>([{ type: 'boolean' }, { type: 'integer' }, { const: 'end' }]);
    switch (whole(14)) {
      case 0:
      case 1:
        return numeric('integer');
      case 2:
        return numeric('number');
      case 3:
      case 4:
        return string();
      case 5:
        return { enum: Array.from({ length: 1 + whole(4) }, () => value(0)) };
      case 6:
        return { const: value(0) };
      case 7:
      case 8:
        return object(depth);
      case 9:
        return array(depth);
      case 10:
        return {
          anyOf: Array.from({ length: 1 + whole(3) }, () => schema(depth + 1, inside)),
          ...some({ type: ['object', 'integer', 'string'] }),
        };
      case 11:
        return exclusive(depth);
      case 12:
        return { allOf: [schema(depth + 1, inside), ...(chance(0.4) ? [object(depth + 1)] : [])] };
      default:
        return inside && chance(0.8)
          ? { $ref: one(['#/$defs/first', '#/$defs/second', '#'] as const) }
          : one<JsonValue>([
              true,
              { type: ['string', 'null'], maxLength: 3 },
              { not: { type: 'null' } },
              false,
              {},
            ]);
    }
  }

  const root = chance(0.7) ? object(0) : schema(0, false);
  const definitions = { first: object(1), second: chance(0.5) ? string() : schema(1, false) };
  return { allOf: [root], $defs: definitions };
}
