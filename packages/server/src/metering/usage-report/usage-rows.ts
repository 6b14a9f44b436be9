import type { UsageGroup, UsageRow } from '../../storage/records.ts';

/** One row as the API shows it: the group's values by their names, then the sums. */
export type UsageRowJson = Readonly<Record<string, string | number | null>>;

export const sumNames = [
  'requests',
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'reasoning_tokens',
  'cost_micro_usd',
] as const;

export type UsageSums = Readonly<Record<(typeof sumNames)[number], number>>;

/** The name of a group's values: `key` → `key_id`, the others keep their name. */
export function groupName(group: UsageGroup): string {
  return group === 'key' ? 'key_id' : group;
}

/** The rows as the API shows them, in the order of their groups; a row without a value (no user, no such tag) comes last. */
export function usageRows(groupBy: readonly UsageGroup[], rows: readonly UsageRow[]): UsageRowJson[] {
  const names = groupBy.map(groupName);
  return rows
    .toSorted((one, other) => inOrder(names, one, other))
    .map((row) => ({
      ...Object.fromEntries(names.map((name) => [name, row.group[name] ?? null])),
      ...sumsOf(row),
    }));
}

/** All rows together. */
export function usageTotal(rows: readonly UsageRow[]): UsageSums {
  const total: { -readonly [Name in keyof UsageSums]: number } = {
    requests: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    cached_tokens: 0,
    reasoning_tokens: 0,
    cost_micro_usd: 0,
  };
  for (const row of rows) {
    const sums = sumsOf(row);
    for (const name of sumNames) total[name] += sums[name];
  }
  return total;
}

function sumsOf(row: UsageRow): UsageSums {
  return {
    requests: row.requests,
    prompt_tokens: row.promptTokens,
    completion_tokens: row.completionTokens,
    cached_tokens: row.cachedTokens,
    reasoning_tokens: row.reasoningTokens,
    cost_micro_usd: row.costMicroUsd,
  };
}

function inOrder(names: readonly string[], one: UsageRow, other: UsageRow): number {
  for (const name of names) {
    const left = one.group[name] ?? null;
    const right = other.group[name] ?? null;
    if (left === right) continue;
    if (left === null) return 1;
    if (right === null) return -1;
    return left < right ? -1 : 1;
  }
  return 0;
}
