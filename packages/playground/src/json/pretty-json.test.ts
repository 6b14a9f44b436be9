import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prettyJson, writtenJson } from './pretty-json.ts';

test('JSON is written with a line for each member, as JSON.stringify does', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const spelt = JSON.stringify(value);
      expect(prettyJson(spelt)).toBe(JSON.stringify(JSON.parse(spelt), null, 2));
    }),
  );
});

test('spellings are kept, what is no JSON is left alone, and depth costs no room', () => {
  expect(prettyJson('{"a":1.0e5,"a":12345678901234567890}')).toBe(
    '{\n  "a": 1.0e5,\n  "a": 12345678901234567890\n}',
  );
  expect(prettyJson('{"a":')).toBe('{"a":');
  expect(prettyJson('['.repeat(10_000) + ']'.repeat(10_000)).length).toBeLessThan(2_000_000);
});

test('what a person shall change has its short parts on one line', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a', 'b'] };
  expect(writtenJson(schema)).toBe(
    '{\n  "type": "object",\n  "properties": {\n    "a": { "type": "string" }\n  },\n  "required": ["a", "b"]\n}',
  );
});
