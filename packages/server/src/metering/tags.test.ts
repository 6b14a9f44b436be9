import { expect, test } from 'vitest';
import { readTags } from './tags.ts';

const read = (...lines: string[]) => {
  const tags = readTags(lines);
  return tags.ok ? tags.value : tags.failure.message;
};

test('tags are read from one header line or several', () => {
  expect(read('team=blue, job=7', 'path=/a/b:c.d-e_f')).toEqual({
    team: 'blue',
    job: '7',
    path: '/a/b:c.d-e_f',
  });
  expect(read(' , ,')).toEqual({});
  expect(readTags(undefined)).toEqual({ ok: true, value: {} });
});

test('the name of a member of every object is an ordinary tag', () => {
  expect(Object.entries(readTags(['__proto__=x']).ok ? read('__proto__=x') : {})).toEqual([
    ['__proto__', 'x'],
  ]);
});

test.each([
  ['team', "'team' is no tag"],
  ['=blue', "'=blue' is no tag"],
  ['team=', "'team=' is no tag"],
  ['team=a b', 'is no tag'],
  ['team=a=b', 'is no tag'],
  [`team=${'x'.repeat(65)}`, 'is no tag'],
  ['team=a,team=b', "'team' stands twice"],
  [Array.from({ length: 11 }, (_, index) => `t${index}=1`).join(), 'at most 10 tags; 11 came'],
])('%s is refused', (line, message) => {
  expect(read(line)).toContain(message);
  expect(readTags([line])).toMatchObject({ failure: { code: 'invalid_value', param: 'tailrace-tags' } });
});
