import { isObject } from '../../domain/json.ts';
import { isList, listOf, mapOf, type PlainPart } from './schema-part.ts';

/** In the order of definition, then those that are only required. */
export function definedNames(parts: readonly PlainPart[]): ReadonlySet<string> {
  const names = parts.flatMap(({ schema }) => Object.keys(mapOf(schema, 'properties')));
  const required = parts.flatMap(({ schema }) =>
    listOf(schema, 'required').filter((name) => typeof name === 'string'),
  );
  return new Set([...names, ...required]);
}

export function forbids({ schema }: PlainPart, name: string): boolean {
  return (
    schema['additionalProperties'] === false &&
    !Object.hasOwn(mapOf(schema, 'properties'), name) &&
    !isObject(schema['patternProperties']) &&
    !isList(schema['properties'])
  );
}
