import { describe, expect, it, vi } from 'vitest';
import { writeExactly } from '../domain/exact-json.ts';
import { failure } from '../domain/failure.ts';
import type { KnownMembers } from '../domain/read-spellings.ts';
import { rawMembersOf } from '../domain/spellings.ts';
import { parseJsonBody } from './json-body.ts';

const parse = (text: string) => parseJsonBody(Buffer.from(text));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('a request body', () => {
  it('is any JSON value', () => {
    expect(parse(' {"a": [1, "\\u00e9"]} ')).toEqual({ ok: true, value: { a: [1, 'é'] } });
  });

  it.each([
    ['empty', ''],
    ['blank', ' \n'],
    ['cut short', '{"a": '],
    ['followed by more', '{} {}'],
    ['with a number JSON does not know', '{"a": NaN}'],
  ])('that is %s is invalid_json', (_, text) => {
    expect(parse(text)).toMatchObject({ ok: false, failure: { code: 'invalid_json' } });
  });

  it.each([
    ['a number beyond all', '{"a": [1, 1e999]}', 'a[1]'],
    ['65 levels', `{"a": ${nested(64)}}`, `a${'[0]'.repeat(63)}`],
  ])('with %s is invalid_value at its path', (_, text, param) => {
    expect(parse(text)).toMatchObject({ ok: false, failure: { code: 'invalid_value', param } });
  });

  it('may be a million levels deep without a crash', () => {
    expect(parse(nested(1_000_000))).toMatchObject({ ok: false, failure: { code: 'invalid_value' } });
  });

  it.each([
    ['50,001 fields', `{"a": {${Array.from({ length: 50_001 }, (_, index) => `"${index}": 0`).join()}}}`],
    ['200,001 values', `[${'{},'.repeat(199_999)}{}]`],
    ['millions of levels', '['.repeat(5_000_000)],
    ['millions of members', `{"a": 1${',"a":1'.repeat(1_000_000)}}`],
  ])('of %s is invalid_value, and is not parsed', (_, text) => {
    const parser = vi.spyOn(JSON, 'parse');
    try {
      expect(parse(text)).toMatchObject({ ok: false, failure: { code: 'invalid_value' } });
      expect(parser).not.toHaveBeenCalled();
    } finally {
      parser.mockRestore();
    }
  });

  it('may be as large as its bounds say', () => {
    expect(parse(`{${Array.from({ length: 50_000 }, (_, index) => `"${index}": 0`).join()}}`).ok).toBe(true);
    expect(parse(`[${'{},'.repeat(199_998)}{}]`).ok).toBe(true);
  });

  it.each([
    ['a value', '{"a": ["x\\uD83dy"]}', { a: ['x\ufffdy'] }],
    ['the name of a member', '{"a": {"\\ude00": 1}}', { a: { '\ufffd': 1 } }],
    ['two halves in the wrong order', '["\\ude00\\ud83d"]', ['\ufffd\ufffd']],
    ['a half before a pair', '["\\ud83d\\ud83d\\ude00"]', ['\ufffd😀']],
    ['an escaped backslash, which begins no escape', '["\\\\ud83d", "\\ud83d"]', ['\\ud83d', '\ufffd']],
  ])('with half a surrogate pair in %s has U+FFFD there', (_, text, value) => {
    expect(parse(text)).toEqual({ ok: true, value });
  });

  it('with a torn escape stays invalid_json', () => {
    for (const text of ['["\\ud8","a"]', '["\\ud83"]', '["\\ud83d\\ude"]', '["\\ud8']) {
      expect(parse(text)).toMatchObject({ ok: false, failure: { code: 'invalid_json' } });
    }
  });

  it('may nest 64 deep, and brackets inside strings do not count', () => {
    expect(parse(nested(64)).ok).toBe(true);
    expect(parse(JSON.stringify(`\\"${'['.repeat(500)}`)).ok).toBe(true);
  });

  it('that is not UTF-8 is invalid_json', () => {
    const bytes = Uint8Array.from([0x22, 0xff, 0xfe, 0x22]);
    expect(parseJsonBody(bytes)).toMatchObject({ ok: false, failure: { code: 'invalid_json' } });
  });

  it('is not quoted in the message', () => {
    const parsed = parse('{"secret-content": oops}');
    expect(parsed.ok ? '' : parsed.failure.message).not.toContain('secret');
  });
});

