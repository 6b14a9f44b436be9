import { describe, expect, test } from 'vitest';
import { checkSchema, checkValue } from './check-schema.ts';

describe('a schema that a person writes', () => {
  test.each([
    '{}',
    '{"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"]}',
    '{"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"$ref":"#"}}}}',
    '{"type":"string","pattern":"^a+$","unknown keyword":1}',
    '{"properties":{"pattern":{"type":"string"}}}',
  ])('is taken: %s', (schema) => {
    expect(checkSchema(schema)).toEqual([]);
  });

  test.each([
    ['{"type":"object",}', 'No JSON at line 1, column 18: a name in quotes is expected.'],
    ['[]', 'A schema is an object: { … }.'],
    ['{"type":"text"}', 'type: '],
    ['{"properties":{"a":{"type":"strin"}}}', 'properties.a.type: '],
    ['{"required":"a"}', 'required: '],
    ['{"properties":[]}', 'properties: '],
    ['{"items":{"minLength":-1}}', 'items.minLength: '],
    ['{"properties":{"a":{"$ref":"#/$defs/gone"}}}', 'properties.a.$ref: #/$defs/gone does not exist'],
    ['{"pattern":"("}', 'pattern: this is no regular expression.'],
  ])('is refused with the place: %s', (schema, said) => {
    expect(checkSchema(schema).join('\n')).toContain(said);
  });
});

describe('a value against its schema', () => {
  const schema = JSON.stringify({
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'array', items: { type: 'integer', maximum: 7 } } },
    required: ['city'],
    additionalProperties: false,
  });

  test('is valid, or each error has its path', () => {
    expect(checkValue('{"city":"Bern","days":[1,2]}', schema)).toEqual([]);
    const errors = checkValue('{"days":[1,9,"x"],"__proto__":1}', schema)?.join('\n');
    expect(errors).toContain('the whole: ');
    expect(errors).toContain('days.1: ');
    expect(errors).toContain('days.2: ');
    expect(errors).toContain('__proto__: ');
    expect(errors).not.toContain('Items did not match');
  });

  test('is not judged by a schema that is none', () => {
    expect(checkValue('{}', '{"type":"text"}')).toBeUndefined();
    expect(checkValue('{"a"', '{}')).toEqual(['The JSON ends too early: ":" is missing.']);
  });

  test('may be nested deeper than the validator can go', () => {
    const deep = '['.repeat(10_000) + ']'.repeat(10_000);
    expect(checkValue(deep, '{"items":{"$ref":"#"}}')).toEqual(['It is nested too deep to be checked.']);
  });
});
