import { isObject, listIn } from '../../api/json.ts';
import { count, money } from '../../elements/format.ts';
import type { Budget, BudgetPeriod } from './key.ts';

/** A budget and what is left of it, as `/admin/v1/budgets` has it. Amounts are tokens or US dollars. */
export interface Standing {
  readonly unit: 'tokens' | 'usd';
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
  readonly period: BudgetPeriod;
  readonly resets_at: string | null;
}

/** By `key:ID` and `owner:ID`. */
export type Standings = ReadonlyMap<string, Standing>;

export function standingsIn(body: unknown): Standings {
  const data = listIn(body);
  return new Map(
    data.flatMap((entry) =>
      isObject(entry) && typeof entry['id'] === 'string' && typeof entry['spent'] === 'number'
        ? [[entry['id'], entry as unknown as Standing]]
        : [],
    ),
  );
}

/** A budget of which it is not known what was spent. */
export function limitOf(budget: Budget): Pick<Standing, 'unit' | 'limit' | 'period'> {
  return 'tokens' in budget
    ? { unit: 'tokens', limit: budget.tokens, period: budget.period }
    : { unit: 'usd', limit: budget.usd, period: budget.period };
}

/** `$3.20`, `12,000 tokens`. */
export function amountOf(unit: Standing['unit'], amount: number): string {
  return unit === 'usd' ? money(Math.round(amount * 1_000_000)) : `${count(amount)} tokens`;
}

const periodNames: Readonly<Record<BudgetPeriod, string>> = {
  day: 'a day',
  month: 'a month',
  total: 'in total',
};

/** `$3.20 of $20.00 a month`, `54 of 600 tokens a day`. */
export function spentWords(standing: Standing): string {
  const { unit, spent } = standing;
  return `${unit === 'usd' ? amountOf(unit, spent) : count(spent)} of ${limitWords(standing)}`;
}

/** `$20.00 a month`. */
export function limitWords({ unit, limit, period }: Pick<Standing, 'unit' | 'limit' | 'period'>): string {
  return `${amountOf(unit, limit)} ${periodNames[period]}`;
}

/** Both parts of the bar, as shares of 0 to 1 that together are never more than the whole. */
export function sharesOf({ limit, spent, reserved }: Pick<Standing, 'limit' | 'spent' | 'reserved'>): {
  readonly spent: number;
  readonly reserved: number;
} {
  if (limit === 0) return { spent: 1, reserved: 0 };
  const ofSpent = Math.min(1, spent / limit);
  return { spent: ofSpent, reserved: Math.min(1 - ofSpent, reserved / limit) };
}
