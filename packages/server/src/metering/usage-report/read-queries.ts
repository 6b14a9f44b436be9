import { fail, ok, type Result } from '../../domain/failure.ts';
import { didYouMean } from '../../domain/nearest.ts';
import { type Parameters, quoted, readParameters, wrong } from '../../domain/query-parameters.ts';
import type { Page, UsageQuery } from '../../storage/contract.ts';
import type { RecordFilter, RecordQuery, RecordStatus, UsageGroup } from '../../storage/records.ts';
import { readTime } from './read-time.ts';

export const ownFilters = ['user', 'model', 'tag', 'since', 'until'] as const;
export const filters = ['key_id', 'owner', ...ownFilters] as const;

export const statuses = ['open', 'completed', 'failed', 'cut', 'cancelled', 'abandoned'] as const;
export const plainGroups = ['key', 'owner', 'user', 'model', 'target', 'day', 'hour'] as const;
export const mostGroups = 10;
/** What `tailrace-tags` may hold on each side (contract, section 5). */
export const tagText = /^[A-Za-z0-9\-_.:/]{1,64}$/;

/** The most entries of one page. */
export const largestPage = 1_000;
export const defaultPage = 100;

/** The parameters of `GET /admin/v1/usage`. */
export function readUsageQuery(
  query: string,
  nowMs: number,
): Result<{ readonly usage: UsageQuery; readonly format: 'json' | 'csv' }> {
  const read = readParameters(query, ['group_by', ...filters, 'format']);
  if (!read.ok) return read;
  const usage = usageQuery(read.value, nowMs);
  if (!usage.ok) return usage;
  const format = oneOf('format', read.value.format ?? 'json', ['json', 'csv'] as const);
  if (!format.ok) return format;
  return ok({ usage: usage.value, format: format.value });
}

/** The parameters of `GET /v1/usage`; a caller can ask only for the records of its own key. */
export function readOwnUsageQuery(query: string, keyId: string, nowMs: number): Result<UsageQuery> {
  const read = readParameters(query, ['group_by', ...ownFilters]);
  if (!read.ok) return read;
  const usage = usageQuery(read.value, nowMs);
  return usage.ok ? ok({ ...usage.value, keyId }) : usage;
}

/** The parameters of `GET /admin/v1/requests`. */
export function readRecordQuery(query: string, nowMs: number): Result<RecordQuery & Page> {
  const read = readParameters(query, [...filters, 'status', 'limit', 'after']);
  if (!read.ok) return read;
  const filter = recordFilter(read.value, nowMs);
  if (!filter.ok) return filter;
  const page = readPage(read.value);
  if (!page.ok) return page;
  const given = read.value.status;
  const status = given === undefined ? ok(undefined) : oneOf<RecordStatus>('status', given, statuses);
  if (!status.ok) return status;
  return ok({
    ...filter.value,
    ...page.value,
    ...(status.value === undefined ? {} : { status: status.value }),
  });
}

/** The parameters of `GET /admin/v1/budgets`. */
export function readBudgetsQuery(query: string): Result<Page & { readonly owner?: string }> {
  const read = readParameters(query, ['owner', 'limit', 'after']);
  if (!read.ok) return read;
  const page = readPage(read.value);
  if (!page.ok) return page;
  const { owner } = read.value;
  return ok({ ...page.value, ...(owner === undefined ? {} : { owner }) });
}

/** The parameters `limit` and `after` of every list. */
export function readPage({ limit, after }: Parameters<'limit' | 'after'>): Result<Page> {
  const count = limit === undefined ? defaultPage : Number(/^\d{1,6}$/.test(limit) ? limit : Number.NaN);
  if (!(count >= 1 && count <= largestPage)) {
    return fail(
      wrong('limit', `is ${quoted(limit ?? '')}; expected a whole number from 1 to ${largestPage}`),
    );
  }
  return ok({ limit: count, ...(after === undefined ? {} : { after }) });
}

function usageQuery(
  given: Parameters<'group_by' | (typeof filters)[number]>,
  nowMs: number,
): Result<UsageQuery> {
  const filter = recordFilter(given, nowMs);
  if (!filter.ok) return filter;
  const groupBy = readGroups(given.group_by);
  return groupBy.ok ? ok({ ...filter.value, groupBy: groupBy.value }) : groupBy;
}

function readGroups(text: string | undefined): Result<readonly UsageGroup[]> {
  if (text === undefined) return ok([]);
  const groups = new Set<UsageGroup>();
  for (const name of text.split(',').map((part) => part.trim())) {
    if (!isGroup(name)) {
      const hint = didYouMean(name, plainGroups);
      const expected = `expected some of ${plainGroups.join(', ')} and tag:NAME, with commas between them`;
      return fail(wrong('group_by', `has ${quoted(name)}${hint}; ${expected}`));
    }
    if (groups.has(name)) return fail(wrong('group_by', `names ${quoted(name)} twice`));
    groups.add(name);
  }
  if (groups.size > mostGroups)
    return fail(wrong('group_by', `names ${groups.size} groups; at most ${mostGroups} are possible`));
  return ok([...groups]);
}

function isGroup(name: string): name is UsageGroup {
  if (name.startsWith('tag:')) return tagText.test(name.slice('tag:'.length));
  return (plainGroups as readonly string[]).includes(name);
}

function recordFilter(given: Parameters<(typeof filters)[number]>, nowMs: number): Result<RecordFilter> {
  const since = given.since === undefined ? ok(undefined) : readTime('since', given.since, nowMs);
  if (!since.ok) return since;
  const until = given.until === undefined ? ok(undefined) : readTime('until', given.until, nowMs);
  if (!until.ok) return until;
  if (since.value !== undefined && until.value !== undefined && until.value <= since.value)
    return fail(wrong('until', 'has to be later than "since"'));
  const tag = given.tag === undefined ? ok(undefined) : readTag(given.tag);
  if (!tag.ok) return tag;
  return ok({
    ...(given.key_id === undefined ? {} : { keyId: given.key_id }),
    ...(given.owner === undefined ? {} : { owner: given.owner }),
    ...(given.user === undefined ? {} : { user: given.user }),
    ...(given.model === undefined ? {} : { model: given.model }),
    ...(tag.value === undefined ? {} : { tag: tag.value }),
    ...(since.value === undefined ? {} : { sinceMs: since.value }),
    ...(until.value === undefined ? {} : { untilMs: until.value }),
  });
}

function readTag(text: string): Result<{ readonly name: string; readonly value: string }> {
  const sign = text.indexOf('=');
  const name = text.slice(0, Math.max(sign, 0));
  const value = text.slice(sign + 1);
  if (tagText.test(name) && tagText.test(value)) return ok({ name, value });
  return fail(wrong('tag', `is ${quoted(text)}; expected NAME=VALUE, such as team=blue`));
}

function oneOf<const T extends string>(name: string, text: string, known: readonly T[]): Result<T> {
  const found = known.find((one) => one === text);
  if (found !== undefined) return ok(found);
  return fail(
    wrong(name, `is ${quoted(text)}${didYouMean(text, known)}; expected one of ${known.join(', ')}`),
  );
}
