import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { faults } from './catalogue.ts';
import { faultTable } from './fault-table.ts';
import { createCounters } from './stats.ts';

const page = readFileSync(new URL('../../../../docs/wall.md', import.meta.url), 'utf8');

describe('docs/wall.md', () => {
  it('has the table that the records give (write-docs.ts puts it there)', () => {
    expect(page).toContain(`<!-- faults -->\n${faultTable(faults)}<!-- /faults -->`);
  });

  it('shows the counters that there are', () => {
    const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    expect(Object.keys(JSON.parse(shown) as object)).toEqual(Object.keys(createCounters().stats(0)));
  });
});
