import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import type { StoreReads } from '../contract.ts';
import type { OpenedReader, OpenedStore } from '../opening.ts';
import { contentOf, keepContents, retireContents } from '../sql/contents.ts';
import { takeLease } from '../sql/leases.ts';
import { secretOf } from '../sql/secrets.ts';
import { createServingKeys } from '../sql/serving-keys.ts';
import { dayMs } from '../sql/tables.ts';
import { StoreError } from '../store-error.ts';
import type { Exported, TransferRow } from '../transfer.ts';
import type { BuiltQueries, BuiltQueriesOptions } from './built-queries.ts';
import { createConnectionTurns } from './connection-turns.ts';
import { createSqliteRequests, type SqliteRequests } from './requests.ts';
import { sqliteStoreError } from './sqlite-error.ts';
import { sqliteSql } from './sqlite-sql.ts';

export interface SqliteStoreParts {
  /** Its schema is current. */
  readonly database: DatabaseSync;
  readonly now: () => number;
  readonly outbox?: boolean;
  /** Before each write: throws where the store must not take any. */
  readonly beforeWrite?: () => void;
  readonly afterWrite?: () => void;
  /** Has the disk keep what has been committed. */
  readonly sync?: () => Promise<void>;
  /** What reads sums and lists of records in the place of `database`. */
  readonly reports?: Pick<StoreReads, 'usage' | 'records'>;
  /** A connection of its own for an export, which holds one state of the database for a long time. */
  readonly openSnapshot?: () => DatabaseSync;
  /** Default: they are loaded with the first of them. */
  readonly openBuiltQueries?: (options: BuiltQueriesOptions) => Promise<BuiltQueries>;
  /** Releases everything but `database`, which the store closes after it. */
  readonly close?: () => Promise<void>;
}

/** The records that one transaction of `retire` deletes: other work has its turn between two of them. */
const retiredAtOnce = 500;

/** The store over an open database. Calls take turns on the one connection. */
export function createSqliteStore(parts: SqliteStoreParts): OpenedStore {
  const { database } = parts;
  const requests = createSqliteRequests({ database, now: parts.now, outbox: parts.outbox ?? false });
  const access = createAccess(parts);
  const { read, write, queries, sql, built, serving, close } = access;

  return {
    ...createReads(parts, requests, access),
    admit: (intents) => write(() => requests.admit(intents)),
    keep: (intents) => write(() => requests.keep(intents)),
    progress: (marks) => write(() => requests.progress(marks)),
    settle: (records) => write(() => requests.settle(records)),
    discard: (ids) => write(() => requests.discard(ids)),
    noteRefusals: (refusals) => write(() => requests.noteRefusals(refusals)),
    beat: (processId) => write(() => requests.beat(processId)),
    leave: (processId) => write(() => requests.leave(processId)),
    closeDead: (options) => write(() => requests.closeDead(options)),
    change: (change, once) => queries(async () => (await built()).change(change, once), 'write'),
    touch: (uses) => queries(() => serving.touch(uses), 'write'),
    outbox: (limit) => read(() => requests.outbox(limit)),
    delivered: (sequences) => write(() => requests.delivered(sequences)),
    waitingEvents: () => read(() => requests.waitingEvents()),
    lease: (name, holder, ttlMs) =>
      queries(() => takeLease({ sql, now: String(parts.now()) }, { name, holder, ttlMs }), 'write'),
    secret: (name, make) => queries(() => secretOf(sql, name, make), 'write'),
    durable: () => queries(parts.sync ?? (async () => {})),
    ping: () => write(() => void database.prepare('SELECT 1').get()),
    async retire(beforeMs) {
      const before = Math.floor(beforeMs / dayMs) * dayMs;
      let deleted = 0;
      for (;;) {
        const step = await write(() => requests.retire(before, retiredAtOnce));
        deleted += step;
        if (step < retiredAtOnce) return deleted;
        // Statements of SQLite wait for nothing: without a turn of the event loop no other call would arrive before the end.
        await turn();
      }
    },
    keepContents: (contents) =>
      queries(() => sql.transaction((inside) => keepContents(inside, contents)), 'write'),
    content: (id) => queries(() => contentOf(sql, id)),
    retireContents: (beforeMs) => queries(() => retireContents(sql, beforeMs), 'write'),
    exportRows: (what) => exportSnapshot(parts, access, what),
    importRows: (...asked) => queries(async () => (await built()).importRows(...asked), 'write'),
    close,
  };
}

