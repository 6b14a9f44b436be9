import { expect, test } from 'vitest';
import { decodeEntities, safeLink } from './safe-link.ts';

test.each([
  ['https://example.org/a?b=c', 'https://example.org/a?b=c'],
  ['mailto:a@example.org', 'mailto:a@example.org'],
  ['HTTP://EXAMPLE.org', 'http://example.org/'],
  ['javascript:alert(1)', undefined],
  [' java\nscript:alert(1)', undefined],
  ['data:text/html,x', undefined],
  ['vbscript:x', undefined],
  ['blob:http://a/b', undefined],
  ['/admin/v1/keys', undefined],
  ['//example.org', undefined],
  ['streamdown:incomplete-link', undefined],
])('the link %j leads to %j', (href, address) => {
  expect(safeLink(href)).toBe(address);
});

test('the usual names of characters are read, others stay', () => {
  expect(decodeEntities('a &amp; b &lt;c&gt; &#39;d&#x27; &foo; &#0; &#9999999;')).toBe(
    "a & b <c> 'd' &foo; &#0; &#9999999;",
  );
});
