import type { JsonObject } from '../domain/json.ts';

/** What a budget counts: tokens of prompt and completion together, or micro-dollars. */
export type BudgetUnit = 'tokens' | 'usd';

export interface Budget {
  readonly unit: BudgetUnit;
  /** Tokens, or micro-dollars. */
  readonly limit: number;
  /** Days and months are those of UTC. */
  readonly period: 'day' | 'month' | 'total';
}

/** The limits of a key or an owner. An absent one: no limit of its own. */
export interface Limits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly maxStreams?: number;
  readonly budget?: Budget;
  /** Model ids, or patterns such as `acme/*`; absent: all. */
  readonly models?: readonly string[];
}

/** A key that the administration has made. The key itself is not kept, only its hash. */
export interface StoredKey extends Limits {
  /** `key_` and 16 hexadecimal digits. */
  readonly id: string;
  readonly owner: string;
  readonly name?: string;
  /** The beginning of the key that is in force, for people. */
  readonly prefix: string;
  /** The hashes (SHA-256, hexadecimal) by which it is known: the one in force first, then those that a rotation lets live on. */
  readonly hashes: readonly KeyHash[];
  readonly expiresAtMs?: number;
  readonly usageChunk?: 'inline' | 'separate';
  /** Whether its prompts and answers are kept. Absent: as the model and the configuration say. */
  readonly logContent?: boolean;
  readonly metadata?: JsonObject;
  readonly createdAtMs: number;
  readonly revokedAtMs?: number;
  readonly lastUsedAtMs?: number;
}

export interface KeyHash {
  readonly hash: string;
  /** Absent for the hash in force. */
  readonly expiresAtMs?: number;
}

/** A team or a customer, to whom keys belong. `default` exists always. */
export interface Owner extends Limits {
  readonly id: string;
  readonly name?: string;
  readonly metadata?: JsonObject;
  readonly createdAtMs: number;
}

/** Keys and owners that have changed, and the version of the newest change. */
export interface KeyBook {
  readonly version: number;
  /** Revoked keys too. */
  readonly keys: readonly StoredKey[];
  readonly owners: readonly Owner[];
  readonly deletedOwners: readonly string[];
  /** The secret that signs addresses of streams, as it is now. Absent where nothing has changed, and where none was made yet. */
  readonly signingSecret?: string;
}

/** The members of a key that may be changed; `null` removes one. */
export type KeyFields = { -readonly [F in keyof (Limits & KeyOwn)]?: (Limits & KeyOwn)[F] | null };
type KeyOwn = Pick<StoredKey, 'name' | 'expiresAtMs' | 'usageChunk' | 'logContent' | 'metadata'>;
export type OwnerFields = {
  -readonly [F in keyof (Limits & OwnerOwn)]?: (Limits & OwnerOwn)[F] | null;
};
type OwnerOwn = Pick<Owner, 'name' | 'metadata'>;

/** One change of keys, owners or the signing secret. `atMs` is when it was asked for. */
export type Change =
  /** Makes the owner too where it is missing. */
  | { readonly type: 'create-key'; readonly key: StoredKey; readonly atMs: number }
  | {
      readonly type: 'update-key';
      readonly id: string;
      readonly fields: KeyFields;
      /** Moves it to this owner, which is made where it is missing. */
      readonly owner?: string;
      readonly atMs: number;
    }
  | {
      readonly type: 'rotate-key';
      readonly id: string;
      readonly hash: string;
      readonly prefix: string;
      /** Until when the hash before lives on; equal to `atMs`: it ends now. */
      readonly overlapUntilMs: number;
      readonly atMs: number;
    }
  | { readonly type: 'revoke-key'; readonly id: string; readonly atMs: number }
  /** Makes or replaces an owner. */
  | { readonly type: 'put-owner'; readonly owner: Owner; readonly atMs: number }
  | {
      readonly type: 'update-owner';
      readonly id: string;
      readonly fields: OwnerFields;
      readonly atMs: number;
    }
  /** A conflict while it has keys that are not revoked. */
  | { readonly type: 'delete-owner'; readonly id: string; readonly atMs: number }
  /** Replaces the secret that signs addresses of streams: all that were signed before end. `secret`: `newSigningSecret`. */
  | { readonly type: 'rotate-signing'; readonly secret: string; readonly atMs: number };

/** An `Idempotency-Key` of the administration. Kept for 24 h. */
export interface OnceFor {
  readonly key: string;
  /** A hash over method, path and body. */
  readonly fingerprint: string;
}

export type Written =
  | {
      readonly type: 'done';
      /** The key or owner as it is now; absent for a deleted owner. The signing secret is in no answer. */
      readonly key?: StoredKey;
      readonly owner?: Owner;
      readonly replayed: boolean;
      /** For `put-owner`: whether it was new. */
      readonly created?: boolean;
    }
  | { readonly type: 'missing' }
  | { readonly type: 'conflict'; readonly why: 'once' | 'revoked' | 'has-keys' | 'exists' };
