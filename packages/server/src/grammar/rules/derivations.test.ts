import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { partOf, roundsOf } from '../../testing/suite-part.ts';
import { type CompiledGrammar, compileJsonObject, compileSchema } from '../compile/compile-schema.ts';
import { readCorpus } from '../testing/corpus.ts';
import { createGenerator, type Gbnf, parseGbnf, recognise } from '../testing/gbnf.ts';
import { randomSchema } from '../testing/random-schema.ts';
import { derivations } from './derivations.ts';
import { choice, sequence, text } from './expression.ts';
import { leftFactor } from './left-factor.ts';
import { printGbnf } from './print-gbnf.ts';
import { createRuleSet, type Rule } from './rule-set.ts';

function compile(schema: JsonValue): CompiledGrammar {
  const compiled = compileSchema(schema, { path: 'schema' });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.failure));
  return compiled.value;
}

/** The most derivations of random sentences at one point, counted as llama.cpp does. */
function widest(grammar: Gbnf, seed: number): number {
  const generate = createGenerator(grammar, seededRandom(seed));
  const sentences = [20, 100, 300].map((budget) => generate(budget)).filter(({ length }) => length < 2000);
  return Math.max(0, ...sentences.map((sentence) => recognise(grammar, sentence).widest));
}

const operation = (name: string): JsonValue => ({
  type: 'object',
  properties: { left: { $ref: '#/$defs/E' }, right: { $ref: '#/$defs/E' }, op: { const: name } },
  required: ['left', 'right', 'op'],
  additionalProperties: false,
});
const leaf: JsonValue = { type: 'object', properties: { value: { type: 'integer' } }, required: ['value'] };
/** What pydantic makes of `Expr = Add | Mul | … | Num`. */
const expression = (operations: number): JsonValue => ({
  $ref: '#/$defs/E',
  $defs: {
    E: { anyOf: [...Array.from({ length: operations }, (_, index) => operation(`op${index}`)), leaf] },
  },
});
/** An expression nested so many levels deep on its left. */
const nested = (levels: number): JsonValue =>
  levels === 0 ? { value: 1 } : { left: nested(levels - 1), right: { value: 2 }, op: 'op1' };

describe('the bound on derivations', () => {
  test('holds for random sentences of every schema of the corpus', () => {
    const wrong = partOf(readCorpus(), 30).flatMap(({ name, schema }) => {
      const compiled = compileSchema(schema, { path: 'schema' });
      if (!compiled.ok) return [];
      const found = widest(parseGbnf(compiled.value.gbnf), 11);
      return found <= compiled.value.mostDerivations ? [] : [`${name}: ${found}`];
    });
    expect(wrong).toEqual([]);
  });

  test('holds for random sentences of random schemas', () => {
    const random = seededRandom(99);
    const wrong: string[] = [];
    for (let count = 0; count < roundsOf(150, 20); count += 1) {
      const schema = randomSchema(random);
      const compiled = compileSchema(schema, { path: 'schema' });
      if (!compiled.ok) continue;
      const found = widest(parseGbnf(compiled.value.gbnf), count);
      if (found > compiled.value.mostDerivations) wrong.push(`${JSON.stringify(schema)}: ${found}`);
    }
    expect(wrong).toEqual([]);
  });

  test('is small for any JSON object', () => {
    expect(compileJsonObject().mostDerivations).toBeLessThan(20);
  });
});

