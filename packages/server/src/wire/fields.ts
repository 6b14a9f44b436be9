import { type Failure, failure } from '../domain/failure.ts';
import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { KnownMembers } from '../domain/read-spellings.ts';
import { pickMembers } from '../domain/spellings.ts';

/**
 * Reads an unknown JSON object field by field. Of all mistakes the first one is kept; a field with a mistake reads as
 * absent. The decoder looks for a mistake once, at its end: no exceptions, and no check after each field.
 *
 * Paths are those of the client's JSON: `messages[2].content`. `null` for an optional field means absent.
 */
export interface Place {
  readonly object: JsonObject;
  /** Empty at the top. */
  readonly path: string;
  readonly findings: Findings;
}

export interface Findings {
  /** Keeps the first failure only. */
  report(reason: Failure): void;
  first(): Failure | undefined;
}

export function createFindings(): Findings {
  let found: Failure | undefined;
  return {
    report: (reason) => {
      found ??= reason;
    },
    first: () => found,
  };
}

export function pathTo(place: Place, key: string): string {
  return place.path === '' ? key : `${place.path}.${key}`;
}

/** The raw value, or undefined where the field is absent or null. */
export function rawField(place: Place, key: string): Exclude<JsonValue, null> | undefined {
  if (!Object.hasOwn(place.object, key)) return undefined;
  return place.object[key] ?? undefined;
}

export function wrongType(findings: Findings, param: string, expected: string, value: JsonValue): undefined {
  findings.report(
    failure('invalid_type', `Expected ${expected} for '${param}', got ${describeValue(value)}.`, { param }),
  );
}

export function wrongValue(findings: Findings, param: string, message: string): undefined {
  findings.report(failure('invalid_value', message, { param }));
}

export function missing(place: Place, key: string, what: string): undefined {
  const param = pathTo(place, key);
  place.findings.report(failure('missing_parameter', `'${param}' is required: ${what}.`, { param }));
}

/** The kind of a value, in words; never the value of a string, which may be content. */
export function describeValue(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'string') return 'a string';
  if (typeof value === 'object') return 'an object';
  return String(value);
}

/** A field with one plain value, in the words of JSON Schema: what reads it and what describes the API are the same object. */
export type PlainSchema =
  | { readonly type: 'number' | 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'string'; readonly maxLength?: number }
  | { readonly type: 'string'; readonly enum: readonly string[] };

type PlainValue<Schema extends PlainSchema> = Schema extends { readonly enum: readonly (infer Word)[] }
  ? Word
  : Schema extends { readonly type: 'string' }
    ? string
    : Schema extends { readonly type: 'boolean' }
      ? boolean
      : number;

/** Reads the field `key` of `fields`; undefined where it is absent or wrong. */
export function plainField<
  const Fields extends Readonly<Record<string, PlainSchema>>,
  Key extends keyof Fields & string,
>(place: Place, fields: Fields, key: Key): PlainValue<Fields[Key]> | undefined {
  // The reader of each form returns its value; the compiler does not join the two.
  return readPlain(place, key, fields[key] as PlainSchema) as PlainValue<Fields[Key]> | undefined;
}

function readPlain(place: Place, key: string, schema: PlainSchema): string | number | boolean | undefined {
  switch (schema.type) {
    case 'number':
      return numberField(place, key, schema.minimum, schema.maximum);
    case 'integer':
      return integerField(place, key, schema.minimum, schema.maximum);
    case 'boolean':
      return booleanField(place, key);
    case 'string':
      return 'enum' in schema
        ? enumField(place, key, schema.enum)
        : stringField(place, key, schema.maxLength);
  }
}

export function numberField(place: Place, key: string, min: number, max: number): number | undefined {
  const value = rawField(place, key);
  if (value === undefined) return undefined;
  return numberAt(place.findings, pathTo(place, key), value, min, max);
}

export function numberAt(
  findings: Findings,
  param: string,
  value: JsonValue,
  min: number,
  max: number,
): number | undefined {
  if (typeof value !== 'number') return wrongType(findings, param, 'a number', value);
  if (!(value >= min && value <= max)) {
    return wrongValue(findings, param, `'${param}' must be between ${min} and ${max}, got ${value}.`);
  }
  return value;
}

export function integerField(place: Place, key: string, min: number, max: number): number | undefined {
  const value = rawField(place, key);
  if (value === undefined) return undefined;
  const param = pathTo(place, key);
  // JSON's 1e999 is parsed as Infinity: a number out of range, not a wrong type.
  if (typeof value !== 'number' || (Number.isFinite(value) && !Number.isInteger(value))) {
    return wrongType(place.findings, param, 'an integer', value);
  }
  return numberAt(place.findings, param, value, min, max);
}

