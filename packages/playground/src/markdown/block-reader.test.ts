import fc from 'fast-check';
import { marked } from 'marked';
import { describe, expect, test } from 'vitest';
import { createBlockReader } from './block-reader.ts';

const pieces = [
  '# Title\n\n',
  'A paragraph of **bold**,\nin two lines.\n\n',
  '- one\n- two\n\n  still two\n\n',
  '1. a\n2. b\n\n',
  '```js\nconst a = 1;\n\n\nb();\n```\n\n',
  '    indented\n\n    code\n\n',
  '> quoted\n> more\n\n',
  '| a | b |\n| - | - |\n| 1 | 2 |\n\n',
  'Title\n=====\n\n',
  '---\n\n',
  '<div>\nhtml\n</div>\n\n',
  'plain text without an end',
  '* star\n',
  'text right behind\n',
  'code comes:\n```py\nx = 1\n\n```\nand text\n',
  '~~~\n```\n  ~~~~\n',
  '- item\n```\ncode\n```\n',
];

const whole = (text: string): string[] => marked.lexer(text).map(({ type, raw }) => `${type}:${raw}`);

/** The blocks after the text has come in pieces, each of which was drawn. */
function grown(text: string, cuts: readonly number[]): string[] {
  const reader = createBlockReader();
  for (const cut of cuts.toSorted((one, other) => one - other)) reader.read(text.slice(0, cut), false);
  const { settled, open } = reader.read(text, true);
  return [...settled, ...open].map(({ type, raw }) => `${type}:${raw}`);
}

describe('a text that grows', () => {
  test('has the blocks of the whole text at its end, wherever it was cut', () => {
    const texts = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 });
    const property = fc.property(texts, fc.array(fc.nat(400), { maxLength: 12 }), (parts, cuts) => {
      const text = parts.join('');
      expect(grown(text, cuts)).toEqual(whole(text));
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  test('is parsed again from its last block on', () => {
    const reader = createBlockReader();
    const before = reader.read('# One\n\nTwo.\n\nThr', false);
    const after = reader.read('# One\n\nTwo.\n\nThree', false);
    expect(before.settled.map(({ type }) => type)).toEqual(['heading', 'space', 'paragraph', 'space']);
    expect(after.settled.map((token, at) => token === before.settled[at])).toEqual([true, true, true, true]);
    expect(after.open.map(({ raw }) => raw)).toEqual(['Three']);
  });

  test('shows what is not closed yet as if it were', () => {
    const { open } = createBlockReader().read('some **bold tex', false);
    expect(open[0]).toMatchObject({ tokens: [{ type: 'text' }, { type: 'strong', text: 'bold tex' }] });
  });

  test('shows code that is not closed yet as code, however long it is, and never the beginning of its end', () => {
    const reader = createBlockReader();
    const code = 'const a = 1;\n\n'.repeat(3_000);
    const text = `So:\n\`\`\`ts\n${code}`;
    reader.read('So:\n```ts\nco', false);
    expect(reader.read(text, false).open).toMatchObject([{ type: 'code', lang: 'ts', text: code }]);
    expect(reader.read(`${text}b\n\`\``, false).open).toMatchObject([{ type: 'code', text: `${code}b` }]);
    const { settled, open } = reader.read(`${text}b\n\`\`\`\nDone.`, false);
    expect(settled.map(({ type }) => type)).toEqual(['paragraph', 'code']);
    expect(open.map(({ raw }) => raw.trim())).toEqual(['Done.']);
  });

  test('keeps a giant paragraph in pieces when it is complete', () => {
    const reader = createBlockReader();
    const text = 'word '.repeat(25_000);
    const before = reader.read(text, false).open;
    const { open } = reader.read(text, true);
    expect(open.length).toBe(before.length);
    expect(open.map(({ raw }) => raw).join('')).toBe(text);
  });

  test('that turns out to be another text is read from its beginning', () => {
    const reader = createBlockReader();
    reader.read('One.\n\nTwo.\n\nThree.', false);
    const { settled, open } = reader.read('Other.', true);
    expect([...settled, ...open].map(({ raw }) => raw)).toEqual(['Other.']);
  });
});

describe('a hostile text', () => {
  test.each([
    ['nested quotes', '>'.repeat(20_000)],
    ['a giant line', `**${'a'.repeat(1_000_000)}`],
    ['open brackets', '['.repeat(30_000)],
    ['a giant open block with empty lines', `\`\`\`\n${'x\n\n'.repeat(20_000)}`],
  ])('loses nothing: %s', (_, text) => {
    const reader = createBlockReader();
    const { settled, open } = reader.read(text, false);
    expect(
      [...settled, ...open]
        .map(({ raw }) => raw)
        .join('')
        .startsWith(text),
    ).toBe(true);
  });
});
