import { describe, expect, it } from 'vitest';
import { parseForeignJson } from './json.ts';

describe('JSON of clients and upstreams', () => {
  it('is parsed correctly after a text with a name that is one backslash', () => {
    const poison = String.raw`{"first": 1, "\\": 2}`;
    expect(() => parseForeignJson(poison)).toThrow('one backslash');
    expect(() => parseForeignJson(String.raw`{"first": 1,"\u005C" :2}`)).toThrow(SyntaxError);
    expect(() => parseForeignJson(poison)).toThrow(SyntaxError);
    expect(parseForeignJson(String.raw`{"first": 1, "\u00e9": 2}`)).toEqual({ first: 1, é: 2 });
    expect(parseForeignJson(String.raw`{"first": 1, "\n": 2}`)).toEqual({ first: 1, '\n': 2 });
  });

  it.each([
    String.raw`{"a": "\\"}`,
    String.raw`["\\", "\\"]`,
    String.raw`{"a\"\\": 1}`,
    String.raw`{"a": "{\"\\\\\": 1}"}`,
    String.raw`{"\\\\": 1}`,
    String.raw`{"\\n": ", \"\\\\\" :"}`,
  ])('may have a backslash elsewhere: %s', (text) => {
    expect(parseForeignJson(text)).toEqual(JSON.parse(text));
  });
});
