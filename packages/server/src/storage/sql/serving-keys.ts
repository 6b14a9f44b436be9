import type { KeyBook, StoredKey } from '../keys.ts';
import { signingSecretName } from '../signing-secret.ts';
import { readKey, readOwner } from './key-row.ts';
import type { PlainSql } from './plain-sql.ts';
import { storedSecret } from './secrets.ts';
import type { KeyTable, OwnerTable } from './tables.ts';

/** What a service reads of keys and owners, and writes of the use of a key. It keeps them in memory, so this is rare. */
export interface ServingKeyQueries {
  touch(uses: readonly { readonly keyId: string; readonly atMs: number }[]): Promise<void>;
  keysAfter(version: number): Promise<KeyBook>;
  keyByHash(hash: string): Promise<StoredKey | undefined>;
}

const minuteMs = 60_000;

export function createServingKeys(sql: PlainSql): ServingKeyQueries {
  async function versionNow(): Promise<number> {
    const [row] = await sql.query<{ value: number }>("SELECT value FROM counters WHERE name = 'key_version'");
    if (row === undefined) throw new Error('the counter of key versions is missing');
    return row.value;
  }

  return {
    async touch(uses) {
      for (const { keyId, atMs } of uses) {
        await sql.query(
          'UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at <= $3)',
          [atMs, keyId, atMs - minuteMs],
        );
      }
    },

    async keysAfter(after) {
      // The version is read first: what commits between these statements is read once more the next time.
      const version = await versionNow();
      if (after !== 0 && version === after) return { version, keys: [], owners: [], deletedOwners: [] };
      const keys = await sql.query<KeyTable>('SELECT * FROM api_keys WHERE version > $1', [after]);
      // Owners whose version is 0 were there from the beginning.
      const owners = await sql.query<OwnerTable>('SELECT * FROM owners WHERE version > $1', [
        after === 0 ? -1 : after,
      ]);
      const signingSecret = await storedSecret(sql, signingSecretName);
      return {
        version,
        keys: keys.map(readKey),
        owners: owners.filter((owner) => owner.deleted_at === null).map(readOwner),
        deletedOwners: owners.filter((owner) => owner.deleted_at !== null).map(({ id }) => id),
        ...(signingSecret === undefined ? {} : { signingSecret }),
      };
    },

    async keyByHash(hash) {
      const [row] = await sql.query<KeyTable>(
        'SELECT api_keys.* FROM api_keys JOIN key_hashes ON key_hashes.key_id = api_keys.id WHERE hash = $1',
        [hash],
      );
      return row && readKey(row);
    },
  };
}
