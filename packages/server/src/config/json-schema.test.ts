import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configJsonSchema } from './json-schema.ts';

it('the schema file for editors is current (else: run write-json-schema.ts, then the formatter)', () => {
  const file = readFileSync(new URL('../../tailrace.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(file)).toEqual(configJsonSchema());
});
