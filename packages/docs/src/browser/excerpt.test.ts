import { expect, it } from 'vitest';
import { excerptOf } from './excerpt.ts';

const written = (markdown: string, asked: string): string =>
  excerptOf(markdown, asked)
    .map(({ text }) => text)
    .join('')
    .trim();

it('an excerpt has the words of a list without its marks', () => {
  expect(written('- The same **key** came.\n- A `fixed` text.\n\n1. See [keys](keys.md).', 'key')).toBe(
    'The same key came. A fixed text. See keys.',
  );
});

it('an excerpt has the cells of a table, without its head, with a sign between them', () => {
  const table = '| status | type |\n| --- | :-- |\n| 409 | `conflict_error` |\n| 400 | `a \\| b` |';
  expect(written(`Another request.\n\n${table}`, 'request')).toBe(
    'Another request. 409 · conflict_error 400 · a | b',
  );
});

it('an excerpt marks the words that are asked for, and begins near them', () => {
  const found = excerptOf(`${'word '.repeat(60)}the budgets of owners`, 'budget');
  expect(found[0]?.text).toBe('… ');
  expect(found.filter(({ isAsked }) => isAsked).map(({ text }) => text)).toEqual(['budgets ']);
});

it('an excerpt begins where all that is asked stands together first, and not where one word comes often', () => {
  const markdown = `An idempotency key makes it safe. ${'word '.repeat(40)}A key, the key of a key, and no idempotency.`;
  expect(written(markdown, 'idempotency key')).toMatch(/^An idempotency key/);
});

it('an excerpt has all that it was chosen for, also behind long words', () => {
  const markdown = `keys ${'word '.repeat(40)}curl http://127.0.0.1:7245/admin/v1/keys -H "Authorization: Bearer $TAILRACE_ADMIN_KEY" -H "Content-Type: application/json" -H "Idempotency-Key: one"`;
  const marked = excerptOf(markdown, 'idempotency key').filter(({ isAsked }) => isAsked);
  expect(marked.map(({ text }) => text)).toContain('"Idempotency-Key: ');
});
