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

/** All result codes (sqlite.org/rescode.html). */
test.each([
  [1, 'fault', 'ERROR'],
  [2, 'fault', 'INTERNAL'],
  [3, 'fault', 'PERM'],
  [4, 'fault', 'ABORT'],
  [5, 'busy', 'BUSY'],
  [261, 'busy', 'BUSY_RECOVERY'],
  [517, 'busy', 'BUSY_SNAPSHOT'],
  [6, 'busy', 'LOCKED'],
  [7, 'fault', 'NOMEM'],
  [8, 'fault', 'READONLY'],
  [1032, 'fault', 'READONLY_DBMOVED'],
  [9, 'fault', 'INTERRUPT'],
  [10, 'fault', 'IOERR'],
  [1034, 'fault', 'IOERR_FSYNC'],
  [11, 'fault', 'CORRUPT'],
  [12, 'fault', 'NOTFOUND'],
  [13, 'full', 'FULL'],
  [14, 'fault', 'CANTOPEN'],
  [15, 'busy', 'PROTOCOL'],
  [17, 'fault', 'SCHEMA'],
  [18, 'refused', 'TOOBIG'],
  [19, 'refused', 'CONSTRAINT'],
  [787, 'refused', 'CONSTRAINT_FOREIGNKEY'],
  [1299, 'refused', 'CONSTRAINT_NOTNULL'],
  [3091, 'refused', 'CONSTRAINT_DATATYPE'],
  [20, 'refused', 'MISMATCH'],
  [21, 'fault', 'MISUSE'],
  [22, 'fault', 'NOLFS'],
  [23, 'fault', 'AUTH'],
  [25, 'refused', 'RANGE'],
  [26, 'fault', 'NOTADB'],
])('the result %d of SQLite is %s: %s', (errcode, code) => {
  const error = Object.assign(new Error('what SQLite says'), { code: 'ERR_SQLITE_ERROR', errcode });
  expect(sqliteStoreError(error)).toMatchObject({ name: 'StoreError', code });
});

test('values that no table takes are refused, and may be put aside', () => {
  const ofTable = errorOf((database) => {
    database.exec('CREATE TABLE a (b INTEGER NOT NULL) STRICT');
    database.prepare('INSERT INTO a VALUES (?)').run(null);
  });
  expect(sqliteStoreError(ofTable)).toMatchObject({ code: 'refused' });
  const ofType = errorOf((database) => {
    database.exec('CREATE TABLE a (b INTEGER NOT NULL) STRICT');
    database.prepare('INSERT INTO a VALUES (?)').run('a text');
  });
  expect(sqliteStoreError(ofType)).toMatchObject({ code: 'refused' });
  const unbindable = errorOf((database) => {
    // @ts-expect-error: what a bug may give
    database.prepare('SELECT ?').get(Symbol('x'));
  });
  expect(sqliteStoreError(unbindable)).toMatchObject({ code: 'refused' });
});

test('a bug stays what it is', () => {
  const bug = new TypeError('x is not a function');
  expect(sqliteStoreError(bug)).toBe(bug);
});
