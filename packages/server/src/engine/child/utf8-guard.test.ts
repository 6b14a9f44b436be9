import { expect, test } from 'vitest';
import { createUtf8Guard } from './utf8-guard.ts';

/** One token for each byte, its id the byte. */
const guard = createUtf8Guard(
  Array.from({ length: 128 }, (_, index) => [0x80 + index, Uint8Array.of(0x80 + index)] as const),
);

test('two bytes that are sampled with the guard never begin an ill-formed character', () => {
  const fatal = new TextDecoder('utf-8', { fatal: true });
  for (let lead = 0xc0; lead <= 0xff; lead++) {
    const forbidden = guard.after(Uint8Array.of(lead));
    for (let next = 0x80; next <= 0xbf; next++) {
      const rest = lead < 0xe0 ? [] : lead < 0xf0 ? [0x80] : [0x80, 0x80];
      let wellFormed = true;
      try {
        fatal.decode(Uint8Array.of(lead, next, ...rest));
      } catch {
        wellFormed = false;
      }
      const allowed = !guard.never.includes(lead) && !forbidden.includes(next);
      expect(allowed, `${lead.toString(16)} ${next.toString(16)}`).toBe(wellFormed);
    }
  }
});

test('allows tokens of whole characters and of parts, and forbids ill-formed ones', () => {
  const tokens = new Map([
    [1, Uint8Array.of(0xf0, 0x9f)],
    [2, Uint8Array.of(0x98, 0x80)],
    [3, new TextEncoder().encode('é漢')],
    [4, Uint8Array.of(0xed, 0xa0)],
    [5, Uint8Array.of(0x61, 0xc0)],
    [6, Uint8Array.of(0xc3, 0x61)],
  ]);
  expect(createUtf8Guard(tokens).never).toEqual([4, 5, 6]);
});
