import type { DatabaseSync } from 'node:sqlite';

export type SqliteValue = string | number | null;

/** SQLite has no truth values. */
export function sqliteValue(value: unknown): SqliteValue {
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
