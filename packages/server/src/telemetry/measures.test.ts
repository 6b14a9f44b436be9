import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measureNames, measureOf } from './measures.ts';

const page = readFileSync(new URL('../../../../docs/operation.md', import.meta.url), 'utf8');
const [, section = ''] = page.split('\n## The last 24 hours\n');
const [table = ''] = section.split('\n## ');

test('the page explains each measure once, with its unit, and no other', () => {
  const rows = [...table.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| `(\w+)` \|/gm)];
  const listed = rows.flatMap(([, names = '', unit]) =>
    [...names.matchAll(/\w+/g)].map(([name]) => `${name} ${unit}`),
  );
  expect(listed.toSorted()).toEqual(measureNames.map((name) => `${name} ${measureOf(name).unit}`).toSorted());
});
