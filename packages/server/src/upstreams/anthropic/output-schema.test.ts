import { expect, test } from 'vitest';
import type { JsonObject } from '../../domain/json.ts';
import { schemaProblem } from './output-schema.ts';

test('many references to one large part cost no more than a large schema', () => {
  let reads = 0;
  const part = {
    get description() {
      reads += 1;
      return 'x';
    },
  };
  const large: JsonObject = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, index) => [`p${index}`, part]),
  );
  // Each definition holds the one before, and the schema refers to each.
  let nested: JsonObject = { properties: large };
  for (let level = 0; level < 25; level += 1) nested = { properties: { a: nested } };
  const references = Array.from({ length: 25 }, (_, level) => [
    `r${level}`,
    { $ref: `#/$defs/d${'/properties/a'.repeat(level)}` },
  ]);
  const schema: JsonObject = { properties: Object.fromEntries(references), $defs: { d: nested } };
  expect(schemaProblem(schema, 'schema')).toBeUndefined();
  expect(reads).toBeGreaterThan(2_000);
  expect(reads).toBeLessThan(20_000);
});
