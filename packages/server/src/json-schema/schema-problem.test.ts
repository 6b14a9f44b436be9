import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../domain/json.ts';
import { pathOf, schemaProblem } from './schema-problem.ts';

const placeOf = (schema: JsonValue) => {
  const problem = schemaProblem(schema);
  return problem === undefined ? undefined : pathOf('schema', problem.at);
};

describe('a schema is refused before it is compiled', () => {
  test.each<[string, JsonValue, string]>([
    ['a reference elsewhere', { properties: { a: { $ref: 'https://e.org/s' } } }, 'schema.properties.a.$ref'],
    ['a reference to a file', { anyOf: [{ $ref: 'other.json' }] }, 'schema.anyOf[0].$ref'],
    ['a pattern that is none', { items: { pattern: '(' } }, 'schema.items.pattern'],
    ['a name that is no pattern', { patternProperties: { '[': true } }, 'schema.patternProperties["["]'],
    [
      'a name that cannot be checked',
      JSON.parse('{"properties":{"__proto__":{}}}'),
      'schema.properties.__proto__',
    ],
    ['too many characters', { description: 'x'.repeat(300_000) }, 'schema'],
    ['too many parts', { enum: ['a'], allOf: Array.from({ length: 20_001 }, () => ({})) }, 'schema'],
  ])('for %s', (_name, schema, path) => {
    expect(placeOf(schema)).toBe(path);
  });

  test.each<[string, JsonValue]>([
    ['references within it', { $defs: { a: {} }, $ref: '#/$defs/a' }],
    [
      'values that only look like references',
      { enum: [{ $ref: 'x' }], const: { pattern: '(' }, default: { $ref: 'y' } },
    ],
    [
      'properties that are called like keywords',
      { properties: { $ref: { type: 'string' }, pattern: { type: 'string' } } },
    ],
    ['patterns by the older rules', { pattern: '^\\_[\\w\\-]+$' }],
    ['a boolean', true],
  ])('not for %s', (_name, schema) => {
    expect(schemaProblem(schema)).toBeUndefined();
  });
});
