import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import { mostUsageRows, type UsageGroup, type UsageQuery, type UsageRow } from '../records.ts';
import { filtered } from './find-records.ts';
import type { SqlFlavour } from './flavour.ts';
import { storableFilter } from './storable.ts';
import { dayMs, type Tables } from './tables.ts';

const hourMs = 3_600_000;

export interface UsageOptions {
  readonly db: Kysely<Tables>;
  readonly flavour: SqlFlavour;
}

type SumRow = Record<string, string | number | null>;

/**
 * Sums of settled records by the groups, in the order of the groups' values. Days that have been retired are included where
 * their beginning is within the filter, but for groups by hour. Both are read in one statement, so that a retirement at the
 * same time counts nothing twice.
 */
export async function sumUsage(options: UsageOptions, asked: UsageQuery): Promise<readonly UsageRow[]> {
  const query = storableFilter(asked);
  const { db, flavour } = options;
  const groups = query.groupBy;
  const names = groups.map((_, index) => `g${index}`);
  let settled = filtered(db.selectFrom('records'), 'records', query, flavour).select([
    ...groups.map((group, index) => recordGroup(group, flavour).as(`g${index}`)),
    ...sums(sql`count(*)`),
  ]);
  if (names.length > 0) settled = settled.groupBy(names.map((name) => sql.ref(name)));
  let retired = db
    .selectFrom('retired_usage')
    .select([
      ...groups.map((group, index) => retiredGroup(group, flavour).as(`g${index}`)),
      ...sums(sql`sum(requests)`),
    ]);
  for (const condition of retiredConditions(query, flavour)) retired = retired.where(condition);
  if (names.length > 0) retired = retired.groupBy(names.map((name) => sql.ref(name)));
  const statement = groups.includes('hour') ? settled : settled.unionAll(retired);
  // A group has at most two rows, so these hold more than `mostUsageRows` groups where there are as many.
  const rows = (await statement.limit(2 * (mostUsageRows + 1)).execute()) as SumRow[];
  return merged(rows, groups).slice(0, mostUsageRows + 1);
}

function sums(requests: RawBuilder<unknown>) {
  const total = (expression: RawBuilder<unknown>, name: string) =>
    sql<number>`cast(coalesce(${expression}, 0) as bigint)`.as(name);
  return [
    total(requests, 'requests'),
    ...sumColumns.map((column) => total(sql`sum(${sql.ref(column)})`, column)),
  ];
}

const sumColumns = [
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'reasoning_tokens',
  'cost_micro_usd',
] as const;

function recordGroup(group: UsageGroup, flavour: SqlFlavour): RawBuilder<string | number | null> {
  switch (group) {
    case 'key':
      return flavour.grouped('records.key_id');
    case 'owner':
    case 'model':
    case 'target':
      return flavour.grouped(`records.${group}`);
    case 'user':
      return flavour.grouped('records.end_user');
    case 'day':
      return sql`records.created_at / ${sql.lit(dayMs)}`;
    case 'hour':
      return sql`records.created_at / ${sql.lit(hourMs)}`;
    default:
      return flavour.tagValue('records', tagOf(group));
  }
}

function retiredGroup(group: UsageGroup, flavour: SqlFlavour): RawBuilder<string | number | null> {
  switch (group) {
    case 'key':
      return sql`retired_usage.key_id`;
    case 'owner':
    case 'model':
      return sql`retired_usage.${sql.ref(group)}`;
    case 'user':
      return sql`nullif(retired_usage.end_user, '')`;
    case 'target':
      return sql`nullif(retired_usage.target, '')`;
    case 'day':
    case 'hour':
      return sql`retired_usage.day`;
    default:
      return flavour.tagValue('retired_usage', tagOf(group));
  }
}

function retiredConditions(query: UsageQuery, flavour: SqlFlavour): readonly RawBuilder<SqlBool>[] {
  const conditions: RawBuilder<SqlBool>[] = [];
  if (query.keyId !== undefined) conditions.push(sql`key_id = ${query.keyId}`);
  if (query.owner !== undefined) conditions.push(sql`owner = ${query.owner}`);
  if (query.user !== undefined) conditions.push(sql`end_user = ${query.user}`);
  if (query.model !== undefined) conditions.push(sql`model = ${query.model}`);
  if (query.sinceMs !== undefined) conditions.push(sql`day >= ${Math.ceil(query.sinceMs / dayMs)}`);
  if (query.untilMs !== undefined) conditions.push(sql`day < ${Math.ceil(query.untilMs / dayMs)}`);
  if (query.tag !== undefined)
    conditions.push(flavour.hasTag('retired_usage', query.tag.name, query.tag.value));
  return conditions;
}

/** Both statements may have a row of a group. */
function merged(rows: readonly SumRow[], groups: readonly UsageGroup[]): readonly UsageRow[] {
  const byGroup = new Map<string, { -readonly [F in keyof UsageRow]: UsageRow[F] }>();
  for (const row of rows) {
    if (Number(row['requests']) === 0) continue;
    const group = Object.fromEntries(
      groups.map((name, index) => [nameOf(name), groupValue(name, row[`g${index}`] ?? null)]),
    );
    const key = JSON.stringify(Object.values(group));
    const sum = byGroup.get(key) ?? {
      group,
      requests: 0,
      promptTokens: 0,
      completionTokens: 0,
      cachedTokens: 0,
      reasoningTokens: 0,
      costMicroUsd: 0,
    };
    sum.requests += Number(row['requests']);
    sum.promptTokens += Number(row['prompt_tokens']);
    sum.completionTokens += Number(row['completion_tokens']);
    sum.cachedTokens += Number(row['cached_tokens']);
    sum.reasoningTokens += Number(row['reasoning_tokens']);
    sum.costMicroUsd += Number(row['cost_micro_usd']);
    byGroup.set(key, sum);
  }
  return [...byGroup.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}

function nameOf(group: UsageGroup): string {
  return group === 'key' ? 'key_id' : group;
}

function groupValue(group: UsageGroup, value: string | number | null): string | null {
  if (value === null || typeof value === 'string') return value;
  const unitMs = group === 'hour' ? hourMs : dayMs;
  const time = new Date(value * unitMs).toISOString();
  return group === 'hour' ? time : time.slice(0, 10);
}

function tagOf(group: `tag:${string}`): string {
  return group.slice('tag:'.length);
}
