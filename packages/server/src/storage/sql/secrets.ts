import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** The secret of this name. What `make` returns is stored where there is none; of several processes the first one wins. */
export async function secretOf(db: Kysely<Tables>, name: string, make: () => string): Promise<string> {
  const found = await storedSecret(db, name);
  if (found !== undefined) return found;
  await db
    .insertInto('secrets')
    .values({ name, value: make() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const made = await storedSecret(db, name);
  if (made === undefined) throw new Error(`the secret ${name} was removed while it was made`);
  return made;
}

/** The secret of this name; undefined where none is stored. */
export async function storedSecret(db: Kysely<Tables>, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('secrets').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value;
}

/** Stores a secret in the place of the one before. */
export async function putSecret(db: Kysely<Tables>, name: string, value: string): Promise<void> {
  await db
    .insertInto('secrets')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
