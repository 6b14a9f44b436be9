import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { sqliteStoreError } from './sqlite-error.ts';

function errorOf(work: (database: DatabaseSync) => void): unknown {
  const database = new DatabaseSync(':memory:');
  try {
    work(database);
  } catch (error) {
    return error;
  } finally {
    database.close();
  }
  throw new Error('nothing was thrown');
}

test('values that no table takes are refused, and may be put aside', () => {
  const error = errorOf((database) => {
    database.exec('CREATE TABLE a (b INTEGER NOT NULL) STRICT');
    database.prepare('INSERT INTO a VALUES (?)').run(null);
  });
  expect(sqliteStoreError(error)).toMatchObject({ code: 'refused' });
});

test('another failure of the database is a fault, and may end', () => {
  const error = Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 });
  expect(sqliteStoreError(error)).toMatchObject({ code: 'fault' });
});
