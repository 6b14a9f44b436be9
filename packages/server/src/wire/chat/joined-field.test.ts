import { expect, test } from 'vitest';
import { createJoinedField } from './joined-field.ts';

function joined(...pieces: readonly string[]): string {
  const field = createJoinedField();
  for (const piece of pieces) field.add(piece);
  return field.toJson();
}

test.each<[string, readonly string[], string]>([
  ['one piece as it came', ['{"__proto__":{"a":1.0},"b":null}'], '{"__proto__":{"a":1.0},"b":null}'],
  ['lists', ['[{"a":1.0}]', '[]', '[2,3]'], '[{"a":1.0},2,3]'],
  ['texts', ['"ha"', '"ha"', '"\\u00e9"'], '"haha\\u00e9"'],
  [
    'OpenAI’s audio',
    [
      '{"id":"audio_1","transcript":"Hel"}',
      '{"id":"audio_1","transcript":"lo","data":null}',
      '{"data":"AA"}',
      '{"data":"BB"}',
      '{"expires_at":1}',
      '{"expires_at":17000000000000000001}',
    ],
    '{"id":"audio_1","transcript":"Hello","data":"AABB","expires_at":17000000000000000001}',
  ],
  ['a member that carried nothing', ['{"a":null}', '{"b":1}'], '{"b":1,"a":null}'],
  ['objects inside objects', ['{"a":{"b":"x"}}', '{"a":{"b":"y","c":[1]}}'], '{"a":{"b":"xy","c":[1]}}'],
  ['the last number', ['1', '2.0'], '2.0'],
])('pieces that belong together are joined: %s', (_, pieces, whole) => {
  expect(joined(...pieces)).toBe(whole);
});

test.each<[string, readonly string[], string]>([
  [
    'objects with other ids',
    ['{"id":1,"t":"a"}', '{"id":2,"t":"b"}', '{"id":2,"t":"c"}'],
    '[{"id":1,"t":"a"},{"id":2,"t":"bc"}]',
  ],
  ['objects of other types', ['{"type":"a"}', '{"type":"b"}'], '[{"type":"a"},{"type":"b"}]'],
  ['a text and a list', ['"a"', '[1]', '2'], '["a",[1],2]'],
  [
    'an object whose prototype would change',
    ['{"a":1}', '{"__proto__":{"b":1}}'],
    '[{"a":1},{"__proto__":{"b":1}}]',
  ],
  [
    'objects that are nested deep',
    ['{"a":{"b":{"c":{"d":1}}}}', '{"a":{"b":{"c":{"d":2}}}}', '{"a":{"b":{"c":{"d":2}}}}'],
    '{"a":{"b":{"c":[{"d":1},{"d":2}]}}}',
  ],
])('pieces that do not belong together become a list, and nothing is lost: %s', (_, pieces, whole) => {
  expect(joined(...pieces)).toBe(whole);
});
