import {
  addReservation,
  type Books,
  budgetKey,
  decideAdmission,
  distinctBudgets,
  scopesOf,
} from '../storage/admission.ts';
import type { Admitted, BudgetCheck, Intent, Reservation, Settled, Spent } from '../storage/contract.ts';

/*
 * What is spent and reserved of each budget, in memory, for a store that only this ledger writes. So an admission needs no
 * query, and the rows of a request may reach the store later.
 *
 * The sums of a budget are read once, at its first use, when all that was written before lies in the store. What is written
 * while they are being read is added to them. They are read again where a row has changed that these books do not know: a
 * record that was made for a dead process, or the end of a request of a thread before this one.
 */
export interface OwnBooks {
  /** Reads what is missing; a budget whose sums cannot be read stays unknown. Never rejects. */
  load(intents: readonly Intent[]): Promise<void>;
  /** Decides with the sums as they are, and reserves; `unknown`: the sums of one of its budgets could not be read. */
  admit(intent: Intent): Admitted | 'unknown';
  /** An admitted request has ended: with a record, or without one. */
  ended(id: string, record?: Settled): void;
  /** The store has made records of these open intents, for a process that was dead. */
  closed(ids: readonly string[]): void;
}

export interface OwnBooksOptions {
  /**
   * Calls `begin` in the moment in which all that these books know lies in the store, and reads the sums of the store before
   * anything else is written. Rejects where that is not possible now.
   */
  readonly read: (budgets: readonly AnyBudget[], begin: () => void) => Promise<readonly Spent[]>;
}

type AnyBudget = Pick<BudgetCheck, 'scope' | 'sinceMs'>;

interface Open {
  readonly keyId: string;
  readonly owner: string;
  readonly createdAtMs: number;
  readonly reserved: Reservation;
}

/** Budgets of old periods are dropped at this number, with all others. */
const mostBooks = 10_000;

export function createOwnBooks({ read }: OwnBooksOptions): OwnBooks {
  let books: Books = new Map();
  /** The budgets of `books` by their scope. */
  let ofScope = new Map<string, AnyBudget[]>();
  /** What has been written while the sums of these budgets were being read. */
  let loading: { readonly budgets: readonly AnyBudget[]; readonly books: Books } | undefined;
  const open = new Map<string, Open>();

  function affected(request: Pick<Open, 'keyId' | 'owner'>): readonly AnyBudget[] {
    return scopesOf(request).flatMap((scope) => ofScope.get(scope) ?? []);
  }

  function reserve(request: Open, reserved: Reservation): void {
    addReservation(request, reserved, affected(request), books);
    if (loading !== undefined) addReservation(request, reserved, loading.budgets, loading.books);
  }

  function spend(record: Settled): void {
    addSpent(record, affected(record), books);
    if (loading !== undefined) addSpent(record, loading.budgets, loading.books);
  }

  function forget(): void {
    books = new Map();
    ofScope = new Map();
    loading = undefined;
  }

  async function readMissing(budgets: readonly AnyBudget[]): Promise<boolean> {
    const added = { budgets, books: new Map(budgets.map((budget) => [budgetKey(budget), nothing()])) };
    let sums: readonly Spent[];
    try {
      sums = await read(budgets, () => {
        loading = added;
      });
    } catch {
      if (loading === added) loading = undefined;
      return false;
    }
    // Forgotten meanwhile: the sums may be old.
    if (loading !== added) return true;
    loading = undefined;
    for (const [at, budget] of budgets.entries()) {
      const sum = sums[at];
      const since = added.books.get(budgetKey(budget));
      if (sum === undefined || since === undefined) return false;
      books.set(budgetKey(budget), plus(sum, since));
      ofScope.set(budget.scope, [...(ofScope.get(budget.scope) ?? []), budget]);
    }
    return true;
  }

  return {
    async load(intents) {
      if (books.size > mostBooks) forget();
      for (;;) {
        const missing = distinctBudgets(intents).filter((budget) => !books.has(budgetKey(budget)));
        if (missing.length === 0 || !(await readMissing(missing))) return;
      }
    },
    admit(intent) {
      if (intent.budgets.some((budget) => !books.has(budgetKey(budget)))) return 'unknown';
      const decided = decideAdmission(intent, books);
      if (!decided.ok) return decided;
      const { id, keyId, owner, createdAtMs } = intent;
      const request = { keyId, owner, createdAtMs, reserved: decided.reserved };
      open.set(id, request);
      reserve(request, decided.reserved);
      return decided;
    },
    ended(id, record) {
      const request = open.get(id);
      open.delete(id);
      if (request === undefined) {
        forget();
        return;
      }
      reserve(request, negative(request.reserved));
      if (record !== undefined) spend(record);
    },
    closed(ids) {
      for (const id of ids) open.delete(id);
      forget();
    },
  };
}

function addSpent(record: Settled, budgets: readonly AnyBudget[], books: Books): void {
  const scopes = scopesOf(record);
  for (const budget of budgets) {
    if (!scopes.includes(budget.scope) || record.createdAtMs < budget.sinceMs) continue;
    const book = books.get(budgetKey(budget));
    if (book === undefined) continue;
    book.spentTokens += record.promptTokens + record.completionTokens;
    book.spentMicroUsd += record.costMicroUsd;
  }
}

function nothing(): Spent {
  return { spentTokens: 0, spentMicroUsd: 0, reservedTokens: 0, reservedMicroUsd: 0 };
}

function plus(one: Spent, other: Spent): Spent {
  return {
    spentTokens: one.spentTokens + other.spentTokens,
    spentMicroUsd: one.spentMicroUsd + other.spentMicroUsd,
    reservedTokens: one.reservedTokens + other.reservedTokens,
    reservedMicroUsd: one.reservedMicroUsd + other.reservedMicroUsd,
  };
}

function negative({ promptTokens, completionTokens, promptMicroUsd, completionMicroUsd }: Reservation) {
  return {
    promptTokens: -promptTokens,
    completionTokens: -completionTokens,
    promptMicroUsd: -promptMicroUsd,
    completionMicroUsd: -completionMicroUsd,
  };
}
