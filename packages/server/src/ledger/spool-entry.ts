import type { Intent, Progress, RefusedBudget, Settled } from '../storage/contract.ts';

/** What waits in the spool for the store. Replayed in order; each may be replayed more than once. */
export type SpoolEntry =
  | { readonly type: 'intent'; readonly intent: Intent }
  | { readonly type: 'progress'; readonly mark: Progress }
  | { readonly type: 'settled'; readonly record: Settled }
  | { readonly type: 'discarded'; readonly id: string; readonly createdAtMs: number }
  | ({ readonly type: 'refused' } & RefusedBudget);

/** The part of the spool that the writer of records uses. */
export interface RecordSpool {
  /**
   * `full`: the bound is reached. `failed`: the disk does not take it. Endings have a reserve of the bound, so that they find
   * room where intents do not.
   */
  append(entries: readonly SpoolEntry[], kind: 'intents' | 'endings'): 'kept' | 'full' | 'failed';
  /** The oldest entries that are not acknowledged, and the position after them. Throws where the disk fails. */
  read(): { readonly entries: readonly SpoolEntry[]; readonly position: number };
  /** The entries before `position` are not read again. */
  acknowledge(position: number): void;
  /** Keeps an entry that the store refuses for ever, for a person to look at. */
  reject(entry: SpoolEntry): void;
  readonly empty: boolean;
  /** What it takes on the disk. */
  readonly bytes: number;
  /** The position after the last entry, and that before which all are acknowledged. */
  readonly end: number;
  readonly acknowledged: number;
  close(): void;
}
