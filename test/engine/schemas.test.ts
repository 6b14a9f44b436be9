import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonValue } from '../../packages/server/src/domain/json.ts';
import { readCorpus } from '../../packages/server/src/grammar/testing/corpus.ts';
import { createJudge } from '../../packages/server/src/grammar/testing/judge.ts';
import { randomSchema } from '../../packages/server/src/grammar/testing/random-schema.ts';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';
import { partOf, roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { writeRandomGguf } from '../support/random-gguf.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { ask, startTestEngine, type TestEngine } from './ask.ts';

let scratch: Scratch;
let running: TestEngine;

beforeAll(async () => {
  scratch = createScratch('schemas');
  const file = join(scratch.path, 'random.gguf');
  writeRandomGguf(file, { seed: 13, contextLength: 1024 });
  running = await startTestEngine({ file, sequences: 8, context: 'max' }, 64);
});
afterAll(async () => {
  await running.engine.stop();
  scratch.remove();
});

/** Fills schemas with random weights, streaming, a few at once, and counts the outcomes. */
async function fill(wanted: readonly { readonly schema: JsonValue; readonly seed: number }[]) {
  const invalid: string[] = [];
  const counts = { whole: 0, cut: 0, refused: 0 };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < wanted.length; at = next++) {
      const { schema, seed } = wanted[at] ?? { schema: true, seed: 0 };
      const responseFormat = { type: 'json_schema', name: 's', strict: true, schema } as const;
      const { end, text } = await ask(running.engine, 'fill', { seed, maxTokens: 600, responseFormat });
      if (end === 'length') counts.cut++;
      else if (end === 'stop') {
        counts.whole++;
        if (!isValid(schema, text)) invalid.push(`${JSON.stringify(schema)}: ${text}`);
      } else if (end === 'unsupported_parameter' || end === 'invalid_value') counts.refused++;
      else invalid.push(`${JSON.stringify(schema)}: ended in ${end}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return { invalid, ...counts };
}

function isValid(schema: JsonValue, text: string): boolean {
  try {
    return createJudge(schema)(JSON.parse(text));
  } catch {
    return false;
  }
}

test('the corpus, three seeds each: every whole answer is valid', async () => {
  // An entry without valid values is one that is refused.
  const corpus = readCorpus().filter(({ valid }) => valid.length > 0);
  const all = corpus.flatMap(({ schema }) => [1, 2, 3].map((seed) => ({ schema, seed })));
  const wanted = partOf(all, 80);
  const outcome = await fill(wanted);
  expect(outcome.invalid).toEqual([]);
  expect(outcome.refused).toBe(0);
  expect(outcome.whole).toBeGreaterThan(wanted.length / 2);
});

test('random schemas of the supported language: every whole answer is valid', async () => {
  const random = seededRandom(2026);
  const wanted = Array.from({ length: roundsOf(2_000, 100) }, (_, index) => ({
    schema: randomSchema(random),
    seed: index + 1,
  }));
  const outcome = await fill(wanted);
  expect(outcome.invalid).toEqual([]);
  expect(outcome.whole).toBeGreaterThan(wanted.length / 2);
});
