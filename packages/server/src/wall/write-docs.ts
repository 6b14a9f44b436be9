import { readFileSync, writeFileSync } from 'node:fs';
import { faults } from './catalogue.ts';
import { faultTable } from './fault-table.ts';

// Puts the table into docs/wall.md; a test compares the two.
// node --conditions=tailrace-source packages/server/src/wall/write-docs.ts
const page = new URL('../../../../docs/wall.md', import.meta.url);
const marks = /(<!-- faults -->\n)[\s\S]*(<!-- \/faults -->)/;
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(
    marks,
    (_all, from: string, to: string) => `${from}${faultTable(faults)}${to}`,
  ),
);
