import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from './json.ts';
import { type JsonBounds, measureJson } from './measure-json.ts';

const wide: JsonBounds = { maxDepth: 64, maxFields: 1e6, maxValues: 1e6 };
const scan = (text: string, bounds: Partial<JsonBounds> = {}) =>
  measureJson(Buffer.from(text), { ...wide, ...bounds });

/** The same, counted in the parsed value; duplicate names must not be there. */
function count(value: JsonValue): { values: number; fields: number } {
  if (typeof value !== 'object' || value === null) return { values: 1, fields: 0 };
  const children = Object.values(value).map(count);
  const own = Array.isArray(value) ? 0 : children.length;
  return {
    values: children.reduce((sum, { values }) => sum + values, 1),
    fields: children.reduce((sum, { fields }) => sum + fields, own),
  };
}

describe('a scan of JSON', () => {
  it.each([
    ['0', 1, 0],
    [' [ ] ', 1, 0],
    ['{\n}', 1, 0],
    ['[1,[],{}]', 4, 0],
    ['{"a":{"b":[1,2,"x,y:[{"]},"c":"\\"]"}', 7, 3],
    ['{"a":1,"a":2}', 3, 2],
  ])('counts what %s is made of', (text, values, fields) => {
    expect(scan(text)).toMatchObject({ type: 'within', values, fields });
  });

  it('counts what is there, in any JSON however it is spaced', () => {
    const space = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), space, (text, indent) => {
        const value = JSON.parse(text) as JsonValue;
        const written = JSON.stringify(value, undefined, indent);
        expect(scan(written)).toMatchObject({ type: 'within', ...count(JSON.parse(written)) });
      }),
    );
  });

  it('stops at a bound, and not before it', () => {
    expect(scan('[1,2,3]', { maxValues: 4 }).type).toBe('within');
    expect(scan('[1,2,3]', { maxValues: 3 }).type).toBe('values');
    expect(scan('[[],[],[]]', { maxValues: 4 }).type).toBe('within');
    expect(scan('{"a":1,"b":2}', { maxFields: 2 }).type).toBe('within');
    expect(scan('{"a":1,"b":2}', { maxFields: 1 }).type).toBe('fields');
    expect(scan('[[]]', { maxDepth: 2 }).type).toBe('within');
    expect(scan('[[]]', { maxDepth: 1 }).type).toBe('deep');
  });

  it('names the place where it nests too deep', () => {
    const text = '[0, {"b": 1, "a\\u0041": [[], "x", {"c": []}]}]';
    expect(scan(text, { maxDepth: 4 })).toEqual({ type: 'deep', path: [1, 'aA', 2, 'c'] });
    expect(scan(`{"${'k'.repeat(1_000_000)}": [[]]}`, { maxDepth: 2 })).toMatchObject({
      path: [expect.stringMatching(/^k{256}$/), 0],
    });
  });

  it('sees numbers that may be beyond the finite ones, and no others', () => {
    const vast = (text: string) => scan(text).type === 'within' && scan(text);
    for (const text of ['1e999', '[1E5]', '-2.5e+10', '9'.repeat(400)]) {
      expect(vast(text)).toMatchObject({ vastNumbers: true });
    }
    for (const text of ['[true,false,null]', '-0.25', '9'.repeat(300), '"1e999"', '{"1e9":1}']) {
      expect(vast(text)).toMatchObject({ vastNumbers: false });
    }
  });

  it('sees half a surrogate pair wherever JSON.parse makes one', () => {
    const piece = fc.constantFrom(
      ...['\\ud83d', '\\uDE00', '\\u0041', '\\ud7ff', '\\uE000', '\\\\', '\\"', 'ud83d', 'é', '😀', 'x'],
      'long enough for a native search to be worth its call, and then some',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = `["${pieces.join('')}"]`;
        const [value] = JSON.parse(text) as [string];
        expect(scan(text)).toMatchObject({ type: 'within', values: 2, halfPairs: !value.isWellFormed() });
      }),
      { numRuns: 500 },
    );
  });

  it('takes any bytes', () => {
    const hostile = fc.constantFrom(
      ...[...'[]{}:,"\\u0dD8e-+. \n'].map((letter) => letter.charCodeAt(0)),
      0,
      255,
    );
    fc.assert(
      fc.property(fc.array(hostile), (bytes) => {
        expect(['within', 'deep', 'fields', 'values']).toContain(
          measureJson(Uint8Array.from(bytes), wide).type,
        );
      }),
    );
  });
});
