import { budgetPeriod } from '../../storage/budget-period.ts';
import type { StoreReads } from '../../storage/contract.ts';
import type { Budget } from '../../storage/keys.ts';
import type { Scope, Spent } from '../../storage/records.ts';

/** A budget and what is left of it. `usd`: all four amounts are US dollars, exact to the micro-dollar. */
export interface BudgetStanding {
  readonly unit: Budget['unit'];
  readonly limit: number;
  readonly spent: number;
  /** What running requests may still use. */
  readonly reserved: number;
  /** Never below 0: running streams may exceed a budget. */
  readonly left: number;
  readonly period: Budget['period'];
  /** RFC 3339; null for a budget in total. */
  readonly resets_at: string | null;
}

/** The standing of budgets, in their order; null where the scope has none. */
export async function budgetStandings(
  reads: Pick<StoreReads, 'spent'>,
  scopes: readonly { readonly scope: Scope; readonly budget: Budget | undefined }[],
  nowMs: number,
): Promise<readonly (BudgetStanding | null)[]> {
  const asked = scopes.flatMap(({ scope, budget }) =>
    budget === undefined ? [] : [{ scope, sinceMs: budgetPeriod(budget.period, nowMs).sinceMs }],
  );
  const spent = asked.length === 0 ? [] : await reads.spent(asked);
  let next = 0;
  return scopes.map(({ budget }) => {
    if (budget === undefined) return null;
    const found = spent[next++];
    if (found === undefined) throw new Error('the store left out a budget');
    return standing(budget, found, nowMs);
  });
}

function standing(budget: Budget, spent: Spent, nowMs: number): BudgetStanding {
  const inUsd = budget.unit === 'usd';
  const used = inUsd ? spent.spentMicroUsd : spent.spentTokens;
  const reserved = inUsd ? spent.reservedMicroUsd : spent.reservedTokens;
  const amount = (units: number) => (inUsd ? units / 1_000_000 : units);
  const { untilMs } = budgetPeriod(budget.period, nowMs);
  return {
    unit: budget.unit,
    limit: amount(budget.limit),
    spent: amount(used),
    reserved: amount(reserved),
    left: amount(Math.max(0, budget.limit - used - reserved)),
    period: budget.period,
    resets_at: untilMs === null ? null : new Date(untilMs).toISOString(),
  };
}
