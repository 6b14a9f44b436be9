import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { keywords } from '../schema/keywords.ts';
import { createGenerator, parseGbnf, recognise } from '../testing/gbnf.ts';
import { compileJsonObject, compileSchema } from './compile-schema.ts';

function accepts(schema: JsonValue): (text: string) => boolean {
  const compiled = compileSchema(schema, { path: 'schema' });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.failure));
  const grammar = parseGbnf(compiled.value.gbnf);
  return (text) => recognise(grammar, text).accepted;
}

function refusal(schema: JsonValue): readonly [code: string, param: string | undefined] {
  const compiled = compileSchema(schema, { path: 'schema' });
  return compiled.ok ? ['none', compiled.value.gbnf] : [compiled.failure.code, compiled.failure.param];
}

describe('the text of an answer', () => {
  test('has at most one space, after a colon or a comma', () => {
    const accepted = accepts({ type: 'object', additionalProperties: { type: 'array' } });
    expect(['{"a":[1,2],"b":[]}', '{"a": [1, 2], "b": []}'].map(accepted)).toEqual([true, true]);
    expect(
      ['{ "a":[]}', '{"a":  []}', '{"a" :[]}', '{"a":[] }', '{"a":[]}\n', '{"a":[1,\n2]}'].filter(accepted),
    ).toEqual([]);
  });

  test('is always valid JSON', () => {
    const accepted = accepts({});
    expect(
      [
        '01',
        '1.',
        '.5',
        '+1',
        '-',
        '1e',
        "'a'",
        '"a',
        '"\t"',
        '"\\x"',
        '[1,]',
        '{"a"}',
        '{"a":1,}',
        'nul',
        '',
      ].filter(accepted),
    ).toEqual([]);
  });

  test('holds no half of a surrogate pair', () => {
    const accepted = accepts({ type: 'string' });
    expect(accepted('"\ud83d"')).toBe(false);
    expect(accepted('"\\ud83d"')).toBe(false);
    expect(accepted('"😀"')).toBe(true);
  });

  test('has properties in the order of definition', () => {
    const accepted = accepts({ type: 'object', properties: { b: { type: 'null' }, a: { type: 'null' } } });
    expect(accepted('{"b":null,"a":null}')).toBe(true);
    expect(accepted('{"a":null,"b":null}')).toBe(false);
  });

  test('of an object without a schema is an object', () => {
    const grammar = parseGbnf(compileJsonObject().gbnf);
    expect(['{}', '{"a":[1,{"b":null}]}'].map((text) => recognise(grammar, text).accepted)).toEqual([
      true,
      true,
    ]);
    expect(['[]', '1', '', '{'].filter((text) => recognise(grammar, text).accepted)).toEqual([]);
    const generate = createGenerator(grammar, seededRandom(3));
    for (let count = 0; count < 50; count += 1) expect(JSON.parse(generate(count * 5))).toBeTypeOf('object');
  });

  test('free names of properties are never names that are defined', () => {
    const accepted = accepts({
      type: 'object',
      properties: { ab: { type: 'null' } },
      additionalProperties: { type: 'integer' },
    });
    expect(accepted('{"ab":1}')).toBe(false);
    expect(accepted('{"ab":null,"ab":1}')).toBe(false);
    expect(accepted('{"\\u0061b":1}')).toBe(false);
    expect(accepted('{"a":1,"abc":2,"":3}')).toBe(true);
  });
});

test('alternatives of a oneOf without a type exclude each other by a property', () => {
  const branch = (kind: string): JsonValue => ({ properties: { kind: { const: kind } }, required: ['kind'] });
  const accepted = accepts({ oneOf: [branch('a'), branch('b')] });
  expect(['{"kind":"a"}', '{"kind":"b"}'].map(accepted)).toEqual([true, true]);
  expect(['{}', '1', '{"kind":"c"}'].filter(accepted)).toEqual([]);
});

