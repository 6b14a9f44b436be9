import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/*
 * A sign-in by a provider that was begun and waits for the browser to come back. As with sessions nothing of it is stored, so any
 * worker and any replica takes it up again. Its cookie has an id only; what must not be guessed is made of that id under the secret
 * that signs sessions.
 *
 *     ID . EXPIRES . HMAC-SHA-256       time in Unix seconds
 */

export interface SignInAttempt {
  /** For the cookie of the browser. */
  readonly token: string;
  /** Comes back in the address: the answer is for the browser that has this cookie. */
  readonly state: string;
  /** Comes back in the id token: it was made for this attempt. */
  readonly nonce: string;
  /** PKCE: whoever sees the code on its way cannot use it. */
  readonly verifier: string;
}

export type AttemptVerdict =
  | { readonly type: 'valid'; readonly attempt: SignInAttempt }
  | { readonly type: 'invalid' }
  | { readonly type: 'unavailable' };

export interface SignInAttempts {
  /** Undefined while this process has not read the secret. */
  begin(): SignInAttempt | undefined;
  /** The attempt of this cookie, where `state` belongs to it. Never throws, whatever came. */
  read(token: string, state: string): AttemptVerdict;
}

/** How long a person may take at the provider. */
export const attemptLifeS = 600;

const tokenForm = /^([0-9a-f]{32})\.([1-9]\d{0,11})\.([0-9a-f]{64})$/;

export function createSignInAttempts({
  secret,
  newId,
  now,
}: {
  /** Undefined until this process has read it. */
  secret(): KeyObject | undefined;
  /** 128 random bits in hexadecimal digits. */
  newId(): string;
  /** Unix milliseconds. */
  now(): number;
}): SignInAttempts {
  const nowS = () => Math.floor(now() / 1_000);
  return {
    begin() {
      const key = secret();
      return key === undefined ? undefined : attemptOf(key, `${newId()}.${nowS() + attemptLifeS}`);
    },
    read(token, state) {
      const [, id, expires] = tokenForm.exec(token) ?? [];
      if (id === undefined) return { type: 'invalid' };
      const key = secret();
      if (key === undefined) return { type: 'unavailable' };
      const attempt = attemptOf(key, `${id}.${expires}`);
      const holds = same(attempt.token, token) && same(attempt.state, state) && Number(expires) > nowS();
      return holds ? { type: 'valid', attempt } : { type: 'invalid' };
    },
  };
}

function attemptOf(secret: KeyObject, claims: string): SignInAttempt {
  return {
    token: `${claims}.${digest(secret, 'cookie', claims)}`,
    // A text that begins with a digit cannot be taken for an API key in the address, whatever their prefix is.
    state: `0${digest(secret, 'state', claims)}`,
    nonce: digest(secret, 'nonce', claims),
    verifier: digest(secret, 'verifier', claims),
  };
}

/** The first line is the purpose: what is seen in an address says nothing of the cookie or of the verifier. */
function digest(secret: KeyObject, purpose: string, claims: string): string {
  return createHmac('sha256', secret).update(`tailrace oidc ${purpose}\n${claims}`).digest('hex');
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
