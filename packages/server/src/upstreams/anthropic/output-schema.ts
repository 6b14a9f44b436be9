import { type Failure, failure } from '../../domain/failure.ts';
import { isObject, type JsonValue } from '../../domain/json.ts';
import { keepSpellings } from '../../domain/spellings.ts';

/**
 * Adds `additionalProperties: false` to each object schema without that keyword: the API refuses open objects, and an answer
 * that is valid against the closed schema is valid against the open one too. Other values of the keyword were refused before
 * ({@link schemaProblem}).
 */
export function closeObjects(schema: JsonValue): JsonValue {
  if (!isObject(schema)) return schema;
  // `fromEntries`, because a keyword may have the name `__proto__`.
  const closed: Record<string, JsonValue> = Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [keyword, closeIn(keyword, value)]),
  );
  const isOpen = schema['type'] === 'object' || isObject(schema['properties'] ?? null);
  if (isOpen && schema['additionalProperties'] === undefined) closed['additionalProperties'] = false;
  return keepSpellings(schema, closed);
}

function closeIn(keyword: string, value: JsonValue): JsonValue {
  switch (keyword) {
    case 'properties':
    case '$defs':
    case 'definitions':
      return isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, closeObjects(schema)]))
        : value;
    case 'items':
    case 'prefixItems':
    case 'anyOf':
    case 'allOf':
    case 'oneOf':
      return isList(value) ? value.map(closeObjects) : closeObjects(value);
    default:
      return value;
  }
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * Keywords that the API refuses ("For 'integer' type, property 'minimum' is not supported"):
 * platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations".
 */
const notEnforced = new Set([
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'patternProperties',
  'oneOf',
]);

/** Deeper than any schema written by hand; the API judges what is deeper. */
const maxDepth = 200;
/**
 * The maximum number of schema parts that are checked, with the parts to which references point: many references to one large
 * part would multiply its size. The API judges the rest.
 */
const maxParts = 20_000;

/** The failure for the first part of a schema that the API refuses, with its path; undefined where no such part is known. */
export function schemaProblem(schema: JsonValue, path: string): Failure | undefined {
  const references = new Map<string, 'open' | 'done'>([['#', 'open']]);
  let parts = 0;

  function refused(at: string, why: string): Failure {
    return failure('unsupported_parameter', `'${at}' cannot be enforced by this model: ${why}.`, {
      param: at,
    });
  }

  function follow(reference: string, at: string, depth: number): Failure | undefined {
    if (!reference.startsWith('#')) return refused(at, 'only references inside the schema are taken');
    const state = references.get(reference);
    if (state === 'open') return refused(at, 'a schema must not refer to itself');
    const target = state === 'done' ? undefined : resolve(schema, reference);
    if (target === undefined) return undefined;
    references.set(reference, 'open');
    const problem = find(target.schema, `${path}${target.path}`, depth + 1);
    references.set(reference, 'done');
    return problem;
  }

  function find(part: JsonValue, at: string, depth: number): Failure | undefined {
    parts += 1;
    if (!isObject(part) || depth > maxDepth || parts > maxParts) return undefined;
    for (const [keyword, value] of Object.entries(part)) {
      const problem = judge(keyword, value, memberPath(at, keyword), depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  function judge(keyword: string, value: JsonValue, at: string, depth: number): Failure | undefined {
    if (notEnforced.has(keyword)) return refused(at, `'${keyword}' is not supported`);
    switch (keyword) {
      case '$ref':
        return typeof value === 'string' ? follow(value, at, depth) : undefined;
      case 'additionalProperties':
        return value === false ? undefined : refused(at, 'objects must be closed');
      case 'minItems':
        return value === 0 || value === 1 ? undefined : refused(at, 'only 0 and 1 are taken');
      case 'enum':
        return isList(value) && value.some((item) => typeof item === 'object' && item !== null)
          ? refused(at, 'only strings, numbers, booleans and null are taken')
          : undefined;
      // Definitions are checked where a reference points to them: an unused definition may hold anything.
      case 'properties':
        return isObject(value)
          ? each(Object.entries(value), (name) => memberPath(at, name), depth)
          : undefined;
      case 'allOf':
      case 'anyOf':
      case 'prefixItems':
      case 'items': {
        if (!isList(value)) return find(value, at, depth + 1);
        const refers = value.findIndex((item) => isObject(item) && item['$ref'] !== undefined);
        if (keyword === 'allOf' && refers >= 0) {
          return refused(`${at}[${refers}]`, "'allOf' takes no references");
        }
        return each(Object.entries(value), (index) => `${at}[${index}]`, depth);
      }
      default:
        return undefined;
    }
  }

  function each(
    parts: readonly (readonly [string, JsonValue])[],
    pathOf: (name: string) => string,
    depth: number,
  ): Failure | undefined {
    for (const [name, part] of parts) {
      const problem = find(part, pathOf(name), depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  return find(schema, path, 0);
}

/** The schema to which a reference of the form `#/a/b` points (RFC 6901), and its path. */
function resolve(root: JsonValue, reference: string): { schema: JsonValue; path: string } | undefined {
  let schema = root;
  let path = '';
  for (const step of reference.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, name)) return undefined;
    const next = isList(schema) ? schema[Number(name)] : schema[name];
    if (next === undefined) return undefined;
    schema = next;
    path = memberPath(path, name);
  }
  return { schema, path };
}

function memberPath(path: string, name: string): string {
  return /^[A-Za-z_$][\w$-]{0,99}$/.test(name)
    ? `${path}.${name}`
    : `${path}[${JSON.stringify(name.slice(0, 100))}]`;
}
