import { type Kysely, sql, type Transaction } from 'kysely';
import { assertNever } from '../../domain/assert-never.ts';
import type { Listed, Page } from '../contract.ts';
import type { Change, OnceFor, Owner, StoredKey, Written } from '../keys.ts';
import { signingSecretName } from '../signing-secret.ts';
import { noSuchPlace } from './find-records.ts';
import { changedFields, keyRow, ownerRow, readKey, readOwner, rotated } from './key-row.ts';
import { storableText } from './storable.ts';
import { dayMs, type KeyTable, type OwnerTable, type Tables } from './tables.ts';

/** What the administration reads and changes of keys and owners. What a service reads of them is in `serving-keys.ts`. */
export interface KeyBookQueries {
  change(change: Change, once?: OnceFor): Promise<Written>;
  key(id: string): Promise<StoredKey | undefined>;
  keys(page: Page & { readonly owner?: string }): Promise<Listed<StoredKey>>;
  owner(id: string): Promise<Owner | undefined>;
  owners(page: Page): Promise<Listed<Owner>>;
}

export function createKeyBook(db: Kysely<Tables>): KeyBookQueries {
  return {
    change: (change, once) =>
      db.transaction().execute(async (transaction) => {
        // The row of the version is locked until the commit. So changes come one after the other, and a reader that has seen a
        // version never misses a smaller one that commits later.
        const version = await nextVersion(transaction);
        if (once === undefined) return carryOut(transaction, change, version);
        return carryOutOnce(transaction, change, version, once);
      }),

    async key(id) {
      const row = await keyRowOf(db, id);
      return row && readKey(row);
    },

    async keys({ limit, after, owner }) {
      let query = db
        .selectFrom('api_keys')
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit + 1);
      if (owner !== undefined) query = query.where('owner', '=', storableText(owner));
      if (after !== undefined) {
        const last = await keyRowOf(db, after);
        if (last === undefined) return noSuchPlace;
        query = query.where(sql<boolean>`(created_at, id) < (${last.created_at}, ${last.id})`);
      }
      return listed(await query.execute(), limit, readKey);
    },

    async owner(id) {
      const row = await ownerRowOf(db, id);
      return row === undefined || row.deleted_at !== null ? undefined : readOwner(row);
    },

    async owners({ limit, after }) {
      let query = db
        .selectFrom('owners')
        .selectAll()
        .where('deleted_at', 'is', null)
        .orderBy('id')
        .limit(limit + 1);
      if (after !== undefined) {
        // One that has been deleted meanwhile still has its place.
        if ((await ownerRowOf(db, after)) === undefined) return noSuchPlace;
        query = query.where('id', '>', after);
      }
      return listed(await query.execute(), limit, readOwner);
    },
  };
}

/** Makes a page of `limit` + 1 rows. */
function listed<Row, T>(rows: readonly Row[], limit: number, read: (row: Row) => T): Listed<T> {
  return { data: rows.slice(0, limit).map(read), hasMore: rows.length > limit };
}

async function nextVersion(db: Transaction<Tables>): Promise<number> {
  const row = await db
    .updateTable('counters')
    .set((eb) => ({ value: eb('value', '+', 1) }))
    .where('name', '=', 'key_version')
    .returning('value')
    .executeTakeFirstOrThrow();
  return row.value;
}

async function carryOutOnce(
  db: Transaction<Tables>,
  change: Change,
  version: number,
  once: OnceFor,
): Promise<Written> {
  await db
    .deleteFrom('once_answers')
    .where('at', '<=', change.atMs - dayMs)
    .execute();
  const before = await db
    .selectFrom('once_answers')
    .selectAll()
    .where('once_key', '=', once.key)
    .executeTakeFirst();
  if (before !== undefined) {
    if (before.fingerprint !== once.fingerprint) return { type: 'conflict', why: 'once' };
    const answer = JSON.parse(before.answer) as Written;
    return answer.type === 'done' ? { ...answer, replayed: true } : answer;
  }
  const written = await carryOut(db, change, version);
  await db
    .insertInto('once_answers')
    .values({
      once_key: once.key,
      fingerprint: once.fingerprint,
      answer: JSON.stringify(written),
      at: change.atMs,
    })
    .execute();
  return written;
}

async function carryOut(db: Transaction<Tables>, change: Change, version: number): Promise<Written> {
  switch (change.type) {
    case 'create-key':
      return createKey(db, change.key, change.atMs, version);
    case 'put-owner':
      return putOwner(db, change.owner, version);
    case 'update-owner': {
      const row = await ownerRowOf(db, change.id);
      if (row === undefined || row.deleted_at !== null) return { type: 'missing' };
      return storeOwner(db, changedFields(readOwner(row), change.fields), version);
    }
    case 'delete-owner':
      return deleteOwner(db, change.id, change.atMs, version);
    case 'update-key':
    case 'rotate-key':
    case 'revoke-key':
      return changeKey(db, change, version);
    case 'rotate-signing':
      await putSigningSecret(db, change.secret);
      return { type: 'done', replayed: false };
    default:
      return assertNever(change);
  }
}

