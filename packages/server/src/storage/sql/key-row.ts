import type { Change, KeyHash, Owner, StoredKey } from '../keys.ts';
import type { KeyTable, OwnerTable } from './tables.ts';

/** The row of a key but for its version. */
export function keyRow(key: StoredKey): Omit<KeyTable, 'version'> {
  const { id, owner, createdAtMs, revokedAtMs, lastUsedAtMs, ...body } = key;
  return {
    id,
    owner,
    body: JSON.stringify(body),
    created_at: createdAtMs,
    revoked_at: revokedAtMs ?? null,
    last_used_at: lastUsedAtMs ?? null,
  };
}

export function readKey(row: KeyTable): StoredKey {
  const body = JSON.parse(row.body) as Omit<StoredKey, 'id' | 'owner' | 'createdAtMs'>;
  return {
    id: row.id,
    owner: row.owner,
    ...body,
    createdAtMs: row.created_at,
    ...(row.revoked_at === null ? {} : { revokedAtMs: row.revoked_at }),
    ...(row.last_used_at === null ? {} : { lastUsedAtMs: row.last_used_at }),
  };
}

/** The row of an owner but for its version. */
export function ownerRow(owner: Owner): Omit<OwnerTable, 'version'> {
  const { id, createdAtMs, ...body } = owner;
  return { id, body: JSON.stringify(body), created_at: createdAtMs, deleted_at: null };
}

export function readOwner(row: OwnerTable): Owner {
  const body = JSON.parse(row.body) as Omit<Owner, 'id' | 'createdAtMs'>;
  return { id: row.id, ...body, createdAtMs: row.created_at };
}

/** The entry with each field that is given; `null` removes one. */
export function changedFields<T extends object>(
  entry: T,
  fields: { readonly [F in keyof T]?: T[F] | null },
): T {
  const members = Object.entries({ ...entry, ...fields }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  // Only optional members may be null: the types of the fields say so.
  return Object.fromEntries(members) as T;
}

/**
 * The key with a new hash. The hash before, and those of earlier rotations, live on until `overlapUntilMs` at most: a rotation
 * without overlap ends all of them.
 */
export function rotated(key: StoredKey, change: Extract<Change, { type: 'rotate-key' }>): StoredKey {
  const older = key.hashes
    .map(
      ({ hash, expiresAtMs }): Required<KeyHash> => ({
        hash,
        expiresAtMs: Math.min(expiresAtMs ?? change.overlapUntilMs, change.overlapUntilMs),
      }),
    )
    .filter(({ expiresAtMs }) => expiresAtMs > change.atMs);
  return { ...key, prefix: change.prefix, hashes: [{ hash: change.hash }, ...older] };
}
