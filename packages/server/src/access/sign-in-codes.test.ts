import { expect, test } from 'vitest';
import { createSignInCodes } from './sign-in-codes.ts';

function codesAt(time: { ms: number }) {
  return createSignInCodes(() => time.ms);
}
const redeemed = { type: 'redeemed', keyId: 'key_1' };
const unknown = { type: 'unknown' };

test('a code has 128 bits, and signs in once', () => {
  const codes = codesAt({ ms: 0 });
  const { code } = codes.issue('key_1');
  expect(Buffer.from(code, 'base64url')).toHaveLength(16);
  expect(codes.issue('key_1').code).not.toBe(code);
  expect(codes.redeem(code)).toEqual(redeemed);
  expect(codes.redeem(code)).toEqual(unknown);
});

test('a code lasts ten minutes', () => {
  const time = { ms: 1_000 };
  const codes = codesAt(time);
  const [early, late] = [codes.issue('key_1'), codes.issue('key_1')];
  expect(early.expiresAtMs).toBe(601_000);
  time.ms = 600_999;
  expect(codes.redeem(early.code)).toEqual(redeemed);
  time.ms = 601_000;
  expect(codes.redeem(late.code)).toEqual(unknown);
});

test('after twenty wrong codes in a minute none is taken, also a right one, until the minute is over', () => {
  const time = { ms: 5_000 };
  const codes = codesAt(time);
  const { code } = codes.issue('key_1');
  for (let tries = 0; tries < 20; tries += 1) expect(codes.redeem(`wrong ${tries}`)).toEqual(unknown);
  time.ms += 20_000;
  expect(codes.redeem(code)).toEqual({ type: 'too-many', retryAfterMs: 40_000 });
  time.ms += 40_000;
  expect(codes.redeem(code)).toEqual(redeemed);
});

test('right codes do not count as tries', () => {
  const codes = codesAt({ ms: 0 });
  for (let tries = 0; tries < 50; tries += 1)
    expect(codes.redeem(codes.issue('key_1').code)).toEqual(redeemed);
});

test('of more than a hundred codes the newest are kept', () => {
  const codes = codesAt({ ms: 0 });
  const [first, second] = [codes.issue('key_1'), codes.issue('key_1')];
  for (let made = 0; made < 99; made += 1) codes.issue('key_2');
  expect(codes.redeem(first.code)).toEqual(unknown);
  expect(codes.redeem(second.code)).toEqual(redeemed);
});
