import type { DatabaseSync } from 'node:sqlite';
import { Kysely, type KyselyConfig, sql } from 'kysely';
import type { StoreReads } from '../contract.ts';
import { findRecords } from '../sql/find-records.ts';
import type { SqlFlavour } from '../sql/flavour.ts';
import { createKeyBook, type KeyBookQueries } from '../sql/key-book.ts';
import type { Tables } from '../sql/tables.ts';
import { exportTables, type ImportOptions, importTables } from '../sql/transfer-tables.ts';
import { sumUsage } from '../sql/usage.ts';
import type { Exported, TransferRow } from '../transfer.ts';
import type { ConnectionTurns } from './connection-turns.ts';
import { sqliteDialect } from './sqlite-dialect.ts';

/** The queries that are built (by Kysely). The store loads this file with the first of them. */
export interface BuiltQueries extends KeyBookQueries, Pick<StoreReads, 'usage' | 'records'> {
  exportRows(what?: Exported): AsyncIterable<TransferRow>;
  importRows(rows: ImportOptions['rows'], options?: Pick<ImportOptions, 'replace'>): Promise<number>;
}

export interface BuiltQueriesOptions {
  readonly database: DatabaseSync;
  readonly turns: ConnectionTurns;
  readonly now: () => number;
}

const flavour: SqlFlavour = {
  grouped: (column) => sql`+${sql.ref(column)}`,
  tagValue: (table, name) => sql`json_extract(${sql.ref(`${table}.tags`)}, ${`$."${name}"`})`,
  hasTag(table, name, value) {
    if (table !== 'records') return sql`${this.tagValue(table, name)} = ${value}`;
    return sql`exists (select 1 from record_tags where tag = ${`${name}=${value}`}
      and record_tags.created_at = records.created_at and record_tags.id = records.id)`;
  },
};

/** `log`: called with each statement. */
export function createBuiltQueries(
  { database, turns, now }: BuiltQueriesOptions,
  log?: KyselyConfig['log'],
): BuiltQueries {
  const db = new Kysely<Tables>({
    dialect: sqliteDialect(database, turns),
    ...(log === undefined ? {} : { log }),
  });
  const reading = { db, flavour, now };
  return {
    ...createKeyBook(db),
    usage: (query) => sumUsage(reading, query),
    records: (query) => findRecords(reading, query),
    exportRows: (what) => exportTables(db, what),
    importRows: (rows, options) =>
      db.transaction().execute((transaction) => importTables({ db: transaction, rows, ...options })),
  };
}
