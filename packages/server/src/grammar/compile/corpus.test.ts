import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { partOf, roundsOf } from '../../testing/suite-part.ts';
import { readCorpus } from '../testing/corpus.ts';
import { createGenerator, parseGbnf, recognise } from '../testing/gbnf.ts';
import { createJudge } from '../testing/judge.ts';
import { type CompiledGrammar, compileSchema } from './compile-schema.ts';

const corpus = readCorpus();
// These schemas of zod cannot be enforced; their entries have no valid value.
const refusals: Readonly<Record<string, string>> = {
  'zod: the format jwt': 'schema.format',
  'zod: the format emoji': 'schema.pattern',
};

function compiled(schema: JsonValue): CompiledGrammar {
  const result = compileSchema(schema, { path: 'schema' });
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

test('the corpus has at least 120 schemas with different names', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(120);
  expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
});

describe.each(
  partOf(
    corpus.filter(({ name }) => refusals[name] === undefined),
    40,
  ),
)('$name', ({ schema, valid, invalid }) => {
  test('the judge agrees with the examples of the corpus', () => {
    const judge = createJudge(schema);
    expect(valid.filter((value) => !judge(value))).toEqual([]);
    expect(invalid.filter((value) => judge(value))).toEqual([]);
  });

  test('valid values are sentences of the grammar, invalid ones are not', () => {
    const grammar = parseGbnf(compiled(schema).gbnf);
    const spaced = (value: JsonValue): string => JSON.stringify(value);
    expect(valid.filter((value) => !recognise(grammar, spaced(value)).accepted)).toEqual([]);
    expect(invalid.filter((value) => recognise(grammar, spaced(value)).accepted)).toEqual([]);
  });

  test('every random sentence is JSON that the judge accepts', () => {
    const judge = createJudge(schema);
    const generate = createGenerator(parseGbnf(compiled(schema).gbnf), seededRandom(7));
    const rounds = roundsOf(40, 12);
    for (let count = 0; count < rounds; count += 1) {
      const sentence = generate((count * 200) / rounds);
      const value: unknown = JSON.parse(sentence);
      expect(judge(value), `${sentence} ${JSON.stringify(judge.errors)}`).toBe(true);
    }
  });
});

test.each(Object.entries(refusals))('%s is refused at its path', (name, path) => {
  const entry = corpus.find((candidate) => candidate.name === name);
  const result = compileSchema(entry?.schema ?? null, { path: 'schema' });
  expect(result).toMatchObject({ ok: false, failure: { code: 'unsupported_parameter', param: path } });
});