describe('recursive unions whose alternatives begin alike', () => {
  test.each([2, 50])('%i of them cost the same at each depth', (operations) => {
    const grammar = parseGbnf(compile(expression(operations)).gbnf);
    const [shallow, deep] = [2, 40].map((levels) => recognise(grammar, JSON.stringify(nested(levels))));
    expect([shallow?.accepted, deep?.accepted]).toEqual([true, true]);
    expect(deep?.widest).toBe(shallow?.widest);
    expect(recognise(grammar, JSON.stringify({ left: { value: 1 }, op: 'op1' })).accepted).toBe(false);
    expect(recognise(grammar, JSON.stringify({ ...Object(nested(1)), op: 'other' })).accepted).toBe(false);
  });

  test.each<[string, JsonValue]>([
    ['first', { properties: { kind: { const: 'k' } } }],
    ['last', { properties: { child: { $ref: '#' }, note: { type: 'string' } } }],
  ])('are accepted with the discriminator %s', (where, start) => {
    const kinds = ['a', 'b', 'c'].map((kind) => {
      const own = { kind: { const: kind } };
      const { properties } = start as { properties: object };
      const members = where === 'first' ? { ...own, next: { $ref: '#' } } : { ...properties, ...own };
      return { type: 'object', properties: members, required: ['kind'] };
    });
    const grammar = parseGbnf(compile({ anyOf: kinds } as JsonValue).gbnf);
    const value =
      where === 'first' ? { kind: 'a', next: { kind: 'b' } } : { child: { kind: 'c' }, kind: 'a' };
    expect(recognise(grammar, JSON.stringify(value)).accepted).toBe(true);
    expect(recognise(grammar, JSON.stringify({ ...value, kind: 'd' })).accepted).toBe(false);
  });

  test('are refused at the union where the common property has different recursive schemas', () => {
    const half = (name: string): JsonValue => ({
      type: 'object',
      properties: { left: { $ref: `#/$defs/${name}` }, op: { const: name } },
      required: ['left', 'op'],
    });
    const either = (end: JsonValue): JsonValue => ({ anyOf: [half('P'), half('Q'), end] });
    const schema: JsonValue = {
      $ref: '#/$defs/P',
      $defs: { P: either({ const: 1 }), Q: either({ const: 2 }) },
    };
    const compiled = compileSchema(schema, { path: 'schema' });
    expect(compiled).toMatchObject({ ok: false, failure: { code: 'invalid_value' } });
    expect(!compiled.ok && compiled.failure.param).toMatch(/^schema\.\$defs\.[PQ]/);
  });
});

describe('many alternatives that overlap', () => {
  const many = (count: number, make: (index: number) => JsonValue): JsonValue => ({
    anyOf: Array.from({ length: count }, (_, index) => make(index)),
  });

  test.each<[string, JsonValue]>([
    ['strings of other lengths', many(1000, (index) => ({ type: 'string', maxLength: index + 1 }))],
    ['lists of other lengths', many(1000, (index) => ({ items: { type: 'string' }, maxItems: index + 1 }))],
    ['values', many(1000, (index) => ({ const: `v${index}` }))],
    ['numbers', { enum: Array.from({ length: 3000 }, (_, index) => index * 3) }],
    ['patterns', many(60, (index) => ({ type: 'string', pattern: `^[a-z]{1,9}-${index}$` }))],
    [
      'properties',
      {
        type: 'object',
        properties: Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`p${index}`, true])),
      },
    ],
  ])('are followed together: %s', (_, schema) => {
    const compiled = compile(schema);
    expect(compiled.mostDerivations).toBeLessThan(40);
    expect(widest(parseGbnf(compiled.gbnf), 4)).toBeLessThanOrEqual(compiled.mostDerivations);
  });
});

/** `root ::= "(" root ")" "a" | "(" root ")" "b" | "x"`. */
function doubling(): readonly Rule[] {
  const rules = createRuleSet();
  const root = rules.declare('here');
  const self = { kind: 'rule', id: root.id } as const;
  const pair = (end: string) => sequence(text('('), self, text(')'), text(end));
  root.body = choice(pair('a'), pair('b'), text('x'));
  return rules.rules;
}

test('alternatives that double at every level have no bound, and one derivation once they share their beginning', () => {
  const rules = doubling();
  expect(derivations(rules, 1000, 1000)).toEqual({ most: 1001, path: 'here' });
  const factored = leftFactor(rules, 1000);
  expect(derivations(factored, 1000, 1000).most).toBeLessThan(5);
  const [before, after] = [rules, factored].map((grammar) => parseGbnf(printGbnf(grammar) ?? ''));
  if (before === undefined || after === undefined) throw new Error('no grammar');
  expect(recognise(before, '((((((x').widest).toBe(2 ** 6 * 3);
  for (const value of ['x', '(x)a', '((x)a)b', '((x)b', '(x)c', '()a', '']) {
    expect(recognise(after, value).accepted, value).toBe(recognise(before, value).accepted);
  }
});