test('JSON inside a string is compact and at most two levels deep', () => {
  const accepted = accepts({ type: 'string', format: 'json' });
  const written = (value: JsonValue): string => JSON.stringify(JSON.stringify(value));
  const icon: JsonValue = { type: 'external', external: { url: 'https://example.org/?a=ä' } };
  expect(
    [icon, [], {}, null, -1.5, 'x', [[1], { a: true }]].map(written).filter((text) => !accepted(text)),
  ).toEqual([]);
  expect(
    ['', '{', '{a}', '[1,]', '01', '"a', '"\\x"', 'nul'].map((text) => JSON.stringify(text)).filter(accepted),
  ).toEqual([]);
});

test('a pattern of host names with a maxLength becomes a shorter pattern instead of a count', () => {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
  const accepted = accepts({
    pattern: `^(?:${label}\\.)+[a-z][a-z0-9-]{0,61}[a-z]$`,
    maxLength: 253,
    type: 'string',
  });
  const host = (labels: number, length: number): string => `"${`${'a'.repeat(length)}.`.repeat(labels)}com"`;
  expect([host(1, 1), host(6, 30), '"a-b.c.de"'].map(accepted)).toEqual([true, true, true]);
  expect([host(9, 30), '"com"', '"-a.com"', '"a..com"'].filter(accepted)).toEqual([]);
});

test('a pattern whose length can be counted keeps all lengths up to maxLength', () => {
  const accepted = accepts({ type: 'string', pattern: '^[a-z]+(-[a-z]+)*$', maxLength: 200 });
  expect([`"${'a'.repeat(200)}"`, `"${'a-'.repeat(99)}b"`].map(accepted)).toEqual([true, true]);
  expect([`"${'a'.repeat(201)}"`, `"${'a-'.repeat(100)}b"`].filter(accepted)).toEqual([]);
});

describe('alternatives of a oneOf that require properties of their own', () => {
  const id: JsonValue = { type: 'integer' };

  test('are written without the properties of the other, also where other properties are allowed', () => {
    const branch = (name: string): JsonValue => ({
      type: 'object',
      properties: { [name]: id },
      required: [name],
      additionalProperties: true,
    });
    const accepted = accepts({ oneOf: [branch('page'), branch('base')] });
    expect(['{"page":1}', '{"base":1}', '{"page":1,"more":2}'].map(accepted)).toEqual([true, true, true]);
    expect(['{"page":1,"base":2}', '{"base":1,"page":2}', '{}', '{"more":1}'].filter(accepted)).toEqual([]);
  });

  test('mean “exactly one of these” where the properties are defined beside them', () => {
    const accepted = accepts({
      type: 'object',
      properties: { path: id, url: id, text: id, mode: id },
      oneOf: [{ required: ['path'] }, { required: ['url'] }, { required: ['text'] }],
    });
    expect(['{"path":1}', '{"url":1,"mode":2}', '{"text":1}'].map(accepted)).toEqual([true, true, true]);
    expect(['{"mode":1}', '{"path":1,"url":2}', '{"url":1,"text":2}'].filter(accepted)).toEqual([]);
  });

  test('are refused where one holds for all values of another', () => {
    const wide: JsonValue = { type: 'object', properties: { a: id, b: id }, required: ['a'] };
    expect(refusal({ oneOf: [wide, { ...wide, required: ['a', 'b'] }] })).toEqual([
      'unsupported_parameter',
      'schema.oneOf',
    ]);
  });

  test('are refused where a comparison requires a property that another forbids', () => {
    const typed = (kind: string, name: string, required: readonly string[]): JsonValue => ({
      type: 'object',
      properties: { kind: { const: kind }, [name]: id },
      required,
      additionalProperties: true,
    });
    const any: JsonValue = { type: 'object', required: ['kind'], additionalProperties: true };
    expect(refusal({ oneOf: [typed('x', 'a', ['a']), typed('y', 'b', ['b']), any] })).toEqual([
      'unsupported_parameter',
      'schema.oneOf',
    ]);
  });
});

