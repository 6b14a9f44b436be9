import type { PlainStatements } from './plain-sql.ts';

export interface LeaseOptions {
  readonly sql: PlainStatements;
  /** The store's own clock in Unix milliseconds, as an expression. */
  readonly now: string;
}

/**
 * Takes or keeps a lease in one statement, so that of several processes one gets it. One that ends later than after twice its
 * time was taken by a clock that was ahead then and has been put right: it would not end for as long as the clock was ahead.
 */
export async function takeLease(
  { sql, now }: LeaseOptions,
  { name, holder, ttlMs }: { readonly name: string; readonly holder: string; readonly ttlMs: number },
): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, ${now} + $3)
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
     WHERE leases.holder = excluded.holder OR leases.expires_at <= ${now}
       OR ($3 > 0 AND leases.expires_at > ${now} + 2 * $3)
     RETURNING holder`,
    [name, holder, ttlMs],
  );
  return rows.length > 0;
}
