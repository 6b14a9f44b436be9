import { expect, it } from 'vitest';
import { csv } from './csv.ts';

it('writes a header line always, and ends each line with CRLF', () => {
  expect(csv(['day', 'requests'], [])).toBe('day,requests\r\n');
  expect(csv(['day', 'requests'], [{ day: '2026-11-28', requests: 3 }])).toBe(
    'day,requests\r\n2026-11-28,3\r\n',
  );
});

it.each([
  [null, ''],
  [0, '0'],
  [-5, '-5'],
  [true, 'true'],
  ['plain text', 'plain text'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  [' padded', '" padded"'],
  ['=1+2', "'=1+2"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@sum(a1)', "'@sum(a1)"],
  [' =1', `' =1`],
  ['\t=1', "'\t=1"],
  ['\r=1', '"\'\r=1"'],
  ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ['＝1', "'＝1"],
  ['a=1', 'a=1'],
])('the cell %j is %j', (value, text) => {
  expect(csv(['c'], [{ c: value }])).toBe(`c\r\n${text}\r\n`);
});

it('guards the names of columns too', () => {
  expect(csv(['tag:-x', 'a,b'], [])).toBe('tag:-x,"a,b"\r\n');
});
