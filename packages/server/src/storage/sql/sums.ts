import { scopesOf } from '../admission.ts';
import { dayMs, type RecordTable, type RetiredPresumedTable } from './tables.ts';

/** What one record adds to the daily sums, or takes from them. */
export interface SumChange {
  readonly keyId: string;
  readonly owner: string;
  readonly createdAtMs: number;
  readonly tokens: number;
  readonly microUsd: number;
}

export interface DailySum {
  readonly scope: string;
  readonly day: number;
  tokens: number;
  microUsd: number;
}

export function dayOf(atMs: number): number {
  return Math.floor(atMs / dayMs);
}

/** `sign` −1: the record is removed. */
export function sumChange(row: RecordTable | RetiredPresumedTable, sign: 1 | -1 = 1): SumChange {
  return {
    keyId: row.key_id,
    owner: row.owner,
    createdAtMs: row.created_at,
    tokens: sign * (row.prompt_tokens + row.completion_tokens),
    microUsd: sign * row.cost_micro_usd,
  };
}

/** The changes of a batch, added up by scope and day, so that a batch of one key writes two rows. In one order everywhere. */
export function dailySums(changes: readonly SumChange[]): readonly DailySum[] {
  const sums = new Map<string, DailySum>();
  for (const change of changes) {
    if (change.tokens === 0 && change.microUsd === 0) continue;
    const day = dayOf(change.createdAtMs);
    for (const scope of scopesOf(change)) {
      const name = `${scope} ${day}`;
      const sum = sums.get(name);
      if (sum === undefined) {
        sums.set(name, { scope, day, tokens: change.tokens, microUsd: change.microUsd });
      } else {
        sum.tokens += change.tokens;
        sum.microUsd += change.microUsd;
      }
    }
  }
  return [...sums.values()].sort((a, b) => (a.scope < b.scope ? -1 : a.scope > b.scope ? 1 : a.day - b.day));
}
