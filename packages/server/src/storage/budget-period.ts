import type { Budget } from './keys.ts';

/** The period of a budget at one time, in Unix milliseconds. */
export interface BudgetPeriod {
  /** Its beginning; 0 for `total`. */
  readonly sinceMs: number;
  /** Its end, when the budget is whole again; null for `total`. */
  readonly untilMs: number | null;
}

const dayMs = 86_400_000;

/** Days and months are those of UTC. */
export function budgetPeriod(period: Budget['period'], nowMs: number): BudgetPeriod {
  if (period === 'total') return { sinceMs: 0, untilMs: null };
  if (period === 'day') {
    const sinceMs = Math.floor(nowMs / dayMs) * dayMs;
    return { sinceMs, untilMs: sinceMs + dayMs };
  }
  const now = new Date(nowMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return { sinceMs: Date.UTC(year, month), untilMs: Date.UTC(year, month + 1) };
}