async function putSigningSecret(db: Transaction<Tables>, value: string): Promise<void> {
  await db
    .insertInto('secrets')
    .values({ name: signingSecretName, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

async function createKey(
  db: Transaction<Tables>,
  key: StoredKey,
  atMs: number,
  version: number,
): Promise<Written> {
  if ((await keyRowOf(db, key.id)) !== undefined) return { type: 'conflict', why: 'exists' };
  const taken = await db
    .selectFrom('key_hashes')
    .select('hash')
    .where(
      'hash',
      'in',
      key.hashes.map(({ hash }) => hash),
    )
    .executeTakeFirst();
  if (taken !== undefined) return { type: 'conflict', why: 'exists' };
  await makeOwner(db, key.owner, atMs, version);
  await db
    .insertInto('api_keys')
    .values({ ...keyRow(key), version })
    .execute();
  for (const { hash } of key.hashes)
    await db.insertInto('key_hashes').values({ hash, key_id: key.id }).execute();
  return { type: 'done', key, replayed: false };
}

async function changeKey(
  db: Transaction<Tables>,
  change: Extract<Change, { type: 'update-key' | 'rotate-key' | 'revoke-key' }>,
  version: number,
): Promise<Written> {
  const row = await keyRowOf(db, change.id);
  if (row === undefined) return { type: 'missing' };
  const before = readKey(row);
  if (before.revokedAtMs !== undefined) {
    // A key that is revoked twice has been revoked.
    if (change.type === 'revoke-key') return { type: 'done', key: before, replayed: false };
    return { type: 'conflict', why: 'revoked' };
  }
  const key = changedKey(before, change);
  if (change.type === 'update-key' && change.owner !== undefined)
    await makeOwner(db, change.owner, change.atMs, version);
  await db
    .updateTable('api_keys')
    .set({ ...keyRow(key), version })
    .where('id', '=', key.id)
    .execute();
  if (change.type === 'rotate-key') {
    await db.deleteFrom('key_hashes').where('key_id', '=', key.id).execute();
    for (const { hash } of key.hashes)
      await db.insertInto('key_hashes').values({ hash, key_id: key.id }).execute();
  }
  return { type: 'done', key, replayed: false };
}

function changedKey(
  key: StoredKey,
  change: Extract<Change, { type: 'update-key' | 'rotate-key' | 'revoke-key' }>,
): StoredKey {
  switch (change.type) {
    case 'update-key': {
      const changed = changedFields(key, change.fields);
      return change.owner === undefined ? changed : { ...changed, owner: change.owner };
    }
    case 'rotate-key':
      return rotated(key, change);
    case 'revoke-key':
      return { ...key, revokedAtMs: change.atMs };
  }
}

async function makeOwner(db: Transaction<Tables>, id: string, atMs: number, version: number): Promise<void> {
  const row = await ownerRowOf(db, id);
  if (row !== undefined && row.deleted_at === null) return;
  await storeOwner(db, { id, createdAtMs: atMs }, version);
}

async function putOwner(db: Transaction<Tables>, owner: Owner, version: number): Promise<Written> {
  const row = await ownerRowOf(db, owner.id);
  if (row === undefined || row.deleted_at !== null)
    return { ...(await storeOwner(db, owner, version)), created: true };
  const replaced = { ...owner, createdAtMs: row.created_at };
  return { ...(await storeOwner(db, replaced, version)), created: false };
}

async function storeOwner(db: Transaction<Tables>, owner: Owner, version: number) {
  const row = { ...ownerRow(owner), version };
  await db
    .insertInto('owners')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
  return { type: 'done', owner, replayed: false } as const;
}

async function deleteOwner(
  db: Transaction<Tables>,
  id: string,
  atMs: number,
  version: number,
): Promise<Written> {
  const row = await ownerRowOf(db, id);
  if (row === undefined || row.deleted_at !== null) return { type: 'missing' };
  const key = await db
    .selectFrom('api_keys')
    .select('id')
    .where('owner', '=', id)
    .where('revoked_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  // The fixed keys of the configuration belong to `default`.
  if (key !== undefined || id === 'default') return { type: 'conflict', why: 'has-keys' };
  await db.updateTable('owners').set({ deleted_at: atMs, version }).where('id', '=', id).execute();
  return { type: 'done', replayed: false };
}

function keyRowOf(db: Kysely<Tables>, id: string): Promise<KeyTable | undefined> {
  return db.selectFrom('api_keys').selectAll().where('id', '=', storableText(id)).executeTakeFirst();
}

function ownerRowOf(db: Kysely<Tables>, id: string): Promise<OwnerTable | undefined> {
  return db.selectFrom('owners').selectAll().where('id', '=', storableText(id)).executeTakeFirst();
}
