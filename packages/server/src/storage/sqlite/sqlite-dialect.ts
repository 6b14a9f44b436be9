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
import type { ConnectionTurns } from './connection-turns.ts';
import { sqliteValue } from './statement.ts';

/**
 * Kysely over `node:sqlite`. Every statement runs to its end within the call, on the thread that calls. Each transaction, and each
 * statement outside of one, takes its turn among `turns`. Does not close the database.
 */
export function sqliteDialect(database: DatabaseSync, turns: ConnectionTurns): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => sqliteDriver(database, turns),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function sqliteDriver(database: DatabaseSync, turns: ConnectionTurns): Driver {
  let giveBack = () => {};
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
    async acquireConnection() {
      giveBack = await turns.take();
      return connection;
    },
    // A transaction that begins as a reader could fail at its first write, with a lock that no waiting helps.
    beginTransaction: (held, { accessMode }) =>
      run(held, accessMode === 'read only' ? 'BEGIN' : 'BEGIN IMMEDIATE'),
    commitTransaction: (held) => run(held, 'COMMIT'),
    async rollbackTransaction() {
      // A full disk ends the transaction by itself.
      if (database.isTransaction) database.exec('ROLLBACK');
    },
    async releaseConnection() {
      giveBack();
    },
    async destroy() {},
  };
}
