import type { OpenedStore } from '../opening.ts';

/** How the contract suite gets at one kind of store. */
export interface StoreCase {
  /** Why it cannot be tested here. */
  readonly skipped?: string;
  /** An empty store, and what two services have of it at once. Vitest's hooks remove it. */
  open(options?: { readonly outbox?: boolean }): Promise<StoreUnderTest>;
}

export interface StoreUnderTest {
  /** Two clients of one store; where it allows one only, two callers of that one. */
  readonly clients: readonly [OpenedStore, OpenedStore];
  /** Lets time pass on the store's own clock. */
  pass(ms: number): Promise<void>;
}