describe('recursion', () => {
  test('through alternatives that refer to themselves ends', () => {
    const accepted = accepts({
      $defs: {
        a: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'string' }, { $ref: '#/$defs/b' }] },
        b: { anyOf: [{ type: 'integer' }, { $ref: '#/$defs/a' }] },
      },
      $ref: '#/$defs/a',
    });
    expect(['"x"', '1'].map(accepted)).toEqual([true, true]);
    expect(['true', 'null', '{}'].filter(accepted)).toEqual([]);
  });

  test.each<[string, JsonValue, string]>([
    [
      'a required property',
      { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] },
      'schema.properties.a',
    ],
    ['a reference to itself', { $ref: '#' }, 'schema.$ref'],
    [
      'two references',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      'schema.$defs.b.$ref',
    ],
    ['an alternative', { anyOf: [{ $ref: '#' }] }, 'schema'],
  ])('that cannot end is refused: %s', (_, schema, path) => {
    const [code, param] = refusal(schema);
    expect(code).toBe('invalid_value');
    expect(param?.startsWith(path) === true || path.startsWith(param ?? '-'), param).toBe(true);
  });
});

describe('a schema that nothing can satisfy', () => {
  test.each<[string, JsonValue, string]>([
    ['false', false, 'schema'],
    [
      'a range',
      { type: 'object', properties: { n: { type: 'integer', minimum: 5, maximum: 3 } }, required: ['n'] },
      'schema.properties.n',
    ],
    ['a range without whole numbers', { type: 'integer', minimum: 0.2, maximum: 0.8 }, 'schema'],
    [
      'a length',
      { type: 'array', items: { type: 'string', minLength: 3, maxLength: 2 }, minItems: 1 },
      'schema.items',
    ],
    ['a pattern and a length', { type: 'string', pattern: '^a{5}$', maxLength: 4 }, 'schema'],
    [
      'types that exclude each other',
      { allOf: [{ type: 'string' }, { type: 'integer' }] },
      'schema.allOf[0]',
    ],
    ['an enum of another type', { type: 'string', enum: [1, 2] }, 'schema'],
    [
      'a required property that is forbidden',
      { type: 'object', properties: { a: {} }, required: ['b'], additionalProperties: false },
      'schema.additionalProperties',
    ],
    ['all alternatives', { anyOf: [false, { type: 'integer', minimum: 2, maximum: 1 }] }, 'schema.anyOf[0]'],
    ['not anything', { not: {} }, 'schema'],
    ['too many needed', { type: 'array', items: { enum: [1, 2] }, uniqueItems: true, minItems: 3 }, 'schema'],
  ])('is refused at its place: %s', (_, schema, path) => {
    expect(refusal(schema)).toEqual(['invalid_value', path]);
  });
});

describe('what cannot be enforced', () => {
  const refused = Object.entries(keywords).filter(([, { status }]) => status === 'refused');

  test.each(refused)('is refused at its path: %s', (name) => {
    const inner: JsonValue = { type: 'object', [name]: { type: 'string' } };
    expect(refusal({ type: 'object', properties: { a: inner } })).toEqual([
      'unsupported_parameter',
      `schema.properties.a.${name}`,
    ]);
  });

  test.each<[JsonValue, string]>([
    [{ properties: { a: { not: { minimum: 3 } } } }, 'schema.properties.a.not'],
    [{ properties: { 'a b': { unknownWord: 1 } } }, 'schema.properties["a b"].unknownWord'],
    [{ type: 'array', items: { $ref: 'https://example.org/schema' } }, 'schema.items.$ref'],
    [{ $ref: '#name' }, 'schema.$ref'],
    [{ type: 'string', format: 'jwt' }, 'schema.format'],
    [{ type: 'integer', format: 'int16' }, 'schema.format'],
    [{ type: 'string', pattern: '(a)\\1' }, 'schema.pattern'],
    [{ type: 'string', pattern: 'a(?=b)' }, 'schema.pattern'],
    [{ type: 'string', pattern: '(?<!a)b' }, 'schema.pattern'],
    [{ type: 'string', pattern: '\\bword\\b' }, 'schema.pattern'],
    [{ type: 'string', pattern: '\\p{L}' }, 'schema.pattern'],
    [{ type: 'array', items: { type: 'string' }, uniqueItems: true }, 'schema.uniqueItems'],
    [{ type: 'number', multipleOf: 0.01 }, 'schema.multipleOf'],
    [{ type: 'integer', multipleOf: 12347 }, 'schema.multipleOf'],
    [{ type: 'object', additionalProperties: {}, minProperties: 2 }, 'schema.minProperties'],
    [
      {
        oneOf: [
          { type: 'string', maxLength: 3 },
          { type: 'string', minLength: 2 },
        ],
      },
      'schema.oneOf',
    ],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'schema.oneOf'],
    [{ oneOf: [{ properties: { a: {} } }, { properties: { b: {} } }] }, 'schema.oneOf'],
    // Both allow "x": keywords of objects assert nothing about a string.
    [{ oneOf: [{ const: 'x', required: ['a'] }, { additionalProperties: false }] }, 'schema.oneOf'],
    [
      { $defs: { x: { allOf: [{ contains: {} }] } }, anyOf: [{ $ref: '#/$defs/x' }] },
      'schema.$defs.x.allOf[0].contains',
    ],
  ])('%j is refused at %s', (schema, path) => {
    expect(refusal(schema)).toEqual(['unsupported_parameter', path]);
  });
});

