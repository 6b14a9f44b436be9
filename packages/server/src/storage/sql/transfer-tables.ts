import { type Kysely, sql } from 'kysely';
import { isObject, type JsonValue } from '../../domain/json.ts';
import { type Exported, ImportError, type TransferRow } from '../transfer.ts';
import { intentColumns, progressColumns, recordColumns } from './request-row.ts';
import { readBoolean } from './storable.ts';
import type { Tables } from './tables.ts';

/** The version of the form of an export; a change that older versions cannot read gets the next number. */
const exportVersion = 2;
/** That of an export with contents. */
const versionWithContents = 3;

/** Exported only where it is asked for. */
const contents = 'contents';

interface TransferTable {
  readonly name: keyof Tables & string;
  readonly columns: readonly string[];
  /** By these columns the rows are ordered and paged; together they are unique. */
  readonly order: readonly string[];
  /** Columns of truth values. */
  readonly booleans?: readonly string[];
  /** Only rows in which this column is NULL. */
  readonly without?: string;
  /** Columns that exports of earlier versions do not have: null there. */
  readonly added?: readonly string[];
}

/**
 * What is exported, in this order. `processes` and `leases` are not: the processes of an export do not live where it is
 * imported. `record_tags` is not either: triggers of SQLite fill it from `records`. Nor are `secrets`: with the signing secret of a
 * running service, a reader of an export could read its clients' streams. All else in an export opens nothing: of keys it has
 * hashes. A store keeps its own secret through an import. So addresses that were signed before a move end with it; they live for
 * minutes, and the server stands still meanwhile.
 */
const transferTables: readonly TransferTable[] = [
  { name: 'counters', columns: ['name', 'value'], order: ['name'] },
  { name: 'owners', columns: ['id', 'body', 'created_at', 'deleted_at', 'version'], order: ['id'] },
  {
    name: 'api_keys',
    columns: ['id', 'owner', 'body', 'created_at', 'revoked_at', 'last_used_at', 'version'],
    order: ['id'],
  },
  { name: 'key_hashes', columns: ['hash', 'key_id'], order: ['hash'] },
  { name: 'once_answers', columns: ['once_key', 'fingerprint', 'answer', 'at'], order: ['once_key'] },
  {
    name: 'intents',
    columns: [...intentColumns, ...progressColumns],
    added: progressColumns,
    order: ['id'],
    without: 'discarded_at',
  },
  {
    name: 'records',
    columns: recordColumns,
    order: ['created_at', 'id'],
    booleans: ['estimated', 'presumed'],
  },
  { name: 'daily_spent', columns: ['scope', 'day', 'tokens', 'micro_usd'], order: ['scope', 'day'] },
  {
    name: 'retired_usage',
    columns: [
      'day',
      'key_id',
      'owner',
      'end_user',
      'tags',
      'model',
      'target',
      'requests',
      'prompt_tokens',
      'completion_tokens',
      'cached_tokens',
      'reasoning_tokens',
      'cost_micro_usd',
    ],
    order: ['day', 'key_id', 'owner', 'end_user', 'tags', 'model', 'target'],
  },
  {
    name: 'retired_presumed',
    columns: [
      'id',
      'created_at',
      'key_id',
      'owner',
      'end_user',
      'tags',
      'model',
      'target',
      'prompt_tokens',
      'completion_tokens',
      'cached_tokens',
      'reasoning_tokens',
      'cost_micro_usd',
    ],
    order: ['id'],
  },
  { name: 'budget_notices', columns: ['id'], order: ['id'] },
  { name: 'outbox', columns: ['sequence', 'id', 'type', 'at', 'data'], order: ['sequence'] },
  { name: contents, columns: ['id', 'created_at', 'body'], order: ['id'] },
];

const rowsAtOnce = 500;

/** Everything of one state of the database: `db` is in a transaction that sees only that, or nothing else uses it. */
export async function* exportTables(
  db: Kysely<Tables>,
  { contents: withContents = false }: Exported = {},
): AsyncIterable<TransferRow> {
  yield { table: 'tailrace', export: withContents ? versionWithContents : exportVersion };
  let rows = 0;
  for (const table of transferTables) {
    if (table.name === contents && !withContents) continue;
    for await (const row of rowsOf(db, table)) {
      rows += 1;
      yield row;
    }
  }
  // Without this row an export is not whole.
  yield { table: 'end', rows };
}

