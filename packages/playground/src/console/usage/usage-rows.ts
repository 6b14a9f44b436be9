import { isObject, listIn } from '../../api/json.ts';

/** What was used by one group, or in all. */
export interface UsageSums {
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  readonly costMicroUsd: number;
}

export interface UsageRow extends UsageSums {
  /** The values of its groups by their names, `key_id`, `day`; null where the records have no such value. */
  readonly group: Readonly<Record<string, string | null>>;
}

const sumNames = {
  requests: 'requests',
  promptTokens: 'prompt_tokens',
  completionTokens: 'completion_tokens',
  cachedTokens: 'cached_tokens',
  reasoningTokens: 'reasoning_tokens',
  costMicroUsd: 'cost_micro_usd',
} as const satisfies Readonly<Record<keyof UsageSums, string>>;

/** Reads what `GET /admin/v1/usage` answers. */
export function readUsageRows(body: unknown): readonly UsageRow[] {
  const data = listIn(body);
  return data.filter(isObject).map((entry) => {
    const group = Object.entries(entry).filter(
      (pair): pair is [string, string | null] => typeof pair[1] === 'string' || pair[1] === null,
    );
    return { ...sumsOf((name) => numberIn(entry[sumNames[name]])), group: Object.fromEntries(group) };
  });
}

function numberIn(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function totalOf(rows: readonly UsageSums[]): UsageSums {
  return sumsOf((name) => rows.reduce((sum, row) => sum + row[name], 0));
}

function sumsOf(value: (name: keyof UsageSums) => number): UsageSums {
  return {
    requests: value('requests'),
    promptTokens: value('promptTokens'),
    completionTokens: value('completionTokens'),
    cachedTokens: value('cachedTokens'),
    reasoningTokens: value('reasoningTokens'),
    costMicroUsd: value('costMicroUsd'),
  };
}