/** Reading an open database, which may be open for reading only. */
export function createSqliteReader(parts: SqliteStoreParts): OpenedReader {
  const access = createAccess(parts);
  const requests = createSqliteRequests({ database: parts.database, now: parts.now, outbox: false });
  return {
    ...createReads(parts, requests, access),
    exportRows: (what) => exportSnapshot(parts, access, what),
    close: access.close,
  };
}

type Access = ReturnType<typeof createAccess>;

/** The ways to the one connection. Each call waits until the connection is free, and rejects with a `StoreError`. */
function createAccess({ database, now, openBuiltQueries, beforeWrite, afterWrite, close }: SqliteStoreParts) {
  const turns = createConnectionTurns();
  const sql = sqliteSql(database, turns);
  let built: Promise<BuiltQueries> | undefined;
  let closed: Promise<void> | undefined;
  const queries = async <T>(work: () => Promise<T>, kind: 'read' | 'write' = 'read'): Promise<T> => {
    if (closed !== undefined) throw new StoreError('closed', 'the store has been closed');
    try {
      if (kind === 'write') beforeWrite?.();
      const result = await work();
      if (kind === 'write') afterWrite?.();
      return result;
    } catch (error) {
      throw sqliteStoreError(error);
    }
  };
  return {
    /** Statements that take turns themselves. */
    queries,
    /** Statements without an `await` between them. */
    read: <T>(work: () => T) => queries(() => turns.run(work)),
    write: <T>(work: () => T) => queries(() => turns.run(work), 'write'),
    sql,
    serving: createServingKeys(sql),
    built(): Promise<BuiltQueries> {
      built ??= (openBuiltQueries ?? loadBuiltQueries)({ database, turns, now });
      return built;
    },
    close() {
      closed ??= turns.run(async () => {
        await close?.();
        database.close();
      });
      return closed;
    },
  };
}

const loadBuiltQueries: NonNullable<SqliteStoreParts['openBuiltQueries']> = async (options) =>
  (await import('./built-queries.ts')).createBuiltQueries(options);

function createReads(
  { reports }: SqliteStoreParts,
  requests: SqliteRequests,
  { read, queries, built, serving }: Pick<Access, 'read' | 'queries' | 'built' | 'serving'>,
): StoreReads {
  return {
    keysAfter: (version) => queries(() => serving.keysAfter(version)),
    keyByHash: (hash) => queries(() => serving.keyByHash(hash)),
    key: (id) => queries(async () => (await built()).key(id)),
    keys: (page) => queries(async () => (await built()).keys(page)),
    owner: (id) => queries(async () => (await built()).owner(id)),
    owners: (page) => queries(async () => (await built()).owners(page)),
    records: (query) => queries(async () => (reports ?? (await built())).records(query)),
    usage: (query) => queries(async () => (reports ?? (await built())).usage(query)),
    spent: (budgets) => read(() => requests.spent(budgets)),
  };
}

async function* exportSnapshot(
  { now, openSnapshot }: SqliteStoreParts,
  { built }: Pick<Access, 'built'>,
  what: Exported | undefined,
): AsyncIterable<TransferRow> {
  if (openSnapshot === undefined) {
    yield* (await built()).exportRows(what);
    return;
  }
  const database = openSnapshot();
  try {
    // The first read fixes the state that this connection sees until the end.
    database.exec('BEGIN');
    yield* (await loadBuiltQueries({ database, turns: createConnectionTurns(), now })).exportRows(what);
  } catch (error) {
    throw sqliteStoreError(error);
  } finally {
    database.close();
  }
}
