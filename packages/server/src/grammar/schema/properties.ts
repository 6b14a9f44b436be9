import { isObject } from '../../domain/json.ts';
import { isList, listOf, mapOf, type PlainPart } from './schema-part.ts';

/** Names of defined properties in their order, then names that are only required. */
export function definedNames(parts: readonly PlainPart[]): ReadonlySet<string> {
  const names = parts.flatMap(({ schema }) => Object.keys(mapOf(schema, 'properties')));
  const required = parts.flatMap(({ schema }) =>
    listOf(schema, 'required').filter((name) => typeof name === 'string'),
  );
  return new Set([...names, ...required]);
}

/** True where `additionalProperties: false` forbids a property of this name. */
export function forbids({ schema }: PlainPart, name: string): boolean {
  return (
    schema['additionalProperties'] === false &&
    !Object.hasOwn(mapOf(schema, 'properties'), name) &&
    !isObject(schema['patternProperties']) &&
    !isList(schema['properties'])
  );
}
