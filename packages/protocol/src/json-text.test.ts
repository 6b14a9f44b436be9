import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asciiJson, decodeJsonText, joinJsonText, jsonText } from './json-text.ts';

// Any UTF-16 units, lone surrogates and control characters among them.
const anyText = fc
  .array(fc.oneof(fc.nat(0xffff), fc.constantFrom(0x22, 0x5c, 0x0a, 0x7f, 0x2028, 0xd83d, 0xde00)), {
    maxLength: 20,
  })
  .map((units) => String.fromCharCode(...units));
const printable = /^[\x20-\x7e]*$/;

describe('escaped text', () => {
  test('decodes to the same text, is printable ASCII, and reads as JSON', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = jsonText(text);
        expect(decodeJsonText(json)).toBe(text);
        expect(json).toMatch(printable);
        expect(JSON.parse(`{"content":"${json}"}`)).toEqual({ content: text });
      }),
      { numRuns: 1000 },
    );
  });

  test('joined pieces equal the escaped whole, also where a surrogate pair was cut', () => {
    fc.assert(
      fc.property(anyText, anyText, (left, right) => {
        expect(decodeJsonText(joinJsonText(jsonText(left), jsonText(right)))).toBe(left + right);
      }),
    );
    expect(decodeJsonText(joinJsonText(jsonText('\ud83d'), jsonText('\ude00')))).toBe('\u{1f600}');
  });

  test('plain words pass unchanged', () => {
    expect(jsonText(" it's a word")).toBe(" it's a word");
  });
});

test('asciiJson writes any JSON value in printable ASCII', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = asciiJson(value);
      expect(json).toMatch(printable);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a long text is escaped like its short pieces', () => {
  const pieces = Array.from({ length: 3_000 }, (_, at) => `${String.fromCharCode(at * 21)}é"\\\n\u007f a😀`);
  const text = pieces.join('');
  expect(text.length).toBe(30_000);
  const long = asciiJson(text.repeat(5));
  expect(long).toBe(
    `"${pieces
      .map((piece) => asciiJson(piece).slice(1, -1))
      .join('')
      .repeat(5)}"`,
  );
  expect(long).toMatch(printable);
});
