import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** The secret of this name. What `make` returns is stored where there is none; of several processes the first one wins. */
export async function secretOf(db: Kysely<Tables>, name: string, make: () => string): Promise<string> {
  const stored = () => db.selectFrom('secrets').select('value').where('name', '=', name).executeTakeFirst();
  const found = await stored();
  if (found !== undefined) return found.value;
  await db
    .insertInto('secrets')
    .values({ name, value: make() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const made = await stored();
  if (made === undefined) throw new Error(`the secret ${name} was removed while it was made`);
  return made.value;
}
