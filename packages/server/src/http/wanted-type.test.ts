import { expect, it } from 'vitest';
import { wantedType } from './wanted-type.ts';

it.each([
  [undefined, 'text/html'],
  ['*/*', 'text/html'],
  ['', 'text/html'],
  ['text/markdown', 'text/markdown'],
  ['text/markdown, text/html, */*', 'text/markdown'],
  ['text/html, text/markdown', 'text/html'],
  ['text/html;q=0.5, text/markdown;q=0.6', 'text/markdown'],
  ['text/markdown;q=0, */*', 'text/html'],
  ['text/markdown;q=abc', 'text/html'],
  ['text/*, application/json', 'application/json'],
  ['TEXT/Markdown ; Q=0.9 , application/json;q=0.1', 'text/markdown'],
  ['image/png', 'text/html'],
])('of Accept %j it is %s', (header, type) => {
  expect(wantedType(header, ['text/html', 'text/markdown', 'application/json'])).toBe(type);
});
