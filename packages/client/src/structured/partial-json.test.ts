import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf, seedOf } from '../../../server/src/testing/suite-part.ts';
import { createPartialJson, parsePartialJson } from './partial-json.ts';

/** Whether a value is the other one as far as it has come. */
function isPrefix(part: unknown, whole: unknown): boolean {
  if (typeof part === 'string' && typeof whole === 'string') return whole.startsWith(part);
  if (Array.isArray(part) && Array.isArray(whole))
    return part.length <= whole.length && part.every((item, at) => holds(item, whole[at], at, part, whole));
  if (typeof part !== 'object' || typeof whole !== 'object' || part === null || whole === null)
    return Object.is(part, whole);
  const [members, all] = [Object.entries(part), Object.entries(whole)];
  return (
    members.length <= all.length &&
    members.every(
      ([name, value]) =>
        Object.hasOwn(whole, name) && isPrefix(value, (whole as Record<string, unknown>)[name]),
    )
  );
}

/** Only the last item of an array can be incomplete. */
function holds(item: unknown, other: unknown, at: number, part: unknown[], _whole: unknown[]): boolean {
  return at < part.length - 1 ? JSON.stringify(item) === JSON.stringify(other) : isPrefix(item, other);
}

describe('the value of a text that is still coming', () => {
  test.each<[string, unknown]>([
    ['', undefined],
    ['{', {}],
    ['{"a', {}],
    ['{"a"', {}],
    ['{"a":', {}],
    ['{"a":"', { a: '' }],
    ['{"a":"b\\', { a: 'b' }],
    ['{"a":"b\\u00', { a: 'b' }],
    ['{"a":"b\\u00e9', { a: 'bé' }],
    ['{"a":"\\ud83d', { a: '' }],
    ['{"a":"\\ud83d\\ude00', { a: '😀' }],
    ['{"a":1', {}],
    ['{"a":1,', { a: 1 }],
    ['{"a":tru', {}],
    ['{"a":true}', { a: true }],
    ['[1,2', [1]],
    ['[[],{"x":[null,', [[], { x: [null] }]],
    ['12', 12],
    ['tru', undefined],
    ['null', null],
    [' \n{"a" : [ 1 , "b" ] } ', { a: [1, 'b'] }],
  ])('%s', (text, value) => {
    expect(parsePartialJson(text)).toEqual(value);
  });

  test.each([
    '{a',
    '{"a"1',
    '[1}',
    '{]',
    '[,',
    '[1,]x',
    '{"a":tru,',
    '"a\nb',
    '"\\x',
    '01,',
    '[1] x',
    '}',
    '```json',
  ])('%s is no JSON', (text) => {
    const reader = createPartialJson();
    reader.push(text);
    expect(reader.state).toBe('broken');
    const before = JSON.stringify(reader.value);
    reader.push('"a":1}');
    expect(JSON.stringify(reader.value)).toBe(before);
  });

  test('a member __proto__ is one like any other', () => {
    const value = parsePartialJson('{"__proto__":{"polluted":true},"a":1}') as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test('grows with each character, is a part of the final value, and becomes it', () => {
    const space = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(fc.jsonValue(), space, fc.boolean(), (value, indent, isAscii) => {
        const whole = JSON.stringify(value, undefined, indent);
        const text = isAscii
          ? whole.replace(/[^ -~\n\t]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          : whole;
        const final: unknown = JSON.parse(text);
        const reader = createPartialJson();
        let before: unknown;
        for (const unit of text.split('')) {
          reader.push(unit);
          const { value: part } = reader;
          if (part === undefined) continue;
          expect(isPrefix(part, final)).toBe(true);
          if (before !== undefined) expect(isPrefix(before, part)).toBe(true);
          before = structuredClone(part);
        }
        if (final === null || (typeof final !== 'object' && typeof final !== 'string')) reader.push(' ');
        expect(reader.value).toEqual(final);
        expect(reader.state).toBe('whole');
        expect(parsePartialJson(text)).toEqual(final);
      }),
      { numRuns: roundsOf(10_000, 300), seed: seedOf() },
    );
  });

  test('is the same however the text is cut', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.nat(), (text, one, other) => {
        const ends = [one % (text.length + 1), other % (text.length + 1)].sort((a, b) => a - b);
        const reader = createPartialJson();
        let from = 0;
        for (const end of ends) {
          reader.push(text.slice(from, end));
          from = end;
        }
        const whole = createPartialJson();
        whole.push(text.slice(0, from));
        expect(reader.value).toEqual(whole.value);
        expect(reader.state).toBe(whole.state);
      }),
      { numRuns: roundsOf(10_000, 300), seed: seedOf() },
    );
  });

  test('of any text at all: nothing is thrown, and only JSON is whole', () => {
    const characters = fc.constantFrom(...'{}[]",:\\u0dtrue1-.eE \n'.split(''), 'é', '\u0000');
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 12 }), (text) => {
        const reader = createPartialJson();
        for (const unit of text.split('')) reader.push(unit);
        reader.push(' ');
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        expect(reader.state === 'whole').toBe(isJson);
      }),
      { numRuns: roundsOf(100_000, 3_000), seed: seedOf() },
    );
  });

  test('costs time linear in the length of the text, and no depth is too deep', () => {
    const reader = createPartialJson();
    reader.push('{"text":"');
    for (let count = 0; count < 500_000; count += 1) reader.push('word ');
    reader.push('","list":[');
    for (let count = 0; count < 200_000; count += 1) reader.push(`${count},`);
    reader.push('0],"deep":');
    for (let count = 0; count < 200_000; count += 1) reader.push('[');
    const { text, list } = reader.value as { text: string; list: number[] };
    expect(text.length).toBe(2_500_000);
    expect(list.length).toBe(200_001);
    expect(reader.state).toBe('open');
  });
});

test('a long text in which each piece cuts a pair of surrogates is read in linear time', () => {
  const json = createPartialJson();
  const pieces = 150_000;
  json.push('"\ud83d');
  for (let piece = 1; piece < pieces; piece += 1) json.push('\ude00\ud83d');
  json.push('\ude00"');
  expect(json.value).toBe('😀'.repeat(pieces));
}, 20_000);
