import { expect, test } from 'vitest';
import { hexDump, visibleText } from './byte-texts.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('line ends and other control characters are to be seen', () => {
  expect(visibleText(bytesOf('data: 1\r\n\r\n\t\0\x7f'))).toBe('data: 1←↵\n←↵\n→‹00›‹7f›');
});

test('bytes that are no text do not end the text', () => {
  expect(visibleText(Uint8Array.of(0x61, 0xff, 0xc3))).toBe('a\ufffd\ufffd');
});

test('a dump has sixteen bytes a line, with their places and their letters', () => {
  expect(hexDump(bytesOf('data: {"id":"chatcmpl-ü\n"}')).split('\n')).toEqual([
    '00000000  64 61 74 61 3a 20 7b 22  69 64 22 3a 22 63 68 61  |data: {"id":"cha|',
    '00000010  74 63 6d 70 6c 2d c3 bc  0a 22 7d                 |tcmpl-..."}|',
  ]);
});
