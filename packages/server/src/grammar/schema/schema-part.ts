import type { ErrorCode } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { type JsonType, jsonTypes, keyword, type Shape } from './keywords.ts';
import { memberPath } from './schema-path.ts';

/** A schema and its place. A list of parts means that a value must satisfy all of them. */
export interface Part {
  readonly schema: JsonValue;
  readonly path: string;
  /** Of `anyOf` and `oneOf`: those of which an alternative has already been chosen. */
  readonly taken?: readonly string[];
  /** True where `$ref` and `allOf` have been followed: their schemas are parts of the same list. */
  readonly expanded?: true;
}

export interface PlainPart extends Part {
  readonly schema: JsonObject;
}

/** Keeps the first problem of a schema; a later one may only follow from it. */
export interface Problems {
  readonly first: Failure | undefined;
  refuse(code: ErrorCode, param: string, message: string): void;
}

export function createProblems(): Problems {
  let first: Failure | undefined;
  return {
    get first() {
      return first;
    },
    refuse(code, param, message) {
      first ??= failure(code, message, { param });
    },
  };
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isSchema(value: JsonValue | undefined): value is JsonObject | boolean {
  return typeof value === 'boolean' || isObject(value);
}

/** Refuses keywords that cannot be enforced and values of the wrong shape. */
export function checkKeywords({ schema, path }: PlainPart, problems: Problems): void {
  for (const [name, value] of Object.entries(schema)) {
    const { status, shape } = keyword(name);
    const at = memberPath(path, name);
    if (status === 'refused' && !assertsNothing(name, value)) {
      problems.refuse(
        'unsupported_parameter',
        at,
        `The keyword “${name}” cannot be enforced while the answer is generated; leave it out, or say the same with the keywords that docs/structured-output.md lists.`,
      );
    }
    if (shape !== 'anything' && !fits(value, shape)) {
      const code = rightType(value, shape) ? 'invalid_value' : 'invalid_type';
      problems.refuse(code, at, `“${name}” must be ${wanted[shape]}, not ${show(value)}.`);
    }
  }
}

function assertsNothing(name: string, value: JsonValue): boolean {
  return (
    name.startsWith('unevaluated') && (value === true || (isObject(value) && Object.keys(value).length === 0))
  );
}

const wanted: Readonly<Record<Exclude<Shape, 'anything'>, string>> = {
  boolean: 'true or false',
  count: 'a whole number, 0 or more',
  list: 'a list of at least one value',
  names: 'a list of property names',
  number: 'a number',
  'positive number': 'a number greater than 0',
  'number or boolean': 'a number',
  schema: 'a schema (an object, true or false)',
  'schema or list of schemas': 'a schema or a list of schemas',
  'list of schemas': 'a list of at least one schema',
  'map of schemas': 'an object whose values are schemas',
  string: 'a string',
  type: `one of ${jsonTypes.join(', ')}, or a list of them`,
};

function fits(value: JsonValue, shape: Exclude<Shape, 'anything'>): boolean {
  switch (shape) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'count':
      return typeof value === 'number' && Number.isInteger(value) && value >= 0;
    case 'list':
      return isList(value) && value.length > 0;
    case 'names':
      return isList(value) && value.every((name) => typeof name === 'string');
    case 'number':
      return typeof value === 'number';
    case 'positive number':
      return typeof value === 'number' && value > 0;
    case 'number or boolean':
      return typeof value === 'number' || typeof value === 'boolean';
    case 'schema':
      return isSchema(value);
    case 'schema or list of schemas':
      return isSchema(value) || (isList(value) && value.every(isSchema));
    case 'list of schemas':
      return isList(value) && value.length > 0 && value.every(isSchema);
    case 'map of schemas':
      return isObject(value) && Object.values(value).every(isSchema);
    case 'string':
      return typeof value === 'string';
    case 'type':
      return isList(value) ? value.length > 0 && value.every(isType) : isType(value);
  }
}

/** True where the JSON type is right and only the value is wrong: the failure has another code then. */
function rightType(value: JsonValue, shape: Shape): boolean {
  if (shape === 'count' || shape === 'positive number') return typeof value === 'number';
  if (shape === 'list' || shape === 'list of schemas') return isList(value) && value.length === 0;
  if (shape === 'type') return typeof value === 'string' || isList(value);
  return false;
}

function isType(value: JsonValue): value is JsonType {
  return jsonTypes.some((type) => type === value);
}

export function show(value: JsonValue): string {
  const json = JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
}

/** True where a part asserts nothing by itself; its `$ref` and `allOf` are other parts of the list. */
export function isInert({ schema, taken = [] }: PlainPart): boolean {
  return Object.keys(schema).every(
    (name) =>
      keyword(name).status !== 'enforced' || name === '$ref' || name === 'allOf' || taken.includes(name),
  );
}

/** The types that `type` and `nullable` name; undefined without `type`. */
export function namedTypes(schema: JsonObject): readonly JsonType[] | undefined {
  const { type, nullable } = schema;
  if (type === undefined) return undefined;
  const named = (isList(type) ? type : [type]).filter(isType);
  return nullable === true ? [...named, 'null'] : named;
}

export function numberOf(schema: JsonObject, name: string): number | undefined {
  const value = schema[name];
  return typeof value === 'number' ? value : undefined;
}

export function mapOf(schema: JsonObject, name: string): JsonObject {
  const value = schema[name];
  return isObject(value) ? value : {};
}

export function listOf(schema: JsonObject, name: string): readonly JsonValue[] {
  const value = schema[name];
  return isList(value) ? value : [];
}

/** The strictest value of a bound over several parts; undefined where no part has it. */
export function tightest(
  parts: readonly PlainPart[],
  name: string,
  pick: (...values: number[]) => number,
): number | undefined {
  const values = parts.flatMap(({ schema }) => numberOf(schema, name) ?? []);
  return values.length === 0 ? undefined : pick(...values);
}
