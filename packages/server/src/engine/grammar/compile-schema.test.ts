import { describe, expect, test } from 'vitest';
import { compileSchema } from './compile-schema.ts';
import { parseGbnf, recognise } from './testing/gbnf.ts';

describe('a schema as grammar', () => {
  test('takes every subset of the optional properties, in their order', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'null' }, c: { type: 'boolean' } },
      required: ['b'],
      additionalProperties: false,
    };
    const compiled = compileSchema(schema, { path: 'schema' });
    if (!compiled.ok) throw new Error(compiled.failure.message);
    const grammar = parseGbnf(compiled.value.gbnf);
    const accepted = (value: unknown): boolean => recognise(grammar, JSON.stringify(value)).accepted;
    expect(
      [{ b: null }, { a: 1, b: null }, { b: null, c: true }, { a: 1, b: null, c: true }].map(accepted),
    ).toEqual([true, true, true, true]);
    expect([{}, { a: 1 }, { c: true, b: null }, { b: null, d: 1 }].map(accepted)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});