export function booleanField(place: Place, key: string): boolean | undefined {
  const value = rawField(place, key);
  if (value === undefined || typeof value === 'boolean') return value;
  return wrongType(place.findings, pathTo(place, key), 'true or false', value);
}

export function stringField(
  place: Place,
  key: string,
  maxLength = Number.POSITIVE_INFINITY,
): string | undefined {
  const value = rawField(place, key);
  if (value === undefined) return undefined;
  return stringAt(place.findings, pathTo(place, key), value, maxLength);
}

/** The text, with U+FFFD for half of a surrogate pair. */
export function stringAt(
  findings: Findings,
  param: string,
  value: JsonValue,
  maxLength = Number.POSITIVE_INFINITY,
): string | undefined {
  if (typeof value !== 'string') return wrongType(findings, param, 'a string', value);
  if (value.length > maxLength) {
    return wrongValue(
      findings,
      param,
      `'${param}' may have at most ${maxLength} characters, got ${value.length}.`,
    );
  }
  return value.toWellFormed();
}

export function enumField<const T extends string>(
  place: Place,
  key: string,
  allowed: readonly T[],
): T | undefined {
  const text = stringField(place, key);
  if (text === undefined) return undefined;
  const known = allowed.find((one) => one === text);
  if (known !== undefined) return known;
  const param = pathTo(place, key);
  return wrongValue(
    place.findings,
    param,
    `'${param}' must be one of ${allowed.join(', ')}${gotWord(text)}.`,
  );
}

/** `, got 'bot'`: only a short word, which cannot be content of a message, is repeated. */
function gotWord(text: string): string {
  return /^[\w.-]{1,32}$/.test(text) ? `, got '${text}'` : '';
}

export function objectField(place: Place, key: string): Place | undefined {
  const value = rawField(place, key);
  if (value === undefined) return undefined;
  return objectAt(place.findings, pathTo(place, key), value);
}

export function objectAt(findings: Findings, path: string, value: JsonValue): Place | undefined {
  if (!isObject(value)) return wrongType(findings, path, 'an object', value);
  return { object: value, path, findings };
}

/**
 * The members of an object for which the decoded request has no field: those that are not `known`, and the `uninterpreted`
 * ones unless they are null. Undefined where there are none.
 */
export function restOf(
  { object }: Place,
  known: KnownMembers,
  uninterpreted: ReadonlySet<string> = nothing,
): JsonObject | undefined {
  let names: string[] | undefined;
  for (const name of Object.keys(object)) {
    if (known.has(name) && !(uninterpreted.has(name) && object[name] !== null)) continue;
    if (names === undefined) names = [name];
    else names.push(name);
  }
  return names === undefined ? undefined : pickMembers(object, names);
}

const nothing: ReadonlySet<string> = new Set();

/** `rest` and `nestedRest` as members of a decoded object; absent where they are undefined. */
export function restMembers(
  rest: JsonObject | undefined,
  nestedRest?: JsonObject,
): { readonly rest?: JsonObject; readonly nestedRest?: JsonObject } {
  return {
    ...(rest === undefined ? {} : { rest }),
    ...(nestedRest === undefined ? {} : { nestedRest }),
  };
}

/** Decodes each element up to the first mistake; with a mistake the list is undefined. */
export function listField<T>(
  place: Place,
  key: string,
  maxItems: number,
  decode: (value: JsonValue, path: string, findings: Findings) => T | undefined,
): T[] | undefined {
  const value = rawField(place, key);
  if (value === undefined) return undefined;
  const param = pathTo(place, key);
  if (!Array.isArray(value)) return wrongType(place.findings, param, 'an array', value);
  return listAt(place.findings, param, value, maxItems, decode);
}

export function listAt<T>(
  findings: Findings,
  param: string,
  value: readonly JsonValue[],
  maxItems: number,
  decode: (value: JsonValue, path: string, findings: Findings) => T | undefined,
): T[] | undefined {
  if (value.length > maxItems) {
    return wrongValue(findings, param, `'${param}' may have at most ${maxItems} items, got ${value.length}.`);
  }
  const items: T[] = [];
  for (const [index, item] of value.entries()) {
    const decoded = decode(item, `${param}[${index}]`, findings);
    if (decoded !== undefined) items.push(decoded);
    if (findings.first() !== undefined) return undefined;
  }
  return items;
}
