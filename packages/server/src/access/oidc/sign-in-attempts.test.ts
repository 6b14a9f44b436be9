import { createSecretKey, type KeyObject } from 'node:crypto';
import { expect, it } from 'vitest';
import { createSessions } from '../sessions.ts';
import { attemptLifeS, createSignInAttempts } from './sign-in-attempts.ts';

const secretOf = (byte: number) => createSecretKey(Buffer.alloc(32, byte));

/** One process of a service. All of these share a clock. */
function processWith(secret: KeyObject | undefined = secretOf(1)) {
  const time = { s: 1_800_000_000 };
  let ids = 0;
  const parts = {
    secret: () => secret,
    newId: () => {
      ids += 1;
      return String(ids).padStart(32, '0');
    },
    now: () => time.s * 1_000,
  };
  return { time, parts, attempts: createSignInAttempts(parts) };
}

function begun(attempts = processWith().attempts) {
  const attempt = attempts.begin();
  if (attempt === undefined) throw new Error('there is a secret');
  return attempt;
}

it('a sign-in that one process has begun is finished by another with the same secret, within ten minutes', () => {
  const attempt = begun();
  const other = processWith();
  expect(other.attempts.read(attempt.token, attempt.state)).toEqual({ type: 'valid', attempt });
  other.time.s += attemptLifeS - 1;
  expect(other.attempts.read(attempt.token, attempt.state)).toMatchObject({ type: 'valid' });
  other.time.s += 1;
  expect(other.attempts.read(attempt.token, attempt.state)).toEqual({ type: 'invalid' });
});

it('what is seen in the address says nothing of the cookie, and no part is the other', () => {
  const { token, state, nonce, verifier } = begun();
  const parts = [token.split('.').at(-1), state.slice(1), nonce, verifier];
  expect(new Set(parts).size).toBe(4);
  for (const part of [nonce, verifier, state]) expect(token).not.toContain(part);
  // The form of PKCE.
  expect(verifier).toMatch(/^[\w.~-]{43,128}$/);
});

it('the state of another browser, or a cookie that was changed, is none', () => {
  const { attempts } = processWith();
  const [mine, others] = [begun(attempts), begun(attempts)];
  const [id, expires, signature] = mine.token.split('.');
  for (const [token, state] of [
    [mine.token, others.state],
    [mine.token, ''],
    [mine.token, mine.state.slice(1)],
    ['', ''],
    ['', mine.state],
    [`${id}.${Number(expires) + 60}.${signature}`, mine.state],
    [`${id}.${expires}.${'0'.repeat(64)}`, mine.state],
    [`${mine.token}0`, mine.state],
    [mine.token, `${mine.state}é`],
  ] as const)
    expect(attempts.read(token, state)).toEqual({ type: 'invalid' });
});

it('holds no more after a rotation of the secret, and is no session', () => {
  const attempt = begun();
  expect(processWith(secretOf(2)).attempts.read(attempt.token, attempt.state)).toEqual({ type: 'invalid' });
  const { parts } = processWith();
  const ended = { has: () => false, end: async () => {} };
  const sessions = createSessions({ ...parts, ended, isAdminKey: () => true });
  expect(sessions.read(attempt.token)).toEqual({ type: 'invalid' });
  const session = sessions.begin({ keyId: 'key_1', secure: false })?.token ?? '';
  expect(processWith().attempts.read(session, attempt.state)).toEqual({ type: 'invalid' });
});

it('neither begins nor ends while the secret has not been read', () => {
  const { attempts } = processWith();
  const attempt = begun(attempts);
  const without = createSignInAttempts({ ...processWith().parts, secret: () => undefined });
  expect(without.begin()).toBeUndefined();
  expect(without.read(attempt.token, attempt.state)).toEqual({ type: 'unavailable' });
});
