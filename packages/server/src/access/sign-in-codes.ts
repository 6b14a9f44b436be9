import { randomBytes, timingSafeEqual } from 'node:crypto';
import { digestOfKey } from './issued-key.ts';

/** A code that signs one browser in, once. It is shown to the operator only, and logged nowhere. */
export interface SignInCode {
  /** 22 letters, digits, `-` and `_`: 128 random bits. */
  readonly code: string;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

/** `unknown`: there is no such code, or it was used, or its time is over. */
export type RedeemedCode =
  | { readonly type: 'redeemed'; readonly keyId: string }
  | { readonly type: 'unknown' }
  | { readonly type: 'too-many'; readonly retryAfterMs: number };

/** The codes of one service. They outlive a reload, and end with the process that keeps them. */
export interface SignInCodes {
  /** A code for a session of this admin key. */
  issue(keyId: string): SignInCode | Promise<SignInCode>;
  /** Uses a code up. */
  redeem(code: string): RedeemedCode | Promise<RedeemedCode>;
}

const lifeMs = 600_000;
/** A program that asks for codes in a loop keeps the newest. */
const mostCodes = 100;
/** Wrong codes that are compared in a minute, of all senders together; a person mistypes none of these codes. */
const wrongPerMinute = 20;
const minuteMs = 60_000;

interface Kept {
  readonly digest: Buffer;
  readonly keyId: string;
  readonly expiresAtMs: number;
}

/** `now`: Unix milliseconds. */
export function createSignInCodes(now: () => number): {
  issue(keyId: string): SignInCode;
  redeem(code: string): RedeemedCode;
} {
  let kept: readonly Kept[] = [];
  let wrong = 0;
  let minuteEndsMs = 0;

  const living = (): readonly Kept[] => kept.filter(({ expiresAtMs }) => expiresAtMs > now());

  return {
    issue(keyId) {
      const code = randomBytes(16).toString('base64url');
      const expiresAtMs = now() + lifeMs;
      kept = [...living(), { digest: digestOfKey(code), keyId, expiresAtMs }].slice(-mostCodes);
      return { code, expiresAtMs };
    },
    redeem(code) {
      if (now() >= minuteEndsMs) {
        minuteEndsMs = now() + minuteMs;
        wrong = 0;
      }
      // Also a code that is right: else the limit would bound nothing.
      if (wrong >= wrongPerMinute) return { type: 'too-many', retryAfterMs: minuteEndsMs - now() };
      const digest = digestOfKey(code);
      let found: Kept | undefined;
      for (const one of living()) if (timingSafeEqual(one.digest, digest)) found ??= one;
      if (found === undefined) {
        wrong += 1;
        return { type: 'unknown' };
      }
      kept = kept.filter((one) => one !== found);
      return { type: 'redeemed', keyId: found.keyId };
    },
  };
}
