import { hash, timingSafeEqual } from 'node:crypto';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { extractKey, type RequestHeaders } from './extract-key.ts';

/** The sender of a request, as its key identifies it. */
export interface Principal {
  /** Derived from the key, so it is the same on every replica. Never the key itself. */
  readonly keyId: string;
  readonly admin: boolean;
}

/** The key that a route requires. */
export type Access = 'public' | 'key' | 'admin';

export interface FixedKeys {
  readonly apiKeys: readonly string[];
  readonly adminKeys: readonly string[];
  readonly keyPrefix: string;
  /** False only on loopback: then every sender is an administrator without a key. */
  readonly required: boolean;
}

/** Identifies the sender of a request before any byte of the body is read. */
export interface Authenticator {
  /**
   * Failures: `missing_api_key`, `invalid_api_key`, `admin_required`, and those of {@link extractKey}.
   * `query` is the raw query string.
   */
  authenticate(access: Access, headers: RequestHeaders, query: string): Result<Principal>;
}

const anonymous: Principal = { keyId: 'anonymous', admin: false };

export function createAuthenticator(keys: FixedKeys): Authenticator {
  // Digests, so that the time of a comparison reveals nothing of a key, and no key is kept in memory.
  const known = [
    ...keys.adminKeys.map((key) => ({ digest: digest(key), principal: principalOf(key, true) })),
    ...keys.apiKeys.map((key) => ({ digest: digest(key), principal: principalOf(key, false) })),
  ];

  return {
    authenticate: (access, headers, query) => {
      const extracted = extractKey(headers, query, keys.keyPrefix);
      if (!extracted.ok) return extracted;
      if (access === 'public') return ok(anonymous);
      if (!keys.required) return ok({ ...anonymous, admin: true });
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
  return hash('sha256', key, 'buffer');
}

function principalOf(key: string, admin: boolean): Principal {
  return { keyId: `key_${digest(key).toString('hex').slice(0, 16)}`, admin };
}
