import { Kysely, sql } from 'kysely';
import type { OpenedStore } from '../opening.ts';
import { contentOf, keepContents, retireContents } from '../sql/contents.ts';
import { findRecords } from '../sql/find-records.ts';
import type { SqlFlavour } from '../sql/flavour.ts';
import { createKeyBook } from '../sql/key-book.ts';
import { takeLease } from '../sql/leases.ts';
import { secretOf } from '../sql/secrets.ts';
import { createServingKeys } from '../sql/serving-keys.ts';
import type { Tables } from '../sql/tables.ts';
import { exportTables, importTables } from '../sql/transfer-tables.ts';
import { sumUsage } from '../sql/usage.ts';
import { StoreError } from '../store-error.ts';
import { type Exported, ImportError, type TransferRow } from '../transfer.ts';
import { createPartitions, type Partitions } from './partitions.ts';
import type { Pool } from './pool.ts';
import { postgresStoreError } from './postgres-error.ts';
import { postgresSql } from './postgres-sql.ts';
import { createPostgresRequests } from './requests.ts';
import { retireRecords } from './retire.ts';
import { serverNow } from './statements.ts';

export interface PostgresStoreParts {
  readonly pool: Pool;
  /** Over `pool`; its schema is current. */
  readonly db: Kysely<Tables>;
  /** For sums and lists of records, which may take long: no admission waits for one of these connections. */
  readonly reports: Pool;
  readonly outbox: boolean;
}

const flavour: SqlFlavour = {
  grouped: (column) => sql.ref(column),
  tagValue: (table, name) => sql`(${sql.ref(`${table}.tags`)}::jsonb) ->> ${name}::text`,
  // The first condition is that of the index.
  hasTag: (table, name, value) => sql`${sql.ref(`${table}.tags`)} <> '{}'
    and (${sql.ref(`${table}.tags`)}::jsonb) @> ${JSON.stringify({ [name]: value })}::jsonb`,
};

/** The store over a pool of connections. */
export function createPostgresStore({ pool, db, reports, outbox }: PostgresStoreParts): OpenedStore {
  const partitions = createPartitions(pool);
  const requests = createPostgresRequests({ pool, partitions, outbox });
  const book = createKeyBook(db);
  const plain = postgresSql(db);
  const serving = createServingKeys(plain);
  const reading = { db: new Kysely<Tables>({ dialect: reports.dialect }), flavour, now: Date.now };
  let closed: Promise<void> | undefined;

  /** Every method rejects with a `StoreError`. */
  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    if (closed !== undefined) throw new StoreError('closed', 'the store has been closed');
    try {
      return await work();
    } catch (error) {
      throw postgresStoreError(error);
    }
  }

  return {
    admit: (intents) => guarded(() => requests.admit(intents)),
    keep: (intents) => guarded(() => requests.keep(intents)),
    progress: (marks) => guarded(() => requests.progress(marks)),
    settle: (records) => guarded(() => requests.settle(records)),
    discard: (ids) => guarded(() => requests.discard(ids)),
    noteRefusals: (refusals) => guarded(() => requests.noteRefusals(refusals)),
    beat: (processId) => guarded(() => requests.beat(processId)),
    leave: (processId) => guarded(() => requests.leave(processId)),
    closeDead: (options) => guarded(() => requests.closeDead(options)),
    change: (change, once) => guarded(() => book.change(change, once)),
    touch: (uses) => guarded(() => serving.touch(uses)),
    retire: (beforeMs) => guarded(() => retireRecords(pool, partitions, beforeMs)),
    keepContents: (contents) => guarded(() => keepContents(plain, contents)),
    content: (id) => guarded(() => contentOf(plain, id)),
    retireContents: (beforeMs) => guarded(() => retireContents(plain, beforeMs)),
    outbox: (limit) => guarded(() => requests.outbox(limit)),
    delivered: (sequences) => guarded(() => requests.delivered(sequences)),
    waitingEvents: () => guarded(() => requests.waitingEvents()),
    lease: (name, holder, ttlMs) =>
      guarded(() => takeLease({ sql: plain, now: serverNow }, { name, holder, ttlMs })),
    secret: (name, make) => guarded(() => secretOf(plain, name, make)),
    // It syncs each commit.
    durable: async () => {},
    ping: () => guarded(async () => void (await pool.run({ name: 'ping', text: 'SELECT 1' }, []))),
    keysAfter: (version) => guarded(() => serving.keysAfter(version)),
    keyByHash: (hash) => guarded(() => serving.keyByHash(hash)),
    key: (id) => guarded(() => book.key(id)),
    keys: (page) => guarded(() => book.keys(page)),
    owner: (id) => guarded(() => book.owner(id)),
    owners: (page) => guarded(() => book.owners(page)),
    records: (query) => guarded(() => findRecords(reading, query)),
    usage: (query) => guarded(() => sumUsage(reading, query)),
    spent: (budgets) => guarded(() => requests.spent(budgets)),
    exportRows: (what) => exportSnapshot(db, what),
    importRows: (rows, options) => guarded(() => importAll(db, partitions, { rows, ...options })),
    close() {
      closed ??= Promise.all([pool.close(), reports.close()]).then(() => {});
      return closed;
    },
  };
}

/** Kysely's transactions end with a function; an export ends when its reader has read it, so it holds a connection itself. */
async function* exportSnapshot(db: Kysely<Tables>, what: Exported | undefined): AsyncIterable<TransferRow> {
  const transaction = await db
    .startTransaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute();
  try {
    yield* exportTables(transaction, what);
  } catch (error) {
    throw postgresStoreError(error);
  } finally {
    await transaction.rollback().execute();
  }
}

/** A process without a beat for this long is dead (contract, section 5). */
const livingMs = 10_000;

interface ImportedRows {
  readonly rows: AsyncIterable<TransferRow> | Iterable<TransferRow>;
  readonly replace?: boolean;
}

async function importAll(db: Kysely<Tables>, partitions: Partitions, options: ImportedRows): Promise<number> {
  return db.transaction().execute(async (transaction) => {
    const beats = sql<{
      id: string;
    }>`SELECT id FROM processes WHERE beat_at > ${sql.raw(serverNow)} - ${livingMs}`;
    const { rows: living } = await beats.execute(transaction);
    if (living.length > 0)
      throw new ImportError(
        'in-use',
        'a server uses the database; stop every server that uses it, and wait 10 s',
      );
    const count = await importTables({
      ...options,
      db: transaction,
      // Partitions are made by a transaction of their own: empty ones do no harm when the import fails.
      beforeRecords: (createdAtMs) => partitions.ensure(createdAtMs),
    });
    await sql`SELECT setval(pg_get_serial_sequence('outbox', 'sequence'), max(sequence)) FROM outbox`.execute(
      transaction,
    );
    return count;
  });
}
