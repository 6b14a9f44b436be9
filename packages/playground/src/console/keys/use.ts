import { isObject, listIn } from '../../api/json.ts';

/** Sums of usage, as `/admin/v1/usage` has them. */
export interface Use {
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
}

export interface DayUse extends Use {
  /** `2026-11-28`, a day of UTC. */
  readonly day: string;
}

export interface ModelUse extends Use {
  readonly model: string;
}

/** The rows of `group_by=day`. */
export function dayUsesIn(body: unknown): DayUse[] {
  return rowsIn<DayUse>(body, 'day');
}

/** The rows of `group_by=model`, the most used model first. */
export function modelUsesIn(body: unknown): ModelUse[] {
  return rowsIn<ModelUse>(body, 'model').toSorted((one, other) => other.requests - one.requests);
}

function rowsIn<Row extends Use>(body: unknown, group: string): Row[] {
  const data = listIn(body);
  return data.filter((row): row is Row => isObject(row) && typeof row[group] === 'string');
}

const dayMs = 86_400_000;
const unused = { requests: 0, prompt_tokens: 0, completion_tokens: 0, cost_micro_usd: 0 };

/** Each of the last days, oldest first, today at the end; those without a request too. */
export function lastDays(uses: readonly DayUse[], days: number, nowMs: number): DayUse[] {
  return Array.from({ length: days }, (_, at) => {
    const day = new Date(nowMs - (days - 1 - at) * dayMs).toISOString().slice(0, 10);
    return uses.find((use) => use.day === day) ?? { ...unused, day };
  });
}

export function sumOf(uses: readonly Use[]): Use {
  return uses.reduce<Use>(
    (sum, use) => ({
      requests: sum.requests + use.requests,
      prompt_tokens: sum.prompt_tokens + use.prompt_tokens,
      completion_tokens: sum.completion_tokens + use.completion_tokens,
      cost_micro_usd: sum.cost_micro_usd + use.cost_micro_usd,
    }),
    unused,
  );
}
