import type { Admitted, BudgetCheck, Intent, Reservation, Scope, Spent } from './records.ts';

/** What is spent and reserved of budgets, by {@link budgetKey}. */
export type Books = Map<string, { -readonly [F in keyof Spent]: Spent[F] }>;

export function budgetKey(budget: Pick<BudgetCheck, 'scope' | 'sinceMs'>): string {
  return `${budget.sinceMs} ${budget.scope}`;
}

/** The scopes that an intent counts in. */
export function scopesOf(request: { readonly keyId: string; readonly owner: string }): readonly Scope[] {
  return [`key:${request.keyId}`, `owner:${request.owner}`];
}

/**
 * Decides whether an intent fits into its budgets (contract section 5). It is admitted where spent + reserved + prompt is within
 * each limit; its completion is then cut to what is left, in both units.
 */
export function decideAdmission(intent: Pick<Intent, 'reserved' | 'budgets'>, books: Books): Admitted {
  const { reserved, budgets } = intent;
  for (const budget of budgets) {
    if (used(budget, books).spent + promptIn(budget, reserved) > budget.limit)
      return { ok: false, why: 'spent', budget };
  }
  let { completionTokens, completionMicroUsd } = reserved;
  for (const budget of budgets) {
    const { spent, reserved: held } = used(budget, books);
    const left = budget.limit - spent - held - promptIn(budget, reserved);
    if (left < 0) return { ok: false, why: 'reserved', budget };
    const wanted = budget.unit === 'tokens' ? reserved.completionTokens : reserved.completionMicroUsd;
    if (wanted <= left) continue;
    const share = (other: number) => Math.floor((other * left) / wanted);
    const tokens = budget.unit === 'tokens' ? left : share(reserved.completionTokens);
    const microUsd = budget.unit === 'usd' ? left : share(reserved.completionMicroUsd);
    completionTokens = Math.min(completionTokens, tokens);
    completionMicroUsd = Math.min(completionMicroUsd, microUsd);
  }
  return { ok: true, reserved: { ...reserved, completionTokens, completionMicroUsd } };
}

/** Adds an admitted intent to the books, for those behind it in the same batch. */
export function addReservation(
  request: { readonly keyId: string; readonly owner: string; readonly createdAtMs: number },
  reserved: Reservation,
  budgets: readonly Pick<BudgetCheck, 'scope' | 'sinceMs'>[],
  books: Books,
): void {
  const scopes = scopesOf(request);
  for (const budget of budgets) {
    if (!scopes.includes(budget.scope) || request.createdAtMs < budget.sinceMs) continue;
    const book = books.get(budgetKey(budget));
    if (book === undefined) continue;
    book.reservedTokens += reserved.promptTokens + reserved.completionTokens;
    book.reservedMicroUsd += reserved.promptMicroUsd + reserved.completionMicroUsd;
  }
}

/** Each budget of a batch once. */
export function distinctBudgets(
  intents: readonly Pick<Intent, 'budgets'>[],
): readonly Pick<BudgetCheck, 'scope' | 'sinceMs'>[] {
  const found = new Map<string, BudgetCheck>();
  for (const intent of intents) {
    for (const budget of intent.budgets) found.set(budgetKey(budget), budget);
  }
  return [...found.values()];
}

function used(budget: BudgetCheck, books: Books): { readonly spent: number; readonly reserved: number } {
  const book = books.get(budgetKey(budget));
  if (book === undefined) throw new Error(`the budget of ${budget.scope} has not been read`);
  return budget.unit === 'tokens'
    ? { spent: book.spentTokens, reserved: book.reservedTokens }
    : { spent: book.spentMicroUsd, reserved: book.reservedMicroUsd };
}

function promptIn(budget: BudgetCheck, reserved: Reservation): number {
  return budget.unit === 'tokens' ? reserved.promptTokens : reserved.promptMicroUsd;
}
