import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeTools } from './generic-tools.ts';

test('docs/engine.md shows the description of tools that models get', () => {
  const docs = readFileSync(new URL('../../../../../docs/engine.md', import.meta.url), 'utf8');
  const words = describeTools([
    { type: 'function', function: { name: 'add', parameters: { type: 'object' } } },
  ]);
  expect(docs).toContain(`\`\`\`text\n${words}\n\`\`\``);
});
