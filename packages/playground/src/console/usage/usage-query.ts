import type { UsageSums } from './usage-rows.ts';

/** By what usage may be divided. `column`: the name of its values in a row. */
export const groups = [
  { id: 'model', name: 'Model', column: 'model' },
  { id: 'key', name: 'Key', column: 'key_id' },
  { id: 'owner', name: 'Owner', column: 'owner' },
  { id: 'target', name: 'Target', column: 'target' },
  { id: 'user', name: 'User', column: 'user' },
  { id: 'day', name: 'Day', column: 'day' },
  { id: 'hour', name: 'Hour', column: 'hour' },
] as const;
export type Group = (typeof groups)[number];

export const measures = [
  { id: 'cost', name: 'Cost' },
  { id: 'tokens', name: 'Tokens' },
  { id: 'requests', name: 'Requests' },
] as const;
export type Measure = (typeof measures)[number];

export const periods = [
  { id: 'today', name: 'Today' },
  { id: '7d', name: '7 d' },
  { id: '30d', name: '30 d' },
  { id: 'month', name: 'This month' },
  { id: 'custom', name: 'Custom' },
] as const;
export type PeriodId = (typeof periods)[number]['id'];

/** What the view shows, as its address says it. Days are those of UTC, as on the server. */
export interface UsageView {
  readonly group: Group;
  readonly measure: Measure;
  readonly period: PeriodId;
  /** `2026-11-22`, the first day. */
  readonly first: string;
  /** The last day, which is shown whole. */
  readonly last: string;
}

const dayMs = 86_400_000;

export function usageView(query: URLSearchParams, nowMs: number): UsageView {
  const today = dayOf(nowMs);
  const period = periods.find(({ id }) => id === query.get('period'))?.id ?? '7d';
  return {
    group: groups.find(({ id }) => id === query.get('group')) ?? groups[0],
    measure: measures.find(({ id }) => id === query.get('show')) ?? measures[0],
    period,
    ...daysOf(period, query, nowMs, today),
  };
}

function daysOf(
  period: PeriodId,
  query: URLSearchParams,
  nowMs: number,
  today: string,
): { readonly first: string; readonly last: string } {
  switch (period) {
    case 'today':
      return { first: today, last: today };
    case '7d':
      return { first: dayOf(nowMs - 6 * dayMs), last: today };
    case '30d':
      return { first: dayOf(nowMs - 29 * dayMs), last: today };
    case 'month':
      return { first: `${today.slice(0, 8)}01`, last: today };
    case 'custom': {
      const first = dayIn(query.get('first')) ?? dayOf(nowMs - 6 * dayMs);
      const last = dayIn(query.get('last')) ?? today;
      return first <= last ? { first, last } : { first: last, last: first };
    }
  }
}

/** Without an address that says what is shown: the cost, or where nothing has a price the tokens. */
export function measureFor(query: URLSearchParams, total: UsageSums): Measure {
  const chosen = measures.find(({ id }) => id === query.get('show'));
  return chosen ?? (total.costMicroUsd === 0 && total.requests > 0 ? measures[1] : measures[0]);
}

/** What the address keeps of a view. */
export function keptInAddress({ group, measure, period, first, last }: UsageView): Record<string, string> {
  const kept = { group: group.id, show: measure.id, period };
  return period === 'custom' ? { ...kept, first, last } : kept;
}

/** The path of the sums by these groups. */
export function usagePath(
  { first, last }: Pick<UsageView, 'first' | 'last'>,
  groupBy: readonly string[],
  format?: 'csv',
): string {
  const query = new URLSearchParams({ group_by: groupBy.join(), since: first, until: endOf(last) });
  if (format !== undefined) query.set('format', format);
  return `/admin/v1/usage?${query}`;
}

export function isOfTime({ id }: Group): boolean {
  return id === 'day' || id === 'hour';
}

/** By what the chart divides usage: by time, and by the group. */
export function chartGroups(view: UsageView): readonly string[] {
  const unit = chartUnit(view);
  return isOfTime(view.group) ? [unit] : [unit, view.group.id];
}

/** The charts have hours where there are only a few days. */
export function chartUnit({ first, last, group }: UsageView): 'day' | 'hour' {
  if (group.id === 'day' || group.id === 'hour') return group.id;
  return Date.parse(last) - Date.parse(first) <= dayMs ? 'hour' : 'day';
}

/** The beginning of the day after it: `until` is not included. */
export function endOf(day: string): string {
  return dayOf(Date.parse(day) + dayMs);
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function dayIn(text: string | null): string | undefined {
  if (text === null || !/^\d{4}-\d\d-\d\d$/.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) || dayOf(atMs) !== text ? undefined : text;
}
