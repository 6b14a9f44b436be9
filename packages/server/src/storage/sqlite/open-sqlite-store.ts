import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { ReaderOpening, StoreOpening } from '../opening.ts';
import { migrate, schemaVersion } from '../sql/migrate.ts';
import { newerSchema, unreadableSchema } from '../sql/schema-problem.ts';
import { StoreError } from '../store-error.ts';
import { sqliteFile } from '../store-name.ts';
import { emptyLogBytes, startCheckpoints } from './checkpoint-thread.ts';
import { createConnectionTurns } from './connection-turns.ts';
import { watchDatabaseFile } from './database-file.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { type LogSync, openLogSync } from './log-sync.ts';
import { sqliteMigrations } from './migrations.ts';
import { openReports } from './report-thread.ts';
import { sqliteOpeningFailure } from './sqlite-error.ts';
import { sqliteSql } from './sqlite-sql.ts';
import { createSqliteReader, createSqliteStore } from './sqlite-store.ts';

export interface SqliteStoreOptions {
  /** The data folder: it is made where it is missing, and locked until the store is closed. */
  readonly dataDir: string;
  /** Unix milliseconds; the clock of the beats. */
  readonly now: () => number;
  /** Whether settled records and budgets that fill up become events for the webhook. */
  readonly outbox?: boolean;
  /** For the message of another process that wants the folder. */
  readonly holder?: { readonly pid: number; readonly address?: string };
  /** Checkpoints, and sums and lists of records, have threads of their own: none of them delays an admission. */
  readonly threads?: boolean;
  /** Called with true when the database was deleted or replaced, and with false when it is back in its place. */
  readonly onLost?: (lost: boolean) => void;
}

/** Longer waits would block the thread: a locked database is the caller's to try again. */
const busyTimeoutMs = 50;
/** Nothing is served yet, and a backup that holds the database for a moment must not prevent a start. */
const openingTimeoutMs = 5_000;

/** Opens the SQLite database of a data folder and brings its schema forward. Never rejects; the caller closes the store. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<StoreOpening> {
  const locked = lockFolder(options.dataDir, options.holder ?? { pid: process.pid });
  if (!locked.ok) return locked;
  const opened = await openLocked(sqliteFile(options.dataDir), options, locked.lock);
  if (!opened.ok) locked.lock.release();
  return opened;
}

async function openLocked(
  file: string,
  options: SqliteStoreOptions,
  lock: FolderLock,
): Promise<StoreOpening> {
  let database: DatabaseSync | undefined;
  try {
    // Its files have hashes of keys and what users did; SQLite gives the mode of this one to those beside it.
    closeSync(openSync(file, 'a', 0o600));
    database = new DatabaseSync(file, { timeout: openingTimeoutMs });
    const opened = database;
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = NORMAL');
    database.exec(`PRAGMA journal_size_limit = ${emptyLogBytes}`);
    const migrated = await migrate(sqliteSql(database, createConnectionTurns()), {
      migrations: sqliteMigrations,
      // The transaction itself is the lock: it begins as a writer.
      lock: async () => {},
      nowMs: options.now(),
    });
    if (migrated.type === 'newer') {
      database.close();
      return newerSchema(file, migrated.found, sqliteMigrations.length);
    }
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    // The migration has read the schema, so the log exists.
    const { dataDir, now, threads = false } = options;
    const databaseFile = watchDatabaseFile(file, options.onLost);
    const checkpoints = threads
      ? startCheckpoints(database, file, (error) => logSync.failed(error))
      : undefined;
    const logSync = await openLogSync(file, undefined, checkpoints?.synced);
    const reports = threads ? openReports({ dataDir, now }) : undefined;
    return {
      ok: true,
      schema: migrated,
      store: createSqliteStore({
        database,
        now,
        outbox: options.outbox ?? false,
        ...(reports === undefined ? {} : { reports }),
        beforeWrite() {
          databaseFile.check();
          repair(opened, logSync);
        },
        afterWrite: () => logSync.committed(),
        sync: () => logSync.now(),
        openSnapshot: () => openForReading(file),
        async close() {
          await reports?.close();
          await logSync.close();
          await checkpoints?.close();
          lock.release();
        },
      }),
    };
  } catch (error) {
    if (database?.isOpen) database.close();
    return sqliteOpeningFailure(error, file);
  }
}

/**
 * Opens the database of a data folder for reading only, also while a service uses it. Never rejects; the caller closes the
 * reader.
 */
export async function openSqliteReader(
  options: Pick<SqliteStoreOptions, 'dataDir' | 'now'>,
): Promise<ReaderOpening> {
  const file = sqliteFile(options.dataDir);
  if (!existsSync(file))
    return {
      ok: false,
      reason: 'missing',
      message: `there is no store in ${options.dataDir}: no server has used this data folder yet`,
    };
  let database: DatabaseSync | undefined;
  try {
    database = openForReading(file);
    const sql = sqliteSql(database, createConnectionTurns());
    const problem = unreadableSchema(file, await schemaVersion(sql), sqliteMigrations.length);
    if (problem !== undefined) {
      database.close();
      return problem;
    }
    const openSnapshot = () => openForReading(file);
    return { ok: true, reader: createSqliteReader({ database, now: options.now, openSnapshot }) };
  } catch (error) {
    if (database?.isOpen) database.close();
    return sqliteOpeningFailure(error, file);
  }
}

function openForReading(file: string): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
}

/**
 * After a sync that failed, the operating system may hold pages that it will never write. A checkpoint writes their content
 * again, into the database; it throws where the disk still fails, and the store takes no writes until then.
 */
function repair(database: DatabaseSync, logSync: LogSync): void {
  if (logSync.failure() === undefined) return;
  // Beside a reader the checkpoint ends early, and says so in its row.
  const { busy } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
  if (busy !== 0) throw new StoreError('busy', 'a reader holds the log of SQLite, whose sync has failed');
  logSync.repaired();
}
