import type { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import type { StoreReads } from '../contract.ts';
import type { OpenedReader, OpenedStore } from '../opening.ts';
import { findRecords } from '../sql/find-records.ts';
import type { SqlFlavour } from '../sql/flavour.ts';
import { createKeyBook } from '../sql/key-book.ts';
import { takeLease } from '../sql/leases.ts';
import { secretOf } from '../sql/secrets.ts';
import { dayMs, type Tables } from '../sql/tables.ts';
import { exportTables, importTables } from '../sql/transfer-tables.ts';
import { sumUsage } from '../sql/usage.ts';
import { StoreError } from '../store-error.ts';
import type { TransferRow } from '../transfer.ts';
import { createSqliteRequests, type SqliteRequests } from './requests.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import { sqliteStoreError } from './sqlite-error.ts';

export interface SqliteStoreParts {
  readonly database: DatabaseSync;
  /** Over `database`; its schema is current. */
  readonly db: Kysely<Tables>;
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
  /** Releases everything but `database`, which the store closes after it. */
  readonly close?: () => Promise<void>;
}

const sqliteFlavour: SqlFlavour = {
  grouped: (column) => sql`+${sql.ref(column)}`,
  tagValue: (table, name) => sql`json_extract(${sql.ref(`${table}.tags`)}, ${`$."${name}"`})`,
  hasTag(table, name, value) {
    if (table !== 'records') return sql`${this.tagValue(table, name)} = ${value}`;
    return sql`exists (select 1 from record_tags where tag = ${`${name}=${value}`}
      and record_tags.created_at = records.created_at and record_tags.id = records.id)`;
  },
};

/** The records that one transaction of `retire` deletes: other work has its turn between two of them. */
const retiredAtOnce = 500;

/** The store over an open database. Calls take turns on the one connection. */
export function createSqliteStore(parts: SqliteStoreParts): OpenedStore {
  const { database, db } = parts;
  const requests = createSqliteRequests({ database, now: parts.now, outbox: parts.outbox ?? false });
  const { read, write, queries, close } = createTurns(parts);
  const book = createKeyBook(db);

  return {
    ...createReads(parts, requests, { read, queries }),
    admit: (intents) => write(() => requests.admit(intents)),
    keep: (intents) => write(() => requests.keep(intents)),
    progress: (marks) => write(() => requests.progress(marks)),
    settle: (records) => write(() => requests.settle(records)),
    discard: (ids) => write(() => requests.discard(ids)),
    noteRefusals: (refusals) => write(() => requests.noteRefusals(refusals)),
    beat: (processId) => write(() => requests.beat(processId)),
    leave: (processId) => write(() => requests.leave(processId)),
    closeDead: (options) => write(() => requests.closeDead(options)),
    change: (change, once) => queries(() => book.change(change, once), 'write'),
    touch: (uses) => queries(() => book.touch(uses), 'write'),
    outbox: (limit) => read(() => requests.outbox(limit)),
    delivered: (sequences) => write(() => requests.delivered(sequences)),
    waitingEvents: () => read(() => requests.waitingEvents()),
    lease: (name, holder, ttlMs) =>
      queries(() => takeLease({ db, now: sql<number>`${parts.now()}` }, { name, holder, ttlMs }), 'write'),
    secret: (name, make) => queries(() => secretOf(db, name, make), 'write'),
    durable: () => queries(parts.sync ?? (async () => {})),
    ping: () => write(() => void database.prepare('SELECT 1').get()),
    async retire(beforeMs) {
      const before = Math.floor(beforeMs / dayMs) * dayMs;
      let deleted = 0;
      for (;;) {
        const step = await write(() => requests.retire(before, retiredAtOnce));
        deleted += step;
        if (step < retiredAtOnce) return deleted;
      }
    },
    exportRows: () => exportSnapshot(parts),
    importRows: (rows, options) =>
      queries(
        () => db.transaction().execute((transaction) => importTables({ db: transaction, rows, ...options })),
        'write',
      ),
    close,
  };
}

/** Reading an open database, which may be open for reading only. */
export function createSqliteReader(parts: SqliteStoreParts): OpenedReader {
  const { read, queries, close } = createTurns(parts);
  const requests = createSqliteRequests({ database: parts.database, now: parts.now, outbox: false });
  return {
    ...createReads(parts, requests, { read, queries }),
    exportRows: () => exportSnapshot(parts),
    close,
  };
}

type Turns = ReturnType<typeof createTurns>;

/** Each call waits until the connection is free, and rejects with a `StoreError`. */
function createTurns({ database, db, beforeWrite, afterWrite, close }: SqliteStoreParts) {
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
  const alone = <T>(work: () => T) => db.connection().execute(async () => work());
  return {
    /** Statements of Kysely, which takes turns itself. */
    queries,
    /** Statements without an `await` between them. */
    read: <T>(work: () => T) => queries(() => alone(work)),
    write: <T>(work: () => T) => queries(() => alone(work), 'write'),
    close() {
      closed ??= alone(() => undefined).then(async () => {
        await close?.();
        database.close();
      });
      return closed;
    },
  };
}

function createReads(
  { db, now, reports }: SqliteStoreParts,
  requests: SqliteRequests,
  { read, queries }: Pick<Turns, 'read' | 'queries'>,
): StoreReads {
  const book = createKeyBook(db);
  const options = { db, flavour: sqliteFlavour, now };
  return {
    keysAfter: (version) => queries(() => book.keysAfter(version)),
    keyByHash: (hash) => queries(() => book.keyByHash(hash)),
    key: (id) => queries(() => book.key(id)),
    keys: (page) => queries(() => book.keys(page)),
    owner: (id) => queries(() => book.owner(id)),
    owners: (page) => queries(() => book.owners(page)),
    records: (query) => queries(() => reports?.records(query) ?? findRecords(options, query)),
    usage: (query) => queries(() => reports?.usage(query) ?? sumUsage(options, query)),
    spent: (budgets) => read(() => requests.spent(budgets)),
  };
}

async function* exportSnapshot({ db, openSnapshot }: SqliteStoreParts): AsyncIterable<TransferRow> {
  if (openSnapshot === undefined) {
    yield* exportTables(db);
    return;
  }
  const database = openSnapshot();
  try {
    // The first read fixes the state that this connection sees until the end.
    database.exec('BEGIN');
    yield* exportTables(new Kysely<Tables>({ dialect: sqliteDialect(database) }));
  } catch (error) {
    throw sqliteStoreError(error);
  } finally {
    database.close();
  }
}
