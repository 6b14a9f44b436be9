import { jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createJsonValidator } from './json-validator.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The text cut at these places, in order. */
function cutAt(text: string, places: readonly number[]): string[] {
  const sorted = places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b);
  return [0, ...sorted].map((from, at) => text.slice(from, sorted[at] ?? text.length));
}

function scan(pieces: readonly string[]) {
  const plain = createJsonValidator();
  const escaped = createJsonValidator();
  for (const piece of pieces) {
    plain.push(piece);
    escaped.pushEscaped(jsonText(piece));
  }
  return [plain.whole, escaped.whole];
}

const letters = fc.constantFrom(...'{}[],:"\\/bfnrtu0123456789aAfF.eE+- \n\t\r\u0001\u007f\ud83d€'.split(''));
/** JSON, JSON with one character changed, and characters of JSON in any order. */
const texts = fc.oneof(
  fc.json(),
  fc.tuple(fc.json(), fc.nat(), letters).map(([json, at, letter]) => {
    const place = at % (json.length + 1);
    return json.slice(0, place) + letter + json.slice(place + (at % 2));
  }),
  fc.array(letters, { maxLength: 12 }).map((given) => given.join('')),
  fc.constantFrom(
    'nul',
    'nulll',
    'true',
    'tru e',
    '-',
    '-0',
    '01',
    '1.',
    '1e',
    '1e+',
    '1e+5',
    '"\\u12g4"',
    '',
  ),
  fc.constantFrom('[1,]', '{"a":1,}', '{,}', '[}', '{]', '[[1],{"a":[{}]}] ', ' 1 2', '"\\ud83d"', '\ufeff1'),
);

describe('a text that comes in pieces', () => {
  test('is JSON where JSON.parse says so, wherever it was cut, escaped or not', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 5 }), (text, places) => {
        // Half a pair on its own is escaped as what it is, so that both ways read the same units.
        expect(scan(cutAt(text, places))).toEqual([isJson(text), isJson(text)]);
      }),
      { numRuns: 5_000 },
    );
  });

  test('is closed once nothing but white space can follow', () => {
    for (const [text, closed] of [
      ['{"a":[1,{}]}', true],
      ['"}"', true],
      ['null', true],
      ['12', false],
      ['12 ', true],
      ['{"a":"}', false],
      ['', false],
      ['{}x', false],
    ] as const) {
      const scanner = createJsonValidator();
      scanner.push(text);
      expect([text, scanner.closed]).toEqual([text, closed]);
    }
  });

  test('may be nested as deep as anybody reads, and no deeper', () => {
    const deep = (levels: number) => {
      const scanner = createJsonValidator();
      scanner.push('[{"a":'.repeat(levels / 2));
      scanner.push('1');
      scanner.push('}]'.repeat(levels / 2));
      return scanner.whole;
    };
    expect(deep(100_000)).toBe(true);
    expect(deep(1_000_002)).toBe(false);
  });
});
