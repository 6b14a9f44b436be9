import type { KeyRanks } from '../domain/key-queue.ts';

/**
 * Whose turn it is on a thread that keys share, and who has used too much of it.
 *
 * Turns are fair queueing by virtual time: each key has a clock, which its own tasks move on by what they took, and
 * which begins, whenever the key begins to wait, no earlier than the latest clock that was served. The key whose clock
 * will show least after its next task is next: a key that comes new is served at once, a key whose last task took two
 * seconds waits until the others have used two seconds too, and keys that always wait get equal shares.
 *
 * Budgets are buckets of milliseconds. What a task takes up to `freeMs` costs nothing, so ordinary tasks never empty
 * one, however many there are.
 */
export interface ThreadTime extends Required<KeyRanks> {
  /** Work of this key took so long. */
  charge(keyId: string, tookMs: number): void;
  /** Milliseconds until the key may use the thread again; 0 where it may now. */
  restsForMs(keyId: string): number;
}

export interface ThreadBudget {
  /** What a task takes up to this many milliseconds costs nothing. */
  readonly freeMs: number;
  /** Milliseconds that a key which has rested may use at once. A task may overdraw it. */
  readonly burstMs: number;
  /** Milliseconds that come back each millisecond. */
  readonly refill: number;
}

interface Account {
  clockMs: number;
  /** What a task of this key is expected to take. */
  expectedMs: number;
  budgetMs: number;
  filledAt: number;
}

/** Keys whose use is remembered; the one that used the thread longest ago is forgotten first. */
export const keysKept = 1024;
/** A task of a key that is not known: keys known for short ones go before it. */
const unknownMs = 50;
/** The weight of the last task. */
const lastWeight = 0.5;

/** `now`: monotonic milliseconds. Without a budget no key has to rest. */
export function createThreadTime(budget: ThreadBudget | undefined, now: () => number): ThreadTime {
  /** Those that used the thread last come last. */
  const accounts = new Map<string, Account>();
  /** The latest clock of a key that was served, as it stood then. */
  let servedMs = 0;

  function fill(account: Account): void {
    if (budget === undefined) return;
    const at = now();
    const filled = account.budgetMs + (at - account.filledAt) * budget.refill;
    account.budgetMs = Math.min(budget.burstMs, filled);
    account.filledAt = at;
  }

  function use(keyId: string): Account {
    const account = accounts.get(keyId) ?? {
      clockMs: servedMs,
      expectedMs: unknownMs,
      budgetMs: budget?.burstMs ?? 0,
      filledAt: now(),
    };
    accounts.delete(keyId);
    accounts.set(keyId, account);
    const [oldest] = accounts.keys();
    if (accounts.size > keysKept && oldest !== undefined) accounts.delete(oldest);
    return account;
  }

  return {
    of(keyId) {
      const { clockMs = servedMs, expectedMs = unknownMs } = accounts.get(keyId) ?? {};
      return clockMs + expectedMs;
    },
    waits(keyId) {
      const account = use(keyId);
      account.clockMs = Math.max(account.clockMs, servedMs);
    },
    served(keyId) {
      servedMs = Math.max(use(keyId).clockMs, servedMs);
    },
    charge(keyId, tookMs) {
      const account = use(keyId);
      account.clockMs += tookMs;
      account.expectedMs += lastWeight * (tookMs - account.expectedMs);
      if (budget === undefined) return;
      fill(account);
      account.budgetMs -= Math.max(0, tookMs - budget.freeMs);
    },
    restsForMs(keyId) {
      const account = accounts.get(keyId);
      if (account === undefined || budget === undefined) return 0;
      fill(account);
      return account.budgetMs > 0 ? 0 : Math.ceil((1 - account.budgetMs) / budget.refill);
    },
  };
}
