import { expect, test } from 'vitest';
import { roundsOf } from '../../testing/suite-part.ts';
import { fuzzSchemas } from '../testing/fuzz-schemas.ts';

test('random sentences for random schemas are valid by an independent judge', () => {
  const schemas = roundsOf(2_000, 30);
  const { grammars, sentences, invalid } = fuzzSchemas(7, schemas);
  expect(invalid).toEqual([]);
  expect(grammars).toBeGreaterThan(schemas * 0.75);
  expect(sentences).toBe(grammars * 3);
});
