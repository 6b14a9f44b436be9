import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from './json.ts';
import { type JsonBounds, measureJson } from './measure-json.ts';

const wide: JsonBounds = { maxDepth: 64, maxFields: 1e6, maxValues: 1e6 };
const measure = (text: string, bounds: Partial<JsonBounds> = {}) =>
  measureJson(Buffer.from(text), { ...wide, ...bounds });

/** The same measures, counted in the parsed value, which must have no duplicate names. */
function count(value: JsonValue): { values: number; fields: number } {
  if (typeof value !== 'object' || value === null) return { values: 1, fields: 0 };
  const children = Object.values(value).map(count);
  const own = Array.isArray(value) ? 0 : children.length;
  return {
    values: children.reduce((sum, { values }) => sum + values, 1),
    fields: children.reduce((sum, { fields }) => sum + fields, own),
  };
}

describe('measuring JSON', () => {
  it.each([
    ['0', 1, 0],
    [' [ ] ', 1, 0],
    ['{\n}', 1, 0],
    ['[1,[],{}]', 4, 0],
    ['{"a":{"b":[1,2,"x,y:[{"]},"c":"\\"]"}', 7, 3],
    ['{"a":1,"a":2}', 3, 2],
  ])('counts the values and the fields of %s', (text, values, fields) => {
    expect(measure(text)).toMatchObject({ type: 'within', values, fields });
  });

  it('counts as in the parsed value, with any white space', () => {
    const space = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), space, (text, indent) => {
        const value = JSON.parse(text) as JsonValue;
        const written = JSON.stringify(value, undefined, indent);
        expect(measure(written)).toMatchObject({ type: 'within', ...count(JSON.parse(written)) });
      }),
    );
  });

  it('reports a bound that is exceeded, and none that is reached', () => {
    expect(measure('[1,2,3]', { maxValues: 4 }).type).toBe('within');
    expect(measure('[1,2,3]', { maxValues: 3 }).type).toBe('values');
    expect(measure('[[],[],[]]', { maxValues: 4 }).type).toBe('within');
    expect(measure('{"a":1,"b":2}', { maxFields: 2 }).type).toBe('within');
    expect(measure('{"a":1,"b":2}', { maxFields: 1 }).type).toBe('fields');
    expect(measure('[[]]', { maxDepth: 2 }).type).toBe('within');
    expect(measure('[[]]', { maxDepth: 1 }).type).toBe('deep');
  });

  it('returns the path to the value that is nested too deep', () => {
    const text = '[0, {"b": 1, "a\\u0041": [[], "x", {"c": []}]}]';
    expect(measure(text, { maxDepth: 4 })).toEqual({ type: 'deep', path: [1, 'aA', 2, 'c'] });
    expect(measure(`{"${'k'.repeat(1_000_000)}": [[]]}`, { maxDepth: 2 })).toMatchObject({
      path: [expect.stringMatching(/^k{256}$/), 0],
    });
  });

  it('finds numbers that may become infinite, and no others', () => {
    const vast = (text: string) => measure(text).type === 'within' && measure(text);
    for (const text of ['1e999', '[1E5]', '-2.5e+10', '9'.repeat(400)]) {
      expect(vast(text)).toMatchObject({ vastNumbers: true });
    }
    for (const text of ['[true,false,null]', '-0.25', '9'.repeat(300), '"1e999"', '{"1e9":1}']) {
      expect(vast(text)).toMatchObject({ vastNumbers: false });
    }
  });

  it('finds half of a surrogate pair where JSON.parse makes one', () => {
    const piece = fc.constantFrom(
      ...['\\ud83d', '\\uDE00', '\\u0041', '\\ud7ff', '\\uE000', '\\\\', '\\"', 'ud83d', 'é', '😀', 'x'],
      'text that is long enough for a native search of its end',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = `["${pieces.join('')}"]`;
        const [value] = JSON.parse(text) as [string];
        expect(measure(text)).toMatchObject({ type: 'within', values: 2, halfPairs: !value.isWellFormed() });
      }),
      { numRuns: 500 },
    );
  });

  it('accepts any bytes', () => {
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
