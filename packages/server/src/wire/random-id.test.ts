import { expect, it } from 'vitest';
import { randomId } from './random-id.ts';

it('makes ids of the length and the alphabet that were asked for', () => {
  expect(randomId(12, 'hex')).toMatch(/^[0-9a-f]{24}$/);
  expect(randomId(16, 'base64url')).toMatch(/^[\w-]{22}$/);
});

it('makes no id twice, also where the random bytes are drawn anew', () => {
  const ids = Array.from({ length: 10_000 }, () => randomId(16, 'hex'));
  expect(new Set(ids).size).toBe(ids.length);
});
