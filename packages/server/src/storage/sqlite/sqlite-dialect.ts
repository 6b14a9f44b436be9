import type { DatabaseSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

type SqliteValue = string | number | null;

/**
 * Kysely over `node:sqlite`. Every statement runs to its end within the call, on the thread that calls. Kysely gives out the
 * only connection in turns, so a transaction is never mixed with another caller's statements. Does not close the database.
 */
export function sqliteDialect(database: DatabaseSync): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => sqliteDriver(database),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function sqliteDriver(database: DatabaseSync): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      const statement = database.prepare(query.sql);
      const parameters = query.parameters.map(sqliteValue);
      if (statement.columns().length > 0) {
        // The caller's type says what its own statement selects.
        return { rows: statement.all(...parameters) as Row[] };
      }
      return { rows: [], numAffectedRows: BigInt(statement.run(...parameters).changes) };
    },
    async *streamQuery() {
      yield* [];
      throw new Error('the stores read in pages');
    },
  };
  const run = async (held: DatabaseConnection, text: string) => {
    await held.executeQuery(CompiledQuery.raw(text));
  };
  return {
    async init() {},
    acquireConnection: async () => connection,
    // A transaction that begins as a reader could fail at its first write, with a lock that no waiting helps.
    beginTransaction: (held, { accessMode }) =>
      run(held, accessMode === 'read only' ? 'BEGIN' : 'BEGIN IMMEDIATE'),
    commitTransaction: (held) => run(held, 'COMMIT'),
    async rollbackTransaction() {
      // A full disk ends the transaction by itself.
      if (database.isTransaction) database.exec('ROLLBACK');
    },
    async releaseConnection() {},
    async destroy() {},
  };
}

/** SQLite has no truth values. */
function sqliteValue(value: unknown): SqliteValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined) return null;
  return value as SqliteValue;
}

/** Runs `work` in one transaction, without an `await`: at the end everything is stored, or nothing. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** The values of a row in the order of `columns`. */
export function valuesOf<Row extends object>(
  row: Row,
  columns: readonly (keyof Row)[],
): readonly SqliteValue[] {
  return columns.map((column) => sqliteValue(row[column]));
}
