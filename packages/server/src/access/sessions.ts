import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { EndedSessions } from './ended-sessions.ts';

/*
 * The session of a browser that has signed in to the console. Nothing of it is stored: the token in its cookie says everything,
 * and is signed under the secret that all processes and replicas of a store share, as addresses of streams are. So it holds
 * everywhere and outlives a restart; it ends with a rotation of that secret, and with the admin key that it was made from.
 *
 *     ID . KEY . STARTED . EXPIRES . h|s . HMAC-SHA-256       times in Unix seconds; s: over https only
 */

/** A session that holds. */
export interface Session {
  /** 32 hexadecimal digits. A renewal keeps it. */
  readonly id: string;
  /** The id of the admin key that it was made from. */
  readonly keyId: string;
  /** Unix seconds. */
  readonly startedS: number;
  readonly expiresS: number;
  /** The cookie travels over https only. */
  readonly secure: boolean;
}

/** A session together with what stands for it in a cookie. */
export interface SignedSession {
  readonly session: Session;
  readonly token: string;
}

/**
 * `renewed`: the token to be sent in the place of the one that came; absent while that one is young. `unavailable`: this process has
 * not read the secret yet, because the store is away since its start.
 */
export type SessionVerdict =
  | { readonly type: 'valid'; readonly session: Session; readonly renewed?: string }
  | { readonly type: 'invalid' }
  | { readonly type: 'unavailable' };

export interface Sessions {
  /** Undefined while this process has not read the secret. */
  begin(of: Pick<Session, 'keyId' | 'secure'>): SignedSession | undefined;
  /** Never throws, whatever came. */
  read(token: string): SessionVerdict;
  /** The session holds no more, where this is known ({@link EndedSessions}). */
  end(session: Session): Promise<void>;
}

export interface SessionsOptions {
  /** Undefined until this process has read it. */
  secret(): KeyObject | undefined;
  /** Whether an admin key with this id is in force. */
  isAdminKey(id: string): boolean;
  readonly ended: EndedSessions;
  /** 128 random bits in hexadecimal digits. */
  newId(): string;
  /** Unix milliseconds. */
  now(): number;
}

/** How long a session lasts after its last use. */
export const sessionLifeS = 12 * 3_600;
/** A session that is used all the time lasts so long: a cookie that was stolen is not renewed for ever. */
export const sessionLongestS = 7 * 86_400;
/** A token older than this is renewed: not each answer has a cookie. */
const renewAfterS = 3_600;

const tokenForm = /^([0-9a-f]{32})\.([\w-]{1,64})\.([1-9]\d{0,11})\.([1-9]\d{0,11})\.([hs])\.([0-9a-f]{64})$/;

export function createSessions({ secret, isAdminKey, ended, newId, now }: SessionsOptions): Sessions {
  const nowS = () => Math.floor(now() / 1_000);

  return {
    begin(of) {
      const key = secret();
      const startedS = nowS();
      const session = { id: newId(), ...of, startedS, expiresS: startedS + sessionLifeS };
      return key === undefined ? undefined : { session, token: signed(key, session) };
    },
    read(token) {
      const [, id = '', keyId = '', started, expires, way, signature = ''] = tokenForm.exec(token) ?? [];
      if (signature === '') return invalid;
      const key = secret();
      if (key === undefined) return { type: 'unavailable' };
      const claims = token.slice(0, -signature.length - 1);
      if (!timingSafeEqual(digest(key, claims), Buffer.from(signature, 'hex'))) return invalid;
      const session = {
        id,
        keyId,
        startedS: Number(started),
        expiresS: Number(expires),
        secure: way === 's',
      };
      const atS = nowS();
      if (session.expiresS <= atS || ended.has(id) || !isAdminKey(keyId)) return invalid;
      const expiresS = Math.min(atS + sessionLifeS, session.startedS + sessionLongestS);
      if (expiresS - session.expiresS < renewAfterS) return { type: 'valid', session };
      const later = { ...session, expiresS };
      return { type: 'valid', session: later, renewed: signed(key, later) };
    },
    // Another copy of its cookie may have been renewed just now.
    end: ({ id, startedS }) =>
      ended.end({ id, untilS: Math.min(nowS() + sessionLifeS, startedS + sessionLongestS) }),
  };
}

const invalid: SessionVerdict = { type: 'invalid' };

function signed(secret: KeyObject, { id, keyId, startedS, expiresS, secure }: Session): string {
  const claims = `${id}.${keyId}.${startedS}.${expiresS}.${secure ? 's' : 'h'}`;
  return `${claims}.${digest(secret, claims).toString('hex')}`;
}

/** The first line is the purpose: no signature of an address of a stream is one of a session. */
function digest(secret: KeyObject, claims: string): Buffer {
  return createHmac('sha256', secret).update(`tailrace session\n${claims}`).digest();
}
