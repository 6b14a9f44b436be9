import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parseExactly, writeExactly, writeMarked } from './exact-json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { keepSpellings } from './spellings.ts';

/** JSON as a text may have it: spellings of numbers, members in order, names more than once. */
type Written =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Written[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, Written])[] };

const numbers = fc.oneof(
  fc.constantFrom('0', '-0', '-0.0', '1', '1.0', '0.10', '1e2', '1E+2', '10e-1', '1e400', '-1E400', '1e-400'),
  fc.constantFrom('12345678901234567890', '12345678901234567000', '9007199254740993', '-123456789012345'),
  fc.stringMatching(/^-?[1-9]\d{0,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?$/),
);
const words = fc
  .oneof({ weight: 5, arbitrary: numbers }, fc.constantFrom('true', 'false', 'null'))
  .map((text): Written => ({ kind: 'word', text }));
const texts = fc.oneof(
  fc.constantFrom('', '1.0', '"1.0', '\\', '\\"', '{"a":1.0}', '\ud83d', 'é\n'),
  fc.string({ unit: 'binary' }),
);
// Not a single backslash: after an object with that name, JSON.parse of Node 24.21 takes any name in its place that
// begins with an escape (`"\\u0041"`) for it (nodejs/node#63785).
const names = fc
  .oneof(fc.constantFrom('a', 'b', '', '__proto__', 'constructor', '0', '10', '9', '\\"é'), texts)
  .filter((name) => name !== '\\');
const { value: values } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    words,
    texts.map((text): Written => ({ kind: 'string', text })),
    fc.array(tie('value'), { maxLength: 5 }).map((items): Written => ({ kind: 'list', items })),
    fc
      .array(fc.tuple(names, tie('value')), { maxLength: 6 })
      .map((members): Written => ({ kind: 'object', members })),
  ),
}));
const spaces = fc.constantFrom('', ' ', '\n\t', '\r\n  ');

function textOf(written: Written, space: string): string {
  switch (written.kind) {
    case 'word':
      return `${space}${written.text}${space}`;
    case 'string':
      return JSON.stringify(written.text);
    case 'list':
      return `${space}[${written.items.map((item) => textOf(item, space)).join(`${space},`)}${space}]`;
    case 'object': {
      const members = written.members.map(
        ([name, one]) => `${JSON.stringify(name)}${space}:${textOf(one, space)}`,
      );
      return `{${space}${members.join(`,${space}`)}}`;
    }
  }
}

/** Members in JavaScript's order, the last one of each name, and numbers with their spellings. */
function expected(written: Written): string {
  if (written.kind === 'list') return `[${written.items.map(expected).join(',')}]`;
  if (written.kind !== 'object') return textOf(written, '');
  const last = new Map(written.members);
  const order = Object.keys(Object.fromEntries([...last].map(([name]) => [name, 0])));
  const members = order.flatMap((name) => {
    const one = last.get(name);
    return one === undefined ? [] : [`${JSON.stringify(name)}:${expected(one)}`];
  });
  return `{${members.join(',')}}`;
}

const rewritten = (text: string) => writeExactly(parseExactly(text));

function objectOf(text: string): JsonObject {
  const value = parseExactly(text);
  if (typeof value !== 'object' || value === null) throw new Error('no object');
  return value as JsonObject;
}

