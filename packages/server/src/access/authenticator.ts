import { createHash, timingSafeEqual } from 'node:crypto';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { extractKey, type RequestHeaders } from './extract-key.ts';

/** Whoever asks, once the key has been looked at. */
export interface Principal {
  /** The same for the same key on every replica; never the key. */
  readonly keyId: string;
  readonly admin: boolean;
}

/** What a matched route asks for. */
export type Access = 'public' | 'key' | 'admin';

export interface FixedKeys {
  readonly apiKeys: readonly string[];
  readonly adminKeys: readonly string[];
  readonly keyPrefix: string;
  /** False only on loopback: every caller is then an administrator without a key. */
  readonly required: boolean;
}

/** Decides before any byte of a body is read. */
export interface Authenticator {
  /**
   * Failures: `missing_api_key`, `invalid_api_key`, `admin_required`, and what {@link extractKey} finds.
   * `query` is the raw query string.
   */
  authenticate(access: Access, headers: RequestHeaders, query: string): Result<Principal>;
}

const nobody: Principal = { keyId: 'anonymous', admin: false };

export function createAuthenticator(keys: FixedKeys): Authenticator {
  // Digests of equal length, so that comparing tells nothing of the keys, and none of them stays in memory.
  const known = [
    ...keys.adminKeys.map((key) => ({ digest: digest(key), principal: principalOf(key, true) })),
    ...keys.apiKeys.map((key) => ({ digest: digest(key), principal: principalOf(key, false) })),
  ];

  return {
    authenticate: (access, headers, query) => {
      const extracted = extractKey(headers, query, keys.keyPrefix);
      if (!extracted.ok) return extracted;
      if (access === 'public') return ok(nobody);
      if (!keys.required) return ok({ ...nobody, admin: true });
      if (extracted.value === undefined) return fail(missingKey(access, headers));
      const given = digest(extracted.value);
      let found: Principal | undefined;
      for (const candidate of known) {
        if (timingSafeEqual(candidate.digest, given)) found ??= candidate.principal;
      }
      if (found === undefined) {
        return fail(
          failure(
            'invalid_api_key',
            'This API key is not known here. Check it, and that it was made for this server.',
          ),
        );
      }
      if (access === 'admin' && !found.admin) {
        return fail(failure('admin_required', 'This route takes an admin key; an API key came.'));
      }
      return ok(found);
    },
  };
}

function missingKey(access: Access, headers: RequestHeaders): Failure {
  const what = access === 'admin' ? 'admin key' : 'API key';
  const sent = headers['authorization'] !== undefined;
  const came = sent ? `The Authorization header has no ${what} in it` : `No ${what} came with this request`;
  return failure('missing_api_key', `${came}. Send it as 'Authorization: Bearer KEY'.`);
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function principalOf(key: string, admin: boolean): Principal {
  return { keyId: `key_${digest(key).toString('hex').slice(0, 16)}`, admin };
}
