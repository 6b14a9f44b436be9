import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Tables } from './tables.ts';

export interface LeaseOptions {
  readonly db: Kysely<Tables>;
  /** The store's own clock, in Unix milliseconds. */
  readonly now: RawBuilder<number>;
}

/**
 * Takes or keeps a lease in one statement, so that of several processes one gets it. One that ends later than after twice its
 * time was taken by a clock that was ahead then and has been put right: it would not end for as long as the clock was ahead.
 */
export async function takeLease(
  { db, now }: LeaseOptions,
  { name, holder, ttlMs }: { readonly name: string; readonly holder: string; readonly ttlMs: number },
): Promise<boolean> {
  const { rows } =
    await sql`insert into leases (name, holder, expires_at) values (${name}, ${holder}, ${now} + ${ttlMs})
    on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
    where leases.holder = excluded.holder or leases.expires_at <= ${now}
      or (${ttlMs} > 0 and leases.expires_at > ${now} + 2 * ${ttlMs})
    returning holder`.execute(db);
  return rows.length > 0;
}
