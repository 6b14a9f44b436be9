import { type Kysely, sql, type Transaction } from 'kysely';
import type { SchemaVersions } from '../opening.ts';
import type { Tables } from './tables.ts';

/** One step of the schema. A step that has been released is never changed: another one follows it. */
export interface Migration {
  /** 1, 2, 3, … without a gap. */
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

export interface MigrateOptions {
  readonly migrations: readonly Migration[];
  /** Makes other processes wait that migrate at the same time, until the transaction ends. */
  readonly lock: (transaction: Transaction<Tables>) => Promise<void>;
  readonly nowMs: number;
}

/** `newer`: another version of Tailrace has applied a migration that is not known here. */
export type Migrated =
  /** The versions before and now; 0: there were no tables. */
  ({ readonly type: 'current' } & SchemaVersions) | { readonly type: 'newer'; readonly found: number };

/**
 * Brings the schema forward, each step in a transaction of its own. Several processes may do so at the same time: each step is
 * applied once. Rejects where a step fails; then the steps before it are in force.
 */
export async function migrate(db: Kysely<Tables>, options: MigrateOptions): Promise<Migrated> {
  const newest = options.migrations.length;
  const found = await db.transaction().execute(async (transaction) => {
    await options.lock(transaction);
    await sql
      .raw(
        'CREATE TABLE IF NOT EXISTS tailrace_versions (version bigint PRIMARY KEY, name text NOT NULL, applied_at bigint NOT NULL)',
      )
      .execute(transaction);
    return schemaVersion(transaction);
  });
  if (found > newest) return { type: 'newer', found };
  for (const migration of options.migrations.slice(found)) {
    await db.transaction().execute(async (transaction) => {
      await options.lock(transaction);
      if ((await schemaVersion(transaction)) >= migration.version) return;
      for (const statement of migration.statements) await sql.raw(statement).execute(transaction);
      await transaction
        .insertInto('tailrace_versions')
        .values({ version: migration.version, name: migration.name, applied_at: options.nowMs })
        .execute();
    });
  }
  await db
    .insertInto('owners')
    .values({ id: 'default', body: '{}', created_at: options.nowMs, deleted_at: null, version: 0 })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  return { type: 'current', before: found, now: newest };
}

/** The schema's version; the table of versions must exist. */
export async function schemaVersion(db: Kysely<Tables>): Promise<number> {
  const row = await db
    .selectFrom('tailrace_versions')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirst();
  return Number(row?.version ?? 0);
}
