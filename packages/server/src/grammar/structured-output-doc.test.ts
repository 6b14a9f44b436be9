import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultLimits } from './rules/limits.ts';
import { formats } from './schema/formats.ts';
import { keywords } from './schema/keywords.ts';

const page = readFileSync(new URL('../../../../docs/structured-output.md', import.meta.url), 'utf8');

/** The rows of the table under a heading, cell by cell, without the header. */
function rows(heading: string): readonly (readonly string[])[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
}

test('docs/structured-output.md names every keyword and its status', () => {
  const written = rows('Keywords').map(([name, status]) => [name, status]);
  expect(written).toEqual(Object.entries(keywords).map(([name, { status }]) => [`\`${name}\``, status]));
});

test('docs/structured-output.md names every format', () => {
  expect(rows('Formats of strings')).toEqual(
    Object.entries(formats).map(([name, { note }]) => [`\`${name}\``, note]),
  );
});

test('docs/structured-output.md names every limit', () => {
  const written = rows('Limits').map(([what, most]) => [
    /\(`(\w+)`\)/.exec(what ?? '')?.[1],
    most?.replaceAll(',', ''),
  ]);
  expect(written).toEqual(Object.entries(defaultLimits).map(([name, value]) => [name, String(value)]));
});