describe('the memory of a request body', () => {
  const asked = (text: string, known: KnownMembers) => {
    const bytes: number[] = [];
    parseJsonBody(Buffer.from(text), known, (heldBytes) => void bytes.push(heldBytes));
    return bytes;
  };
  const known: KnownMembers = new Map([['a', undefined]]);

  it('is reserved before the parse, and less of it after the parse where no spelling was kept', () => {
    const [before = 0, behind = 0] = asked(`{"a":"${'x'.repeat(1_000)}"}`, known);
    expect(before).toBeGreaterThan(behind);
    expect(behind).toBeGreaterThan(2_000);
    const [most, kept] = asked(`{"b": "${'x'.repeat(1_000)}"}`, known);
    expect(kept).toBe(most);
  });

  it('is more where a character takes two bytes, written as it is or escaped', () => {
    const [, plain = 0] = asked(`{"a":"${'x'.repeat(100_000)}"}`, known);
    for (const wide of ['€', '\\u20ac']) {
      expect(asked(`{"a":"${wide}${'x'.repeat(100_000)}"}`, known)[1]).toBeGreaterThan(1.9 * plain);
    }
  });

  it('is not taken where none is left', () => {
    const parser = vi.spyOn(JSON, 'parse');
    const refusal = failure('overloaded', 'No room.');
    try {
      expect(parseJsonBody(Buffer.from('{"a":1}'), known, () => refusal)).toEqual({
        ok: false,
        failure: refusal,
      });
      expect(parser).not.toHaveBeenCalled();
    } finally {
      parser.mockRestore();
    }
  });
});

describe('a request body that is written again', () => {
  const ofMessage: KnownMembers = new Map([
    ['role', undefined],
    ['n', undefined],
  ]);
  const known: KnownMembers = new Map([
    ['n', undefined],
    ['schema', undefined],
    ['messages', ofMessage],
  ]);
  const rewritten = (text: string) => {
    const parsed = parseJsonBody(Buffer.from(text), known);
    return parsed.ok ? writeExactly(parsed.value) : parsed.failure.code;
  };
  const parsedCharacters = (text: string) => {
    const parser = vi.spyOn(JSON, 'parse');
    try {
      parseJsonBody(Buffer.from(text), known);
      return parser.mock.calls.reduce((sum, [part]) => sum + part.length, 0);
    } finally {
      parser.mockRestore();
    }
  };

  it('has unknown members byte for byte, at every depth', () => {
    const text =
      '{"x" : { "2":1.0,\n"1":"\\u00e9" },"messages":[{"role":"a","y":[ 1 ]},[{"z": -0}]],"caf\\u00e9":1}';
    expect(rewritten(text)).toBe(text);
  });

  it('has numbers that are only passed on as they were written, and known numbers as we write them', () => {
    expect(rewritten('{"n": 1.0, "schema": {"n": 1.0, "s":"\\u00e9"}, "messages": [{"n": 1.0}]}')).toBe(
      '{"n":1,"schema":{"n":1.0,"s":"é"},"messages":[{"n":1}]}',
    );
  });

  it('has the last member of each name', () => {
    expect(rewritten('{"x": 1.0,"x":1,"n":1,"n":2.0}')).toBe('{"x":1,"n":2}');
    expect(rewritten('{"messages":{"y": 1.0},"messages":{"y":1}}')).toBe('{"messages":{"y":1}}');
    expect(rewritten('{"messages":{"y": 1.0},"messages":{"role":1}}')).toBe('{"messages":{"role":1}}');
    expect(rewritten('{"messages":[{"y": [1.0]}],"messages":7}')).toBe('{"messages":7}');
  });

  it.each([
    ['of a megabyte in ASCII', 'a'],
    ['of a megabyte in two bytes a character', '€'],
  ])('is parsed once, though the last of many members of one name is a text %s', (_, character) => {
    const last = `"x":"${character.repeat(1_000_000)}"`;
    const text = `{${'"x":"",'.repeat(2_000)}${last}}`;
    expect(parsedCharacters(text)).toBeLessThan(2 * text.length);
    expect(rewritten(text)).toBe(`{${last}}`);
  });

  it.each([
    ['in fields that we would write so', '"u', '":{"a":[1]}'],
    ['in fields that we would write otherwise', '"u', '":{"a": [1]}'],
    ['with escapes', '"u', '":"\\n"'],
  ])('is parsed once, and a second time in a small part of it: %s', (_, before, behind) => {
    const members = Array.from({ length: 20_000 }, (__, index) => `${before}${index}${behind}`);
    const text = `{${members.join()}}`;
    expect(parsedCharacters(text)).toBeLessThan(text.length + 70_000);
    expect(rewritten(text)).toBe(text);
  });

  it('keeps a large member as bytes where its text takes two bytes a character', () => {
    const kept = (character: string) => {
      const parsed = parseJsonBody(Buffer.from(`{"x": ["${character.repeat(10_000)}"]}`), known);
      if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null) return undefined;
      return rawMembersOf(parsed.value)?.texts.get('x');
    };
    expect(kept('a')).toBeTypeOf('string');
    expect(kept('€')).toBeInstanceOf(Buffer);
    expect(rewritten('{"x": "€","y":{"z": 1}}')).toBe('{"x": "€","y":{"z": 1}}');
  });

  it('obeys the same rules inside unknown members', () => {
    expect(rewritten('{"x": "\\ud83d", "\\udE00": 1.0}')).toBe('{"x": "\\ufffd","\\ufffd": 1.0}');
    expect(rewritten('{"x": 1e400}')).toBe('invalid_value');
    expect(rewritten(`{"x": ${nested(64)}}`)).toBe('invalid_value');
  });
});