describe('JSON that is read and written again', () => {
  it.each([
    '{"id":12345678901234567890}',
    '[1.0,-0,-0.0,1e2,1E+2,0.10,1e-7,100000000000000000000000]',
    '{"a":{"b":[{"c":1.0}]},"d":1.50,"__proto__":1.0,"":2.0}',
    '{"maximum":9007199254740993,"enum":[1.0,2,3.00],"text":"1.0 and \\"2.0"}',
    '[1e400,-1e400]',
  ])('keeps the spellings of its numbers: %s', (text) => {
    expect(JSON.stringify(JSON.parse(text))).not.toBe(text);
    expect(rewritten(text)).toBe(text);
  });

  it('keeps the spellings of the last member of a name where the one before was a list', () => {
    const last = `{${Array.from({ length: 9 }, (_, at) => `"${at}":1.0`).join(',')}}`;
    expect(rewritten(`{"a":[0.10],"a":${last}}`)).toBe(`{"a":${last}}`);
  });

  it('has the value of JSON.parse, and is written with the same tokens', () => {
    fc.assert(
      fc.property(values, spaces, (written, space) => {
        // In a list: the spelling of a root that is a number cannot be kept.
        const text = `[${textOf(written, space)}]`;
        const value = parseExactly(text);
        expect(value).toEqual(JSON.parse(text));
        expect(writeExactly(value)).toBe(`[${expected(written)}]`);
      }),
      { numRuns: 500 },
    );
  });

  it('throws a SyntaxError where JSON.parse does', () => {
    expect(() => parseExactly('{"a":1.0')).toThrow(SyntaxError);
    expect(() => parseExactly('{"a":01.0}')).toThrow(SyntaxError);
  });

  it('has the last of several members with one name', () => {
    expect(rewritten('{"a":1.0,"a":1}')).toBe('{"a":1}');
    expect(rewritten('{"a":1,"a":1.0}')).toBe('{"a":1.0}');
    expect(rewritten('{"a":{"x":2.0,"y":1.0},"a":{"x":2}}')).toBe('{"a":{"x":2}}');
    expect(rewritten('{"a":[1.0,2.0],"a":[1,2.00]}')).toBe('{"a":[1,2.00]}');
    expect(rewritten('{"a":{"constructor":{"x":1.0}},"a":7.0}')).toBe('{"a":7.0}');
  });

  it('may be nested deeper than the call stack', () => {
    const text = `${'['.repeat(100_000)}1.0${']'.repeat(100_000)}`;
    let innermost = parseExactly(text);
    while (Array.isArray(innermost) && Array.isArray(innermost[0])) innermost = innermost[0];
    expect(writeExactly(innermost)).toBe('[1.0]');
  });
});

describe('writing JSON', () => {
  it('calls neither Object.entries nor Object.values, which are slow for very many members', () => {
    const value = objectOf('{"a":{"b":1,"c":[{"d":1.0}]},"e":2}');
    const pairs = [vi.spyOn(Object, 'entries'), vi.spyOn(Object, 'values')];
    try {
      expect(writeExactly({ ...value })).toBe('{"a":{"b":1,"c":[{"d":1.0}]},"e":2}');
      for (const made of pairs) expect(made).not.toHaveBeenCalled();
    } finally {
      for (const made of pairs) made.mockRestore();
    }
  });

  it('writeMarked uses spellings only where the root is marked', () => {
    const marked = objectOf('{"a":1.0}');
    expect(writeMarked(marked)).toBe('{"a":1.0}');
    expect(writeMarked({ b: marked })).toBe('{"b":{"a":1}}');
    expect(writeExactly({ b: marked })).toBe('{"b":{"a":1.0}}');
  });
});

describe('a new object with the spellings of another one', () => {
  const read = objectOf('{"a":1.0,"b":12345678901234567890,"c":{"d":2.0}}');

  it('is written with those spellings, except for members that have changed', () => {
    const changed: JsonObject = { ...read, b: 5, e: 1 };
    expect(writeExactly(changed)).toBe('{"a":1,"b":5,"c":{"d":2.0},"e":1}');
    expect(writeExactly(keepSpellings(read, changed))).toBe('{"a":1.0,"b":5,"c":{"d":2.0},"e":1}');
    expect(writeExactly(read)).toBe('{"a":1.0,"b":12345678901234567890,"c":{"d":2.0}}');
  });

  it('may have the spellings of two objects', () => {
    const other = objectOf('{"a":1.00,"f":3.0}');
    const both: Record<string, JsonValue> = { ...read, ...other };
    expect(writeExactly(keepSpellings(other, keepSpellings(read, both)))).toBe(
      '{"a":1.00,"b":12345678901234567890,"c":{"d":2.0},"f":3.0}',
    );
    expect(writeExactly(other)).toBe('{"a":1.00,"f":3.0}');
  });

  it('is written as it is where the other one has no spellings', () => {
    expect(writeExactly(keepSpellings({ a: 1 }, { a: 1 }))).toBe('{"a":1}');
  });
});
