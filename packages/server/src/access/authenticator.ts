import { assertNever } from '../domain/assert-never.ts';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { Owner, StoredKey } from '../storage/contract.ts';
import type { Limits } from '../storage/keys.ts';
import { extractKey, type RequestHeaders } from './extract-key.ts';
import type { FixedKeys } from './fixed-keys.ts';
import { digestOfKey } from './issued-key.ts';
import type { KnownKey } from './key-mirror.ts';
import type { KeyAbsence } from './key-questions.ts';
import { comesFromOwnPage } from './own-origin.ts';
import { createPrincipal, type Principal } from './principal.ts';
import { readSessionCookie, writeSessionCookie } from './session-cookie.ts';
import type { Sessions } from './sessions.ts';
import type { StoredKeys } from './stored-keys.ts';
import { createStreamSignature, readSignedQuery, type SignatureVerdict } from './stream-signature.ts';

/**
 * What a route requires. `stream`: a key, or the signed address of the one stream whose id is in the path. `sign-in`: an admin key,
 * or nothing; then the route itself asks for a code. In a browser the cookie of a session stands for a key, but for `sign-in`.
 */
export type Access = 'public' | 'key' | 'stream' | 'admin' | 'sign-in';

/** How browsers that have signed in are recognized. */
export interface BrowserAccess {
  readonly sessions: Pick<Sessions, 'read'>;
  /** `server.public_url`. */
  readonly publicUrl: string | undefined;
}

export interface AuthenticatorOptions {
  readonly fixed: FixedKeys;
  readonly stored: StoredKeys;
  readonly keyPrefix: string;
  /** False only on loopback: then every sender is an administrator without a key. */
  readonly required: boolean;
  /** The limits of each key that has none of its own. */
  readonly limits: Pick<Limits, 'requestsPerMinute' | 'tokensPerMinute' | 'maxStreams'>;
  /** Default: no cookie is read. */
  readonly browsers?: BrowserAccess | undefined;
  /** Unix milliseconds. */
  now(): number;
}

/** Identifies the sender of a request before any byte of the body is read. */
export interface Authenticator {
  /**
   * Failures: `missing_api_key`, `invalid_api_key`, `expired_api_key`, `admin_required`, those of {@link extractKey};
   * `storage_unavailable` and `overloaded` for a key that can neither be found nor denied. For a signed address:
   * `completion_not_found`, and `storage_unavailable` while the secret has not been read; the same for a cookie, and
   * `expired_api_key` for one that holds no more, `admin_required` for one that another page has made the browser send. A promise
   * only where the ledger has to be asked for the key; it never rejects. `query` is the raw query string, `id` that of the path,
   * decoded.
   */
  authenticate(
    access: Access,
    headers: RequestHeaders,
    query: string,
    id: string,
  ): Result<Principal> | Promise<Result<Principal>>;
}

/** The owner of fixed keys, and of stored keys that name none. */
export const defaultOwner = 'default';

/** The key and the owner of what a browser asks that has signed in. */
const consoleKey = 'console';

/** The store keeps when a key was last used with a precision of a minute. */
const touchEachMs = 60_000;

/** A principal and what it was made of: it is made again where one of them has changed. */
interface Made {
  readonly key: StoredKey | undefined;
  readonly owner: Owner | undefined;
  readonly principal: Principal;
  touchedAtMs: number;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { fixed, stored, keyPrefix, required, limits, browsers, now } = options;
  const made = new Map<string, Made>();
  const signatures = createStreamSignature(stored.signingSecret);

  function principalOf(keyId: string, admin: boolean, key?: StoredKey): Made {
    const ownerId = key?.owner ?? defaultOwner;
    const owner = stored.owner(ownerId);
    const before = made.get(keyId);
    if (before !== undefined && before.key === key && before.owner === owner) return before;
    const principal = createPrincipal({ keyId, admin, key: key ?? {}, owner, ownerId, defaults: limits });
    const next = { key, owner, principal, touchedAtMs: before?.touchedAtMs ?? Number.NEGATIVE_INFINITY };
    made.set(keyId, next);
    return next;
  }

  function admitStored(found: KnownKey | KeyAbsence, access: Access): Result<Principal> {
    if (typeof found === 'string') return fail(absent[found]);
    const { key, hashExpiresAtMs } = found;
    const nowMs = now();
    if (key.revokedAtMs !== undefined) return fail(revoked);
    if (hashExpiresAtMs !== undefined && hashExpiresAtMs <= nowMs) return fail(rotated);
    if (key.expiresAtMs !== undefined && key.expiresAtMs <= nowMs) return fail(expired(key.expiresAtMs));
    if (takesAdmins(access)) return fail(adminRequired);
    const one = principalOf(key.id, false, key);
    if (nowMs - one.touchedAtMs >= touchEachMs) {
      one.touchedAtMs = nowMs;
      stored.touch(key.id, nowMs);
    }
    return ok(one.principal);
  }

