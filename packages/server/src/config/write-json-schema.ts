import { writeFileSync } from 'node:fs';
import { configJsonSchema } from './json-schema.ts';

// Run after the schema changed, then let the formatter over it; a test compares.
writeFileSync(
  new URL('../../tailrace.schema.json', import.meta.url),
  `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
);