async function* rowsOf(db: Kysely<Tables>, table: TransferTable): AsyncIterable<TransferRow> {
  const order = sql.join(table.order.map((column) => sql.ref(column)));
  const columns = sql.join(table.columns.map((column) => sql.ref(column)));
  let last: Record<string, JsonValue> | undefined;
  for (;;) {
    const place = last;
    const open = table.without === undefined ? sql`true` : sql`${sql.ref(table.without)} is null`;
    const after =
      place === undefined
        ? sql``
        : sql`and (${order}) > (${sql.join(table.order.map((column) => sql.val(place[column])))})`;
    const { rows } = await sql<Record<string, JsonValue>>`select ${columns} from ${sql.table(table.name)}
      where ${open} ${after} order by ${order} limit ${sql.lit(rowsAtOnce)}`.execute(db);
    for (const row of rows) yield { table: table.name, ...exported(table, row) };
    last = rows.at(-1);
    if (rows.length < rowsAtOnce) return;
  }
}

/** The columns in one order, and truth values that are not numbers. */
function exported(table: TransferTable, row: Record<string, JsonValue>): TransferRow {
  return Object.fromEntries(
    table.columns.map((column) => {
      const value = row[column] ?? null;
      const truth =
        table.booleans?.includes(column) && (typeof value === 'boolean' || typeof value === 'number');
      return [column, truth ? readBoolean(value) : value];
    }),
  );
}

export interface ImportOptions {
  /** In a transaction, which is rolled back when the import rejects. */
  readonly db: Kysely<Tables>;
  readonly rows: AsyncIterable<TransferRow> | Iterable<TransferRow>;
  readonly replace?: boolean;
  /** Before records are inserted: their times of creation. */
  readonly beforeRecords?: (createdAtMs: readonly number[]) => Promise<void>;
}

/** Replaces the content of all tables by the rows of an export. Rejects with an {@link ImportError}. */
export async function importTables(options: ImportOptions): Promise<number> {
  const { db, rows, replace = false, beforeRecords } = options;
  if (!replace && !(await isEmpty(db))) {
    throw new ImportError(
      'not-empty',
      'the store has keys, owners or records already; an import needs an empty store',
    );
  }
  for (const { name } of transferTables) await db.deleteFrom(name).execute();
  const waiting: TransferRow[] = [];
  let table: TransferTable | undefined;
  let count = 0;
  let ended = false;
  let begun = false;
  const insert = async (into: TransferTable | undefined) => {
    if (into === undefined || waiting.length === 0) return;
    if (into.name === 'records') await beforeRecords?.(waiting.map((row) => Number(row['created_at'])));
    const columns = sql.join(into.columns.map((column) => sql.ref(column)));
    const values = waiting.map((row) => sql`(${sql.join(imported(into, row))})`);
    await sql`insert into ${sql.table(into.name)} (${columns}) values ${sql.join(values)}`.execute(db);
    waiting.length = 0;
  };
  for await (const row of rows) {
    if (!begun) {
      checkHeader(row);
      begun = true;
      continue;
    }
    if (ended) throw notAnExport('rows follow its last row');
    if (row['table'] === 'end') {
      if (row['rows'] !== count)
        throw notAnExport(`it has ${count} rows, and its last one says ${row['rows']}`);
      ended = true;
      continue;
    }
    if (row['table'] !== table?.name || waiting.length === rowsAtOnce) await insert(table);
    table = transferTables.find(({ name }) => name === row['table']);
    if (table === undefined) throw notAnExport('a row is of a table that is not known');
    waiting.push(row);
    count += 1;
  }
  if (!ended) throw notAnExport('its last row is missing');
  await insert(table);
  return count;
}

async function isEmpty(db: Kysely<Tables>): Promise<boolean> {
  // What a store has from its beginning: the default owner, the counter, secrets.
  const filled = [
    sql`select 1 from api_keys`,
    sql`select 1 from owners where version > 0`,
    sql`select 1 from intents where discarded_at is null`,
    sql`select 1 from records`,
    sql`select 1 from daily_spent`,
    sql`select 1 from retired_usage`,
    sql`select 1 from outbox`,
  ];
  for (const query of filled) {
    const { rows } = await sql`${query} limit 1`.execute(db);
    if (rows.length > 0) return false;
  }
  return true;
}

function checkHeader(row: TransferRow): void {
  if (!isObject(row) || row['table'] !== 'tailrace')
    throw notAnExport('its first row is not that of an export');
  const version = row['export'];
  if (typeof version !== 'number' || version > versionWithContents)
    throw new ImportError(
      'newer',
      `the export has form ${version}, and this version of Tailrace reads forms up to ${versionWithContents}`,
    );
}

function imported(table: TransferTable, row: TransferRow): readonly unknown[] {
  return table.columns.map((column) => {
    const value = row[column];
    if (value === undefined || typeof value === 'object') {
      const isAbsent = value === undefined && table.added?.includes(column) === true;
      if (value === null || isAbsent) return sql.val(null);
      throw notAnExport(`a row of ${table.name} has no ${column}`);
    }
    return sql.val(value);
  });
}

function notAnExport(why: string): ImportError {
  return new ImportError('not-an-export', `this is no export of Tailrace, or not all of it: ${why}`);
}