describe('what is no schema', () => {
  test.each<[JsonValue, string, string]>([
    [5, 'invalid_type', 'schema'],
    [[], 'invalid_type', 'schema'],
    [{ type: 5 }, 'invalid_type', 'schema.type'],
    [{ type: 'strnig' }, 'invalid_value', 'schema.type'],
    [{ type: [] }, 'invalid_value', 'schema.type'],
    [{ properties: [] }, 'invalid_type', 'schema.properties'],
    [{ properties: { a: 1 } }, 'invalid_type', 'schema.properties'],
    [{ required: 'a' }, 'invalid_type', 'schema.required'],
    [{ enum: [] }, 'invalid_value', 'schema.enum'],
    [{ anyOf: [] }, 'invalid_value', 'schema.anyOf'],
    [{ type: 'string', minLength: -1 }, 'invalid_value', 'schema.minLength'],
    [{ type: 'string', maxLength: 1.5 }, 'invalid_value', 'schema.maxLength'],
    [{ type: 'string', pattern: '(' }, 'invalid_value', 'schema.pattern'],
    [{ type: 'string', pattern: '[b-a]' }, 'invalid_value', 'schema.pattern'],
    [{ type: 'integer', multipleOf: 0 }, 'invalid_value', 'schema.multipleOf'],
    [{ $ref: '#/nowhere' }, 'invalid_value', 'schema.$ref'],
    [{ $ref: '#/$defs/%' }, 'invalid_value', 'schema.$ref'],
  ])('%j is refused', (schema, code, path) => {
    expect(refusal(schema)).toEqual([code, path]);
  });
});

