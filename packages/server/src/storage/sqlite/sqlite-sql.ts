import type { DatabaseSync } from 'node:sqlite';
import type { PlainSql, PlainStatements, PlainValue } from '../sql/plain-sql.ts';
import type { ConnectionTurns } from './connection-turns.ts';

/** Plain statements on the one connection. Each transaction, and each statement outside of one, takes its turn. */
export function sqliteSql(database: DatabaseSync, turns: ConnectionTurns): PlainSql {
  function run<Row>(text: string, values: readonly PlainValue[] = []): readonly Row[] {
    const statement = database.prepare(text);
    // SQLite takes $1 for a name.
    const named = Object.fromEntries(values.map((value, at) => [`$${at + 1}`, value]));
    // The caller says what its own statement selects.
    if (statement.columns().length > 0) return statement.all(named) as Row[];
    statement.run(named);
    return [];
  }

  async function inTransaction<T>(work: (inside: PlainStatements) => Promise<T>): Promise<T> {
    // A transaction that begins as a reader could fail at its first write, with a lock that no waiting helps.
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = await work({ query: async (text, values) => run(text, values) });
      database.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk ends the transaction by itself.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  return {
    query: (text, values) => turns.run(() => run(text, values)),
    transaction: (work) => turns.run(() => inTransaction(work)),
  };
}
