import { type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import type { Page } from '../contract.ts';
import type { RecordFilter, RecordPage, RecordQuery, UsageRecord } from '../records.ts';
import type { SqlFlavour } from './flavour.ts';
import { readOpenRecord, readRecord } from './request-row.ts';
import { storableFilter, storableText } from './storable.ts';
import type { Tables } from './tables.ts';

export interface FindRecordsOptions {
  readonly db: Kysely<Tables>;
  readonly flavour: SqlFlavour;
  readonly now: () => number;
}

/** Newest first: open requests are read from `intents`, settled ones from `records`, and put in one order. */
export async function findRecords(
  { db, flavour, now }: FindRecordsOptions,
  asked: RecordQuery & Page,
): Promise<RecordPage> {
  const query = storableFilter(asked);
  const after = query.after === undefined ? undefined : await placeOf(db, query.after);
  if (query.after !== undefined && after === undefined) return noSuchPlace;
  const found: UsageRecord[] = [];
  // Intents first: a request that is settled between the two statements is found twice, and never missed.
  if (query.status === undefined || query.status === 'open') {
    const open = db.selectFrom('intents').selectAll().where('discarded_at', 'is', null);
    const rows = await paged(filtered(open, 'intents', query, flavour), after)
      .limit(query.limit + 1)
      .execute();
    const nowMs = now();
    found.push(...rows.map((row) => readOpenRecord(row, nowMs)));
  }
  if (query.status !== 'open') {
    let select = filtered(db.selectFrom('records').selectAll(), 'records', query, flavour);
    if (query.status !== undefined) select = select.where('status', '=', query.status);
    // The index has no completed records, and SQLite must see that none is asked for.
    if (query.status !== undefined && query.status !== 'completed')
      select = select.where('status', '<>', sql.lit('completed'));
    const rows = await paged(select, after)
      .limit(query.limit + 1)
      .execute();
    found.push(...rows.map(readRecord));
  }
  const unique = [...new Map(found.map((record) => [record.id, record])).values()].sort(newestFirst);
  return { data: unique.slice(0, query.limit), hasMore: unique.length > query.limit };
}

/** The page of a list whose `after` is not in it. */
export const noSuchPlace = { data: [], hasMore: false, unknownAfter: true } as const;

type Requests = 'intents' | 'records';

/** Only rows that fit the filter. */
export function filtered<Table extends Requests, Row>(
  select: SelectQueryBuilder<Tables, Table, Row>,
  table: Table,
  filter: RecordFilter & { readonly id?: string },
  flavour: SqlFlavour,
): SelectQueryBuilder<Tables, Table, Row> {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const conditions = [
    filter.id === undefined ? undefined : sql<boolean>`${column('id')} = ${filter.id}`,
    filter.keyId === undefined ? undefined : sql<boolean>`${column('key_id')} = ${filter.keyId}`,
    filter.owner === undefined ? undefined : sql<boolean>`${column('owner')} = ${filter.owner}`,
    filter.user === undefined ? undefined : sql<boolean>`${column('end_user')} = ${filter.user}`,
    filter.model === undefined ? undefined : sql<boolean>`${column('model')} = ${filter.model}`,
    filter.sinceMs === undefined ? undefined : sql<boolean>`${column('created_at')} >= ${filter.sinceMs}`,
    filter.untilMs === undefined ? undefined : sql<boolean>`${column('created_at')} < ${filter.untilMs}`,
    filter.tag === undefined ? undefined : flavour.hasTag(table, filter.tag.name, filter.tag.value),
  ];
  return conditions.reduce(
    (narrowed, condition) => (condition === undefined ? narrowed : narrowed.where(condition)),
    select,
  );
}

interface Place {
  readonly created_at: number;
  readonly id: string;
}

function paged<Table extends Requests, Row>(
  select: SelectQueryBuilder<Tables, Table, Row>,
  after: Place | undefined,
): SelectQueryBuilder<Tables, Table, Row> {
  const ordered = select.orderBy(sql`created_at`, 'desc').orderBy(sql`id`, 'desc');
  if (after === undefined) return ordered;
  return ordered.where(sql<boolean>`(created_at, id) < (${after.created_at}, ${after.id})`);
}

async function placeOf(db: Kysely<Tables>, id: string): Promise<Place | undefined> {
  const settled = await db
    .selectFrom('records')
    .select(['created_at', 'id'])
    .where('id', '=', storableText(id))
    .executeTakeFirst();
  if (settled !== undefined) return settled;
  return db
    .selectFrom('intents')
    .select(['created_at', 'id'])
    .where('id', '=', storableText(id))
    .where('discarded_at', 'is', null)
    .executeTakeFirst();
}

function newestFirst(a: UsageRecord, b: UsageRecord): number {
  return b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1);
}