describe('size', () => {
  const nested = (levels: number): JsonValue =>
    levels === 0 ? { type: 'null' } : { type: 'array', items: nested(levels - 1) };

  test('is bounded in depth, values, properties, counts and states', () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`p${index}`, {}]));
    expect(refusal(nested(60))[0]).toBe('none');
    expect(refusal(nested(65))).toEqual(['invalid_value', 'schema']);
    expect(refusal({ enum: Array.from({ length: 60_000 }, (_, index) => index) })).toEqual([
      'invalid_value',
      'schema',
    ]);
    expect(refusal({ properties: many })).toEqual(['invalid_value', 'schema.properties']);
    expect(refusal({ type: 'string', maxLength: 1_000_001 })).toEqual(['invalid_value', 'schema.maxLength']);
    expect(refusal({ type: 'array', minItems: 1_000_001 })).toEqual(['invalid_value', 'schema.minItems']);
    expect(refusal({ type: 'string', pattern: 'a.{30}b' })).toEqual(['invalid_value', 'schema.pattern']);
    expect(refusal({ type: 'string', pattern: '((a{1,99}){1,99}){1,99}' })).toEqual([
      'invalid_value',
      'schema.pattern',
    ]);
  });

  /** Thirty definitions, each of which names the next one twice. */
  const doubling = (keyword: 'allOf' | 'anyOf'): JsonValue => ({
    $ref: '#/$defs/d0',
    $defs: Object.fromEntries(
      Array.from({ length: 30 }, (_, index): [string, JsonValue] => {
        const next = { $ref: `#/$defs/d${index + 1}` };
        return [`d${index}`, index === 29 ? { type: 'string' } : { [keyword]: [next, next] }];
      }),
    ),
  });

  test('counts references: thirty schemas with two references each are refused, not visited a billion times', () => {
    for (const keyword of ['allOf', 'anyOf'] as const) {
      const accepted = accepts(doubling(keyword));
      expect([accepted('"a"'), accepted('5')]).toEqual([true, false]);
    }
    // Each combination would be compared with the value.
    expect(refusal({ const: 5, allOf: [{ $ref: '#/$defs/d0' }], ...(doubling('anyOf') as object) })).toEqual([
      'invalid_value',
      'schema',
    ]);
  });

  test('of lists of values is limited in bytes only: they become a tree of their prefixes', () => {
    const list = (count: number, make: (index: number) => JsonValue): JsonValue => ({
      enum: Array.from({ length: count }, (_, index) => make(index)),
    });
    expect(refusal(list(2500, (index) => index * 7))[0]).toBe('none');
    expect(refusal(list(2500, (index) => `value ${index}`))[0]).toBe('none');
    expect(refusal(list(3000, (index) => `${index}`.repeat(100)))).toEqual(['invalid_value', 'schema']);
  });

  test('of a union with a discriminator costs one visit of each alternative', () => {
    const kinds = Array.from({ length: 200 }, (_, index): JsonValue => {
      const properties = { note: { type: 'string' }, kind: { const: `k${index}` } };
      return { type: 'object', properties, required: ['kind'] };
    });
    const compiled = compileSchema({ oneOf: kinds }, { path: 'schema', limits: { maxVisits: 2000 } });
    expect(compiled.ok).toBe(true);
    const twice = compileSchema(
      { oneOf: [...kinds.slice(1), kinds[1] ?? {}] },
      { path: 'schema', limits: { maxVisits: 2000 } },
    );
    expect(twice.ok).toBe(false);
  });

  test('of the grammar grows no faster than the schema', () => {
    const size = (count: number): number => {
      const properties = Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`p${index}`, { type: 'integer' }]),
      );
      const compiled = compileSchema({ type: 'object', properties }, { path: 'schema' });
      return compiled.ok ? compiled.value.gbnf.length : Number.NaN;
    };
    // There are as many rules as the names have letters, and more names have more letters.
    expect(size(800) / size(100)).toBeLessThan(12);
  });

  test('of nested alternatives that would block the check of llama.cpp is refused', () => {
    const level = (depth: number, end: string): JsonValue =>
      depth === 0
        ? { const: end }
        : { anyOf: [{ $ref: `#/$defs/l${depth - 1}` }, { $ref: `#/$defs/m${depth - 1}` }, { const: end }] };
    const $defs = Object.fromEntries(
      Array.from({ length: 30 }, (_, depth) => [
        [`l${depth}`, level(depth, 'l')],
        [`m${depth}`, level(depth, 'm')],
      ]).flat(),
    );
    expect(refusal({ $defs, $ref: '#/$defs/l29' })).toEqual(['invalid_value', 'schema']);
  });

  test('leaves few derivations alive at any point of a text', () => {
    const compiled = compileSchema(
      { type: 'array', items: { type: 'string', maxLength: 5000 } },
      { path: 'schema' },
    );
    if (!compiled.ok) throw new Error(compiled.failure.message);
    const { accepted, widest } = recognise(
      parseGbnf(compiled.value.gbnf),
      JSON.stringify(['x'.repeat(4321)]),
    );
    expect(accepted).toBe(true);
    expect(widest).toBeLessThan(20);
  });
});
