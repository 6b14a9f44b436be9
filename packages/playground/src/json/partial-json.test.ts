import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createJsonReader, describeFault, type JsonNode, readJson } from './partial-json.ts';

/** What a node means; members are pairs, so that every name and a repeated one stay what they are. */
type Plain = string | { number: string } | { literal: string } | { items: Plain[] } | { members: unknown[] };

function plain(node: JsonNode): Plain {
  switch (node.kind) {
    case 'object':
      return { members: node.members.map(({ name, value }) => [name, value && plain(value)]) };
    case 'array':
      return { items: node.items.map(plain) };
    case 'string':
      return node.text;
    default:
      return node.kind === 'number' ? { number: node.text } : { literal: node.text };
  }
}

/** The value as `JSON.parse` makes it. */
function parsedValue(node: JsonNode): unknown {
  switch (node.kind) {
    case 'object': {
      const made = {};
      for (const { name, value } of node.members) {
        const described = {
          value: value && parsedValue(value),
          enumerable: true,
          writable: true,
          configurable: true,
        };
        Object.defineProperty(made, name, described);
      }
      return made;
    }
    case 'array':
      return node.items.map(parsedValue);
    case 'string':
      return node.text;
    default:
      return JSON.parse(node.text);
  }
}

/** Whether the one value can still become the other by growing. */
function begins(part: JsonNode, whole: JsonNode): boolean {
  if (part.kind !== whole.kind) return false;
  if (!part.isOpen) return JSON.stringify(plain(part)) === JSON.stringify(plain(whole));
  if (part.kind === 'array' && whole.kind === 'array')
    return part.items.every((item, at) => whole.items[at] !== undefined && begins(item, whole.items[at]));
  if (part.kind === 'object' && whole.kind === 'object')
    return part.members.every(({ name, value }, at) => {
      const grown = whole.members[at];
      if (grown === undefined || !grown.name.startsWith(name)) return false;
      return value === undefined || (grown.value !== undefined && begins(value, grown.value));
    });
  return 'text' in part && 'text' in whole && whole.text.startsWith(part.text);
}

const spacing = fc.constantFrom(undefined, 1, '\t');
const text = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), spacing)
  .map(([value, space]) => JSON.stringify(value, null, space));

describe('a JSON text while it comes', () => {
  test('is a value at each of its characters, and each is the beginning of the whole one', () => {
    fc.assert(
      fc.property(text, (json) => {
        const whole = readJson(json).value() as JsonNode;
        for (let length = 0; length <= json.length; length += 1) {
          const reader = readJson(json.slice(0, length));
          expect(reader.fault()).toBeUndefined();
          const value = reader.value();
          if (length > 0) expect(value !== undefined && begins(value, whole)).toBe(true);
        }
      }),
    );
  });

  test('is at its end what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(text, (json) => {
        const reader = readJson(json);
        expect(reader.isWhole()).toBe(true);
        expect(parsedValue(reader.value() as JsonNode)).toEqual(JSON.parse(json));
      }),
    );
  });

  test('is the same however it is cut', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(40)), (json, lengths) => {
        const reader = createJsonReader();
        let at = 0;
        for (const length of lengths) {
          reader.push(json.slice(at, at + length));
          at += length;
        }
        reader.push(json.slice(at));
        expect(plain(reader.value() as JsonNode)).toEqual(plain(readJson(json).value() as JsonNode));
      }),
    );
  });

  test('is refused exactly where JSON.parse refuses it', () => {
    const damaged = fc
      .tuple(
        text,
        fc.nat(),
        fc.constantFrom('', '"', ',', '}', ']', ':', '\\', '0', '-', 'e', '.', 'x', '\n', '\u0001'),
      )
      .map(([json, at, character]) => {
        const place = at % (json.length + 1);
        return json.slice(0, place) + character + json.slice(place + 1);
      });
    fc.assert(
      fc.property(damaged, (json) => {
        let isJson = true;
        try {
          JSON.parse(json);
        } catch {
          isJson = false;
        }
        expect(readJson(json).isWhole()).toBe(isJson);
        expect(describeFault(json) === undefined).toBe(isJson);
      }),
      { numRuns: 1_000 },
    );
  });

  test('may be nested ten thousand deep, and have any name', () => {
    const deep = readJson(`${'['.repeat(10_000)}{"__proto__":{"constructor":1`);
    expect(deep.fault()).toBeUndefined();
    let node = deep.value();
    while (node?.kind === 'array') node = node.items[0];
    expect(node && plain(node)).toEqual({
      members: [['__proto__', { members: [['constructor', { number: '1' }]] }]],
    });
    expect(({} as Record<string, unknown>)['constructor']).toBe(Object);
  });

  test('shows an escape once it is complete', () => {
    expect(readJson('"a\\u00').value()).toMatchObject({ text: 'a' });
    expect(readJson('"a\\u00e9').value()).toMatchObject({ text: 'aé' });
    expect(readJson('"\\ud83d\\ude00"').value()).toMatchObject({ text: '😀', isOpen: false });
  });

  test.each([
    ['{\n  "a": 1,\n  b: 2\n}', 'No JSON at line 3, column 3: a name in quotes is expected.'],
    ['{"a": 1', 'The JSON ends too early: "," or "}" is missing.'],
    ['', 'The JSON ends too early: a value is missing.'],
    ['[1] 2', 'No JSON at line 1, column 5: the end of the text is expected.'],
    ['[01]', 'No JSON at line 1, column 3: a number is expected.'],
    ['["a', 'The JSON ends too early: the quote at the end of the string is missing.'],
  ])('says of %j what is wrong and where', (json, said) => {
    expect(describeFault(json)).toBe(said);
  });
});