  function admitWithoutKey(access: Access, headers: RequestHeaders): Result<Principal> {
    if (access === 'sign-in') return ok(nobody);
    const token = browsers === undefined ? undefined : readSessionCookie(headers);
    if (browsers === undefined || token === undefined) return fail(missingKey(access, headers));
    const read = browsers.sessions.read(token);
    if (read.type === 'invalid') return fail(sessionEnded);
    if (read.type === 'unavailable') return fail(sessionUnverifiable);
    if (!comesFromOwnPage(headers, browsers.publicUrl)) return fail(foreignPage);
    const { session, renewed } = read;
    const cookie =
      renewed === undefined
        ? {}
        : {
            cookie: writeSessionCookie(headers, {
              token: renewed,
              maxAgeS: session.expiresS - Math.floor(now() / 1_000),
              secure: session.secure,
            }),
          };
    return ok({ ...principalOf(consoleKey, true).principal, session: { ...session, ...cookie } });
  }

  return {
    authenticate: (access, headers, query, id) => {
      const extracted = extractKey(headers, query, keyPrefix);
      if (!extracted.ok) return extracted;
      if (access === 'public') return ok(nobody);
      // Where a signature is present it alone decides: a key beside it neither helps nor harms.
      const signed = access === 'stream' ? readSignedQuery(query) : undefined;
      if (signed !== undefined) return admitSigned(signatures.verify(id, signed, now()), id);
      if (!required) return ok(principalOf('anonymous', true).principal);
      const key = extracted.value;
      if (key === undefined) return admitWithoutKey(access, headers);
      const digest = digestOfKey(key);
      const found = fixed.find(digest);
      if (found !== undefined) {
        if (takesAdmins(access) && !found.admin) return fail(adminRequired);
        return ok(principalOf(found.id, found.admin).principal);
      }
      const known = stored.find(digest.toString('hex'));
      if (known instanceof Promise) return known.then((later) => admitStored(later, access));
      return admitStored(known, access);
    },
  };
}

function takesAdmins(access: Access): boolean {
  return access === 'admin' || access === 'sign-in';
}

function admitSigned(verdict: SignatureVerdict, id: string): Result<Principal> {
  switch (verdict) {
    case 'valid':
      return ok({ ...signedSender, onlyStream: id });
    case 'invalid':
      return fail(notSigned);
    case 'unavailable':
      return fail(unverifiable);
    default:
      return assertNever(verdict);
  }
}

/** The sender of a request with a signed address: it may use no model, and belongs to no owner that can exist. */
const signedSender: Principal = createPrincipal({
  keyId: 'signed',
  admin: false,
  key: { models: [] },
  owner: undefined,
  ownerId: '',
  defaults: {},
});

/** The sender of a request that no key was asked for. */
export const nobody: Principal = createPrincipal({
  keyId: 'anonymous',
  admin: false,
  key: {},
  owner: undefined,
  ownerId: defaultOwner,
  defaults: {},
});

function missingKey(access: Access, headers: RequestHeaders): Failure {
  const what = access === 'admin' ? 'admin key' : 'API key';
  const sent = headers['authorization'] !== undefined;
  const came = sent ? `The Authorization header has no ${what} in it` : `No ${what} came with this request`;
  const send = "Send it as 'Authorization: Bearer KEY'";
  // A shell cuts an address without quotes at its '&', before the signature.
  const signed =
    access === 'stream' ? ", or use the whole address from 'tailrace-stream-url', in quotes" : '';
  return failure('missing_api_key', `${came}. ${send}${signed}.`);
}

const notSigned = failure(
  'completion_not_found',
  'There is no stream at this signed address: its time is over, or it is not the one that the server gave.',
);
const unverifiable = failure(
  'storage_unavailable',
  'The store does not answer, so this signed address can be neither accepted nor refused now.',
  { retryAfterMs: 1_000 },
);
const sessionEnded = failure(
  'expired_api_key',
  'The session of this browser has ended. Sign in to the console again, or send a key.',
);
const sessionUnverifiable = failure(
  'storage_unavailable',
  'The store does not answer, so the session of this browser can be neither accepted nor refused now.',
  { retryAfterMs: 1_000 },
);
/** Also for the code of a sign-in: only the console's own page sends one. */
export const foreignPage = failure(
  'admin_required',
  "The session of a browser is taken from this server's own pages only; Origin and Sec-Fetch-Site do not say that one of them " +
    'has sent this request. Behind a proxy set server.public_url; elsewhere send a key.',
  { param: 'Origin' },
);
const adminRequired = failure('admin_required', 'This route takes an admin key; an API key came.');
const revoked = failure('invalid_api_key', 'This API key was revoked. Ask the operator for a new one.');
const rotated = failure(
  'expired_api_key',
  'This API key was replaced by a new one, and its time is over. Use the new key.',
);

function expired(atMs: number): Failure {
  const at = new Date(atMs).toISOString();
  return failure('expired_api_key', `This API key expired at ${at}. Ask the operator for a new one.`);
}

const absent: Readonly<Record<KeyAbsence, Failure>> = {
  unknown: failure(
    'invalid_api_key',
    'This API key is not known here. Check it, and that it was made for this server.',
  ),
  unavailable: failure(
    'storage_unavailable',
    'The store of the keys does not answer, so this key can be neither accepted nor refused now.',
    { retryAfterMs: 1_000 },
  ),
  busy: failure(
    'overloaded',
    'Too many unknown keys are being looked up. Send this request again in a second.',
    {
      retryAfterMs: 1_000,
    },
  ),
};
