import { describe, expect, it, vi } from 'vitest';
import { writeExactly } from '../domain/exact-json.ts';
import type { KnownMembers } from '../domain/read-spellings.ts';
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
    ['half a surrogate pair', '{"a": {"b": "\\ud83d"}}', 'a.b'],
    ['half a surrogate pair in a key', '{"a": {"\\ud83d": 1}}', 'a'],
    ['65 levels', `{"a": ${nested(64)}}`, `a${'[0]'.repeat(63)}`],
  ])('with %s is invalid_value at its path', (_, text, param) => {
    expect(parse(text)).toMatchObject({ ok: false, failure: { code: 'invalid_value', param } });
  });

  it('may be a million deep without any harm', () => {
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

  it('is walked for what is wrong only where something may be', () => {
    const walk = vi.spyOn(String.prototype, 'isWellFormed');
    try {
      parse(`["\\ud83d\\ude00", 1.5, "${'é'.repeat(50)}"]`);
      expect(walk).not.toHaveBeenCalled();
      parse('["\\ud83d"]');
      expect(walk).toHaveBeenCalled();
    } finally {
      walk.mockRestore();
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

  it('has members without a name here byte for byte, at every depth where members have names', () => {
    const text =
      '{"x" : { "2":1.0,\n"1":"\\u00e9" },"messages":[{"role":"a","y":[ 1 ]},[{"z": -0}]],"caf\\u00e9":1}';
    expect(rewritten(text)).toBe(text);
  });

  it('has the numbers of others as they were written, and ours as we write them', () => {
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

  it('is held to the same rules in what has no name', () => {
    expect(rewritten('{"x": "\\ud83d"}')).toBe('invalid_value');
    expect(rewritten('{"x": 1e400}')).toBe('invalid_value');
    expect(rewritten(`{"x": ${nested(64)}}`)).toBe('invalid_value');
  });
});
