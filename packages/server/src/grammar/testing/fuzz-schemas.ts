import { seededRandom } from '../../testing/seeded-random.ts';
import { compileSchema } from '../compile/compile-schema.ts';
import { createGenerator, parseGbnf } from './gbnf.ts';
import { createJudge } from './judge.ts';
import { randomSchema } from './random-schema.ts';

export interface FuzzReport {
  readonly grammars: number;
  readonly sentences: number;
  /** Refused schemas, by code; most of them have no valid value. */
  readonly refused: Readonly<Record<string, number>>;
  /** Sentences that the judge does not accept. A test expects none. */
  readonly invalid: readonly string[];
}

/** Makes random schemas and three random sentences of each grammar; the judge validates these. */
export function fuzzSchemas(seed: number, schemas: number): FuzzReport {
  const random = seededRandom(seed);
  const refused: Record<string, number> = {};
  const invalid: string[] = [];
  let grammars = 0;
  let sentences = 0;
  for (let count = 0; count < schemas; count += 1) {
    const schema = randomSchema(random);
    const compiled = compileSchema(schema, { path: 'schema' });
    if (!compiled.ok) {
      refused[compiled.failure.code] = (refused[compiled.failure.code] ?? 0) + 1;
      continue;
    }
    grammars += 1;
    const judge = createJudge(schema);
    const generate = createGenerator(parseGbnf(compiled.value.gbnf), random);
    for (const budget of [20, 100, 300]) {
      const sentence = generate(budget);
      sentences += 1;
      if (!judge(JSON.parse(sentence))) {
        invalid.push(`${JSON.stringify(schema)}\n${sentence}\n${JSON.stringify(judge.errors)}`);
      }
    }
  }
  return { grammars, sentences, refused, invalid };
}
