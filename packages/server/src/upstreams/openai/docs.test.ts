import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { presetTables } from './preset-table.ts';

test('docs/upstreams.md has the tables of the presets as they are', () => {
  const page = readFileSync(new URL('../../../../../docs/upstreams.md', import.meta.url), 'utf8');
  for (const table of presetTables().split('\n\n')) expect(page).toContain(table.trim());
});
