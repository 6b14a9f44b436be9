import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../domain/json.ts';
import { compileValidator } from './compile-validator.ts';
import { pathOf } from './schema-problem.ts';

function judge(schema: JsonValue, value: unknown): string | undefined {
  const compiled = compileValidator(schema);
  if (!compiled.ok) throw new Error(`${pathOf('schema', compiled.problem.at)} ${compiled.problem.why}`);
  const breach = compiled.validate(value);
  return breach === undefined ? undefined : `${breach.pointer} ${breach.keyword}`;
}

test('the problem of an unknown type lists the known types', () => {
  const compiled = compileValidator({ properties: { a: { type: 'objet' } } });
  expect(compiled).toMatchObject({
    ok: false,
    problem: {
      at: ['properties', 'a', 'type'],
      why: 'must be one of array, boolean, integer, null, number, object, string',
    },
  });
});

describe('a value', () => {
  const order = {
    type: 'object',
    properties: {
      id: { type: 'integer', minimum: 1 },
      lines: { type: 'array', minItems: 1, items: { $ref: '#/$defs/line' } },
    },
    required: ['id', 'lines'],
    additionalProperties: false,
    $defs: { line: { type: 'object', properties: { price: { type: 'number', multipleOf: 0.01 } } } },
  };

  test.each<[string, JsonValue, unknown, string | undefined]>([
    ['that keeps the schema is right', order, { id: 1, lines: [{ price: 19.99 }] }, undefined],
    ['of a wrong type breaks it there', order, { id: 1, lines: [{ price: 'x' }] }, '/lines/0/price type'],
    ['that lacks a part breaks it', order, { id: 1 }, ' required'],
    ['with a part too many breaks it', order, { id: 1, lines: [{}], more: 1 }, ' additionalProperties'],
    ['has only parts of its own', { required: ['toString'] }, {}, ' required'],
    ['is held to formats the engine enforces', { format: 'date-time' }, 'yesterday', ' format'],
    ['is not checked against unknown formats', { format: 'int32' }, 'five', undefined],
    ['is held to patterns by the older rules', { pattern: '^\\_$' }, 'b', ' pattern'],
    ['may be null by OpenAPI’s word', { nullable: true, type: 'string' }, null, undefined],
    [
      'may be null by it without a type too',
      { nullable: true, $ref: '#/$defs/a', $defs: { a: { type: 'string' } } },
      null,
      undefined,
    ],
    ['of a schema with an old id is held to the rest', { id: 'x', type: 'string' }, 5, ' type'],
    ['of a list in the old form is held to it', { items: [{ type: 'string' }] }, [5], '/0 type'],
    ['of a union is held to one of it', { oneOf: [{ const: 1 }, { const: 2 }] }, 3, ' oneOf'],
    [
      'nested in itself is held to all of it',
      { $defs: { n: { properties: { c: { $ref: '#/$defs/n' } }, type: 'object' } }, $ref: '#/$defs/n' },
      { c: { c: 1 } },
      '/c/c type',
    ],
    ['never pleases false', false, {}, ' false schema'],
    ['always pleases true', true, {}, undefined],
  ])('%s', (_name, schema, value, breach) => {
    expect(judge(schema, value)).toBe(breach);
  });

  test('and its schema cannot run code of their own', () => {
    const evil = ['"];process.exit(3);//`$', '{process.exit(4)}\u2028\n'].join('');
    const schema = { properties: { [evil]: { const: evil, pattern: '^' } }, required: [evil], title: evil };
    expect(judge(schema, { [evil]: evil })).toBeUndefined();
    expect(judge(schema, {})).toBe(' required');
  });
});

describe('a schema', () => {
  test.each<[string, JsonValue, string]>([
    ['of a type that there is not', { properties: { a: { type: 'strin' } } }, 'schema.properties.a.type'],
    ['with a number for a list', { anyOf: [{ required: 5 }] }, 'schema.anyOf[0].required'],
    ['of draft 4', { $schema: 'http://json-schema.org/draft-04/schema#' }, 'schema.$schema'],
    ['with the old form of a bound', { exclusiveMinimum: true }, 'schema.exclusiveMinimum'],
    ['with a reference that leads nowhere', { items: { $ref: '#/$defs/x' } }, 'schema.items.$ref'],
    ['that is none', 5, 'schema'],
  ])('%s is refused at its path', (_name, schema, path) => {
    const compiled = compileValidator(schema);
    expect(compiled.ok ? undefined : pathOf('schema', compiled.problem.at)).toBe(path);
  });

  test.each([
    'https://json-schema.org/draft/2020-12/schema',
    'https://json-schema.org/draft/2019-09/schema',
    'http://json-schema.org/draft-07/schema#',
    'http://json-schema.org/draft-06/schema',
  ])('that names its draft is read by it: %s', ($schema) => {
    expect(judge({ $schema, type: 'string' }, 5)).toBe(' type');
  });

  test('may have the $id of another schema', () => {
    expect(judge({ $id: 'urn:example:a', type: 'string' }, 'a')).toBeUndefined();
    expect(judge({ $id: 'urn:example:a', type: 'number' }, 'a')).toBe(' type');
  });
});
