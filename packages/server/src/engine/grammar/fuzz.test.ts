import { expect, test } from 'vitest';
import { fuzzSchemas } from './testing/fuzz-schemas.ts';

// 200 here, to keep the check short; 2,000 with another seed in test/engine/grammar.test.ts.
test('random sentences for random schemas are valid by an independent judge', () => {
  const { grammars, sentences, invalid } = fuzzSchemas(7, 200);
  expect(invalid).toEqual([]);
  expect(grammars).toBeGreaterThan(150);
  expect(sentences).toBe(grammars * 3);
}, 60_000);
