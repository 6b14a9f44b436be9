import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { meets } from '../automata/automaton.ts';
import { countBounds, numberBounds } from './bounds.ts';
import { canonicalJson } from './canonical-json.ts';
import type { JsonType } from './keywords.ts';
import type { SchemaDocument } from './schema-document.ts';
import {
  isList,
  listOf,
  mapOf,
  namedTypes,
  numberOf,
  type Part,
  type PlainPart,
  type Problems,
} from './schema-part.ts';
import { itemPath, memberPath } from './schema-path.ts';
import { excludedTypes } from './schema-types.ts';
import { allConditions, patternConditions, stringConditions } from './string-conditions.ts';

/** Ends alternatives that refer to themselves. Values are finite, so only alternatives can nest without end. */
const maxNesting = 200;

/**
 * Makes a function that decides if a value of an `enum` or a `const` satisfies all other keywords. It rejects a value
 * that matches a `format` but not the compiler's pattern for it; the values that it accepts are always valid.
 */
export function createSatisfies(
  document: SchemaDocument,
  problems: Problems,
): (value: JsonValue, parts: readonly Part[]) => boolean {
  let nesting = 0;
  const lists = new Map<readonly JsonValue[], ReadonlySet<string>>();

  /** A large value is compared with each alternative, so its text is kept. */
  const texts = new Map<JsonValue, string>();

  function canonical(value: JsonValue): string {
    if (typeof value !== 'object' || value === null) return canonicalJson(value);
    const known = texts.get(value) ?? canonicalJson(value);
    texts.set(value, known);
    return known;
  }

  function listed(values: readonly JsonValue[]): ReadonlySet<string> {
    const known = lists.get(values) ?? new Set(values.map(canonicalJson));
    lists.set(values, known);
    return known;
  }

  function satisfies(value: JsonValue, parts: readonly Part[]): boolean {
    const { plain, impossible } = document.expand(parts);
    if (impossible || problems.first !== undefined || nesting > maxNesting) return false;
    nesting += 1;
    const result = plain.every((part) => satisfiesPart(value, part));
    nesting -= 1;
    return result;
  }

  function satisfiesPart(value: JsonValue, part: PlainPart): boolean {
    const { schema } = part;
    const types = namedTypes(schema);
    if (types !== undefined && !types.some((type) => isOfType(value, type))) return false;
    if (excludedTypes(part, problems).some((type) => isOfType(value, type))) return false;
    if (schema['const'] !== undefined && canonical(schema['const']) !== canonical(value)) return false;
    if (isList(schema['enum']) && !listed(schema['enum']).has(canonical(value))) return false;
    const any = branches(part, 'anyOf');
    if (any.length > 0 && !any.some((branch) => satisfies(value, [branch]))) return false;
    const one = branches(part, 'oneOf');
    if (one.length > 0 && one.filter((branch) => satisfies(value, [branch])).length !== 1) return false;
    if (typeof value === 'number') return satisfiesNumber(value, part);
    // Ten characters take about as long as one visit of a schema.
    if (typeof value === 'string') document.charge(Math.floor(value.length / 10));
    if (typeof value === 'string') return meets(allConditions(stringConditions([part], problems)), value);
    if (isList(value)) return satisfiesArray(value, part);
    return !isObject(value) || satisfiesObject(value, part);
  }

  function branches({ schema, path, taken }: PlainPart, name: string): readonly Part[] {
    const at = memberPath(path, name);
    if (taken?.includes(name) === true) return [];
    return listOf(schema, name).map((branch, index) => ({ schema: branch, path: itemPath(at, index) }));
  }

  function satisfiesNumber(value: number, part: PlainPart): boolean {
    const { min, max } = numberBounds([part]);
    const step = numberOf(part.schema, 'multipleOf');
    const within = (min === undefined || value >= min) && (max === undefined || value <= max);
    return within && (step === undefined || Number.isInteger(value / step));
  }

  function satisfiesArray(value: readonly JsonValue[], { schema, path }: PlainPart): boolean {
    const { min, max } = countBounds([{ schema, path }], 'minItems', 'maxItems');
    if (value.length < min || (max !== undefined && value.length > max)) return false;
    if (schema['uniqueItems'] === true && new Set(value.map(canonicalJson)).size < value.length) return false;
    const prefix =
      schema['prefixItems'] === undefined ? listOf(schema, 'items') : listOf(schema, 'prefixItems');
    const rest = isList(schema['items']) ? schema['additionalItems'] : schema['items'];
    return value.every((item, index) => {
      const own = prefix[index] ?? rest;
      return (
        own === undefined ||
        satisfies(item, [{ schema: own, path: itemPath(memberPath(path, 'items'), index) }])
      );
    });
  }

  function satisfiesObject(value: JsonObject, { schema, path }: PlainPart): boolean {
    const names = Object.keys(value);
    const { min, max } = countBounds([{ schema, path }], 'minProperties', 'maxProperties');
    if (names.length < min || (max !== undefined && names.length > max)) return false;
    if (listOf(schema, 'required').some((name) => typeof name === 'string' && !Object.hasOwn(value, name)))
      return false;
    const nameSchema = schema['propertyNames'];
    const properties = mapOf(schema, 'properties');
    const patterns = Object.entries(mapOf(schema, 'patternProperties')).map(([source, inner]) => {
      const at = memberPath(memberPath(path, 'patternProperties'), source);
      return { conditions: patternConditions(source, at, problems), inner, at };
    });
    return Object.entries(value).every(([name, member]) => {
      const own: Part[] = patterns.flatMap(({ conditions, inner, at }) =>
        meets(conditions, name) ? [{ schema: inner, path: at }] : [],
      );
      const defined = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (defined !== undefined)
        own.push({ schema: defined, path: memberPath(memberPath(path, 'properties'), name) });
      const other = schema['additionalProperties'];
      if (own.length === 0 && other !== undefined)
        own.push({ schema: other, path: memberPath(path, 'additionalProperties') });
      if (
        nameSchema !== undefined &&
        !satisfies(name, [{ schema: nameSchema, path: memberPath(path, 'propertyNames') }])
      )
        return false;
      return satisfies(member, own);
    });
  }

  return satisfies;
}

export function isOfType(value: JsonValue, type: JsonType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return isList(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
