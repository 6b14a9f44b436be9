import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/*
 * The signed address of one stream: `/v1/streams/{id}?expires=UNIX&signature=HEX`. A reader of this address needs no key. The
 * signature is HMAC-SHA-256 over id and expiry, under a secret that all replicas of a store share (contract, section 6).
 */

/** What a signed address has in its query, as it came. */
export interface SignedQuery {
  readonly expires: string;
  readonly signature: string;
}

/**
 * `valid`: this server, or a replica of it, has signed this id and this expiry, which is still to come. `invalid`: none has, or
 * the time is over. `unavailable`: this process has not read the secret yet, because the store is away since its start.
 */
export type SignatureVerdict = 'valid' | 'invalid' | 'unavailable';

/** Signs and verifies with the secret in force, so a rotation ends every address that was signed before. */
export interface StreamSignature {
  /**
   * The signature of a stream's id until `expiresS` (Unix seconds): 64 hexadecimal digits. Undefined while this process has not
   * read the secret; the stream then has no signed address.
   */
  sign(id: string, expiresS: number): string | undefined;
  /** Never throws, whatever came. `nowMs`: Unix milliseconds. */
  verify(id: string, asked: SignedQuery, nowMs: number): SignatureVerdict;
}

/** `0` and numbers with leading zeros are other texts for no time that was ever signed. */
const expiryForm = /^[1-9]\d{0,11}$/;
const signatureForm = /^[0-9a-f]{64}$/;

/** `timeouts.total` and the retention can be 25 days each; what expires later than both together was not signed here. */
const longestLifeMs = 60 * 86_400_000;

/** `secret`: undefined until this process has read it. */
export function createStreamSignature(secret: () => KeyObject | undefined): StreamSignature {
  return {
    sign(id, expiresS) {
      const key = secret();
      return key === undefined ? undefined : digest(key, id, String(expiresS)).toString('hex');
    },
    verify(id, { expires, signature }, nowMs) {
      if (!expiryForm.test(expires) || !signatureForm.test(signature)) return 'invalid';
      // Half a surrogate pair would be signed as U+FFFD: several ids would have one signature.
      if (!id.isWellFormed()) return 'invalid';
      const key = secret();
      if (key === undefined) return 'unavailable';
      if (!timingSafeEqual(digest(key, id, expires), Buffer.from(signature, 'hex'))) return 'invalid';
      const leftMs = Number(expires) * 1_000 - nowMs;
      return leftMs > 0 && leftMs <= longestLifeMs ? 'valid' : 'invalid';
    },
  };
}

/** The expiry has only digits, so the first line feed ends it: no other pair of expiry and id has the same bytes. */
function digest(key: KeyObject, id: string, expires: string): Buffer {
  return createHmac('sha256', key).update(`tailrace stream\n${expires}\n${id}`).digest();
}

/**
 * What a query has of a signed address; undefined where it has no `signature`. A parameter that is missing or that comes twice is
 * an empty text, which is no valid one.
 */
export function readSignedQuery(query: string): SignedQuery | undefined {
  // Nearly every request of these routes has a short query, and most have none.
  if (query === '') return undefined;
  const parameters = new URLSearchParams(query);
  if (!parameters.has('signature')) return undefined;
  const only = (name: string): string => {
    const values = parameters.getAll(name);
    return values.length === 1 ? (values[0] ?? '') : '';
  };
  return { expires: only('expires'), signature: only('signature') };
}

/** Whether a parameter of a query is a signature: its digits may begin like a key, and are none. */
export function isSignature(name: string, value: string): boolean {
  return name === 'signature' && signatureForm.test(value);
}
