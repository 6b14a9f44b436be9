import type { KeyRanks } from '../domain/key-queue.ts';

/**
 * The turns of keys on a shared thread, and the time that each key may still use.
 *
 * Turns are fair queueing by virtual time. Each key has a clock, which its own tasks advance by the time they took.
 * When a key begins to wait, its clock is set to the latest clock that was served, unless it is later. The next key is
 * the one whose clock will be the earliest after its next task. So a new key is served at once, a key whose last task
 * took two seconds waits until the other keys have used two seconds too, and keys that always wait get equal shares.
 *
 * Budgets are token buckets of milliseconds. The first `freeMs` of each task cost nothing, so any number of ordinary
 * tasks leaves a bucket full.
 */
export interface ThreadTime extends Required<KeyRanks> {
  /** Charges the time of a task to its key. */
  charge(keyId: string, tookMs: number): void;
  /** Milliseconds until the key may use the thread again; 0 where it may now. */
  restsForMs(keyId: string): number;
}

export interface ThreadBudget {
  /** The milliseconds of each task that cost nothing. */
  readonly freeMs: number;
  /** Milliseconds in a full bucket. The last task may use more than is left. */
  readonly burstMs: number;
  /** Milliseconds that the bucket regains each millisecond. */
  readonly refill: number;
}

interface Account {
  clockMs: number;
  /** The expected time of the key's next task. */
  expectedMs: number;
  budgetMs: number;
  filledAt: number;
}

/** The most keys that are remembered; the key that used the thread longest ago is forgotten first. */
export const keysKept = 1024;
/** The expected time of an unknown key's task: keys whose tasks are shorter are served before it. */
const unknownMs = 50;
/** The weight of the last task in the expected time. */
const lastWeight = 0.5;

/** `now`: monotonic milliseconds. Without a budget `restsForMs` is always 0. */
export function createThreadTime(budget: ThreadBudget | undefined, now: () => number): ThreadTime {
  /** Ordered by last use; the key that used the thread last is last. */
  const accounts = new Map<string, Account>();
  /** The latest clock of a served key, at the time when it was served. */
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
