import { type Failure, failure } from '../../domain/failure.ts';
import { isObject, type JsonValue } from '../../domain/json.ts';
import { keepSpellings } from '../../domain/spellings.ts';

/**
 * Says `additionalProperties: false` wherever a schema leaves it open: the API refuses open objects, and an
 * answer to the closed schema is one to the open schema too. What says something else about them has been refused
 * before ({@link schemaProblem}).
 */
export function closeObjects(schema: JsonValue): JsonValue {
  if (!isObject(schema)) return schema;
  // From entries: a keyword may be called `__proto__`.
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
 * Keywords that no answer can be held to there ("For 'integer' type, property 'minimum' is not supported"):
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

/** Deeper references than any schema written by hand; what lies below is left to the API. */
const maxDepth = 200;
/**
 * Parts that are looked at, references followed: many references into one large part would be its size times their
 * number. What lies beyond is left to the API.
 */
const maxParts = 20_000;

/**
 * The first thing in a schema that the API would refuse, as a failure at its path; undefined where nothing known is.
 */
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
      // Definitions are read where they are used: one that nobody refers to is nobody's problem.
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

/** What a reference of the form `#/a/b` points to (RFC 6901), and its path. */
function resolve(root: JsonValue, reference: string): { schema: JsonValue; path: string } | undefined {
  let schema = root;
  let path = '';
  for (const step of reference.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, name)) return undefined;
    const next: JsonValue | undefined = isList(schema) ? schema[Number(name)] : schema[name];
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
