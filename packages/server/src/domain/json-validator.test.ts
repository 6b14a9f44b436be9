import { jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf } from '../testing/suite-part.ts';
import { createJsonValidator } from './json-validator.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The pieces of the text between these places. */
function cutAt(text: string, places: readonly number[]): string[] {
  const sorted = places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b);
  return [0, ...sorted].map((from, at) => text.slice(from, sorted[at] ?? text.length));
}

function validate(pieces: readonly string[]) {
  const plain = createJsonValidator();
  const escaped = createJsonValidator();
  for (const piece of pieces) {
    plain.push(piece);
    escaped.pushEscaped(jsonText(piece));
  }
  return [plain.whole, escaped.whole];
}

const letters = fc.constantFrom(...'{}[],:"\\/bfnrtu0123456789aAfF.eE+- \n\t\r\u0001\u007f\ud83d€'.split(''));
/** JSON, JSON with one changed character, and characters of JSON in any order. */
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
  test('is JSON where JSON.parse accepts it, wherever it is divided, escaped or not', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 5 }), (text, places) => {
        // jsonText escapes half of a surrogate pair as it is, so both validators get the same units.
        expect(validate(cutAt(text, places))).toEqual([isJson(text), isJson(text)]);
      }),
      { numRuns: roundsOf(5_000, 1_000) },
    );
  });

  test('is closed once only white space can follow', () => {
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
      const validator = createJsonValidator();
      validator.push(text);
      expect([text, validator.closed]).toEqual([text, closed]);
    }
  });

  test('may be nested a million levels deep, and no deeper', () => {
    const deep = (levels: number) => {
      const validator = createJsonValidator();
      validator.push('[{"a":'.repeat(levels / 2));
      validator.push('1');
      validator.push('}]'.repeat(levels / 2));
      return validator.whole;
    };
    expect(deep(100_000)).toBe(true);
    expect(deep(1_000_002)).toBe(false);
  });

  test('may be followed by the next value: only the first one is taken', () => {
    const validator = createJsonValidator();
    expect(validator.pushValue('{"a"')).toBe(4);
    expect(validator.pushValue(':"}"} {"b":2}')).toBe(5);
    expect(validator.closed).toBe(true);
    expect(validator.pushValue('x')).toBe(0);
    expect(validator.broken).toBe(false);
  });

  test('is read on by a copy, which changes nothing in the first validator', () => {
    const validator = createJsonValidator();
    validator.push('[{"a":[');
    const copy = validator.copy();
    copy.push('1]}]');
    expect([copy.closed, validator.closed]).toEqual([true, false]);
    validator.push('}');
    expect([copy.broken, validator.broken]).toEqual([false, true]);
  });

  test.each([
    ['{', true, false],
    ['{}', true, false],
    ['{"', true, true],
    ['[', false, false],
    ['[{', false, true],
    ['"', false, true],
    ['5', false, true],
  ])('%s: whether it is an object, and whether anything is in it', (text, isObject, filled) => {
    const validator = createJsonValidator();
    validator.push(text);
    expect([validator.isObject, validator.filled]).toEqual([isObject, filled]);
  });
});
