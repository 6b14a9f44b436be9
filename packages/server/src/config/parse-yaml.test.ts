import { expect, it } from 'vitest';
import { parseYaml } from './parse-yaml.ts';

const survivable = new Set(['TAG_RESOLVE_FAILED'] as const);

it.each([
  ['quotes', '"'.repeat(10_000), 1],
  ['anchors', '&a '.repeat(10_000), 1],
  ['tags on one value', '!a '.repeat(10_000), 2],
  ['aliases', '*a\n'.repeat(10_000), 1],
  ['closing brackets', ']'.repeat(10_000), 1],
  ['documents', '---\n'.repeat(10_000), 1],
  ['tags on values', '- !a b\n'.repeat(10_000), 101],
])('stops at the first complaint that matters, or behind a hundred: %s', (_, text, most) => {
  const { document, complaints } = parseYaml(text, survivable, () => {});
  expect(document).toBeUndefined();
  expect(complaints.length).toBeGreaterThan(0);
  expect(complaints.length).toBeLessThanOrEqual(most);
});

it('accepts survivable complaints, and reports their places', () => {
  const { document, complaints } = parseYaml('a: !b c\n', survivable, () => {});
  expect(document?.toJS()).toEqual({ a: 'c' });
  expect(complaints).toEqual([{ code: 'TAG_RESOLVE_FAILED', offset: 3 }]);
});
