import type { SchemaVersions } from '../opening.ts';
import type { PlainSql, PlainStatements } from './plain-sql.ts';

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
  readonly lock: (transaction: PlainStatements) => Promise<void>;
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
export async function migrate(sql: PlainSql, options: MigrateOptions): Promise<Migrated> {
  const newest = options.migrations.length;
  const found = await sql.transaction(async (transaction) => {
    await options.lock(transaction);
    await transaction.query(
      'CREATE TABLE IF NOT EXISTS tailrace_versions (version bigint PRIMARY KEY, name text NOT NULL, applied_at bigint NOT NULL)',
    );
    return schemaVersion(transaction);
  });
  if (found > newest) return { type: 'newer', found };
  for (const { version, name, statements } of options.migrations.slice(found)) {
    await sql.transaction(async (transaction) => {
      await options.lock(transaction);
      if ((await schemaVersion(transaction)) >= version) return;
      for (const statement of statements) await transaction.query(statement);
      await transaction.query(
        'INSERT INTO tailrace_versions (version, name, applied_at) VALUES ($1, $2, $3)',
        [version, name, options.nowMs],
      );
    });
  }
  await sql.query(
    `INSERT INTO owners (id, body, created_at, deleted_at, version) VALUES ('default', '{}', $1, NULL, 0)
     ON CONFLICT (id) DO NOTHING`,
    [options.nowMs],
  );
  return { type: 'current', before: found, now: newest };
}

/** The schema's version; the table of versions must exist. */
export async function schemaVersion(sql: PlainStatements): Promise<number> {
  const [row] = await sql.query<{ version: number | string | null }>(
    'SELECT max(version) AS version FROM tailrace_versions',
  );
  return Number(row?.version ?? 0);
}
