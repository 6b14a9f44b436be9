import type { RequestContent } from './contents.ts';
import type { BudgetUnit, Change, KeyBook, OnceFor, Owner, StoredKey, Written } from './keys.ts';
import type {
  Admitted,
  AttemptEntry,
  BudgetCheck,
  Intent,
  Progress,
  RecordPage,
  RecordQuery,
  RefusedBudget,
  Reservation,
  Settled,
  Spent,
  UsageQuery,
  UsageRow,
} from './records.ts';

/**
 * Where keys, owners and usage records are kept for good: SQLite in the data folder, or PostgreSQL, which replicas share.
 * Only the ledger of a service (`ledger/`) opens it. Two services may use one PostgreSQL at the same time; every method is
 * atomic towards them.
 *
 * A method rejects where the store cannot be reached, is locked, is full, or has a fault; then it has changed nothing, or it
 * has changed everything and only the acknowledgement is lost. So each write may be repeated: a record is known by its id,
 * a change by its `once`. All times are Unix milliseconds.
 */
export interface Store extends StoreReads {
  /**
   * Stores intents, each before its target is called. An intent with budgets is admitted only where all of them allow it; the
   * completion part of its reservation is cut to what is left. The answers are in the order of the intents. An intent whose id
   * is stored already is left as it is, and admitted. When this resolves a killed process loses none of them.
   */
  admit(intents: readonly Intent[]): Promise<readonly Admitted[]>;
  /** Stores intents that the ledger has admitted: their budgets are not checked again. Else as {@link Store.admit}. */
  keep(intents: readonly Intent[]): Promise<void>;
  /** Notes what has been delivered so far, for the record that another process makes of a run whose process was killed. */
  progress(marks: readonly Progress[]): Promise<void>;
  /**
   * Settles records: each replaces its intent and the intent's reservation. A settled record is settled once, however often it
   * is given. A record that was closed for a process that was thought dead is replaced by its true one. Where the intent is
   * missing, the record is stored all the same.
   */
  settle(records: readonly Settled[]): Promise<void>;
  /**
   * Removes intents whose request has reached no target; their reservations end. An intent that comes after its discard, because
   * its call was given up and was carried out all the same, is not stored: the ids of the last ten minutes are remembered, and always the last
   * thousand.
   */
  discard(ids: readonly { readonly id: string; readonly createdAtMs: number }[]): Promise<void>;
  /**
   * Notes budgets that have refused a request because they are spent: with an outbox one event for each limit of a budget and
   * period, however often it is noted.
   */
  noteRefusals(refusals: readonly RefusedBudget[]): Promise<void>;
  /** Says that a process lives. A process is known from its first beat on. */
  beat(processId: string): Promise<void>;
  /** A process ends in good order and has settled everything. */
  leave(processId: string): Promise<void>;
  /**
   * Settles the open intents of processes whose last beat is older than `expiredMs`, by the store's own clock, or that never
   * had one; never those of `living`. A negative `expiredMs` includes beats that are to come. They become `cut` where their progress shows output, else `abandoned`. Resolves with
   * their ids.
   */
  closeDead(options: {
    readonly living: readonly string[];
    readonly expiredMs: number;
    readonly nowMs: number;
  }): Promise<readonly string[]>;
  /**
   * Carries out one change of keys, owners or the signing secret. With `once`, a repetition answers what the first one answered, and the same key
   * with another fingerprint is a conflict.
   */
  change(change: Change, once?: OnceFor): Promise<Written>;
  /** Notes when keys were last used, at most once a minute for each. */
  touch(uses: readonly { readonly keyId: string; readonly atMs: number }[]): Promise<void>;
  /** Deletes the records of whole days (UTC) before a time, and keeps their daily sums. Resolves with the deleted number. */
  retire(beforeMs: number): Promise<number>;
  /** Stores what was asked and answered. A content that is stored already is left as it is. */
  keepContents(contents: readonly RequestContent[]): Promise<void>;
  /** The content of a completion; undefined where none is stored. */
  content(id: string): Promise<RequestContent | undefined>;
  /** Deletes contents of requests before a time. Resolves with the deleted number. */
  retireContents(beforeMs: number): Promise<number>;
  /**
   * The next events for the webhook, oldest first, and their removal once they have been delivered: by name, because a
   * transaction that ends later may have an earlier place.
   */
  outbox(limit: number): Promise<readonly OutboxEvent[]>;
  delivered(sequences: readonly number[]): Promise<void>;
  waitingEvents(): Promise<WaitingEvents>;
  /**
   * Takes or keeps a lease, which one holder at a time has. True: `holder` has it for `ttlMs` from now, by the store's own
   * clock. With `ttlMs` 0 a holder gives it back.
   */
  lease(name: string, holder: string, ttlMs: number): Promise<boolean>;
  /** A secret that all replicas share; `make` is stored where there is none yet. */
  secret(name: string, make: () => string): Promise<string>;
  /** Resolves where the store answers. */
  ping(): Promise<void>;
  /** Resolves when all that has been written until now would survive a power failure. */
  durable(): Promise<void>;
  close(): Promise<void>;
}

/** What the administration reads. Reading never waits for a write of another process. */
export interface StoreReads {
  /** Every key and owner that has changed after `version`, with the signing secret where anything has; version 0: all. */
  keysAfter(version: number): Promise<KeyBook>;
  keyByHash(hash: string): Promise<StoredKey | undefined>;
  key(id: string): Promise<StoredKey | undefined>;
  keys(page: Page & { readonly owner?: string }): Promise<Listed<StoredKey>>;
  owner(id: string): Promise<Owner | undefined>;
  owners(page: Page): Promise<Listed<Owner>>;
  records(query: RecordQuery & Page): Promise<RecordPage>;
  /** Where there are more than {@link mostUsageRows} rows, one more than these, whichever. */
  usage(query: UsageQuery): Promise<readonly UsageRow[]>;
  /** What has been spent and is reserved of budgets: the settled rows of the period, and the open intents. */
  spent(budgets: readonly Pick<BudgetCheck, 'scope' | 'sinceMs'>[]): Promise<readonly Spent[]>;
}

/** A page of a list: at most `limit` entries, after the one with this id. */
export interface Page {
  readonly limit: number;
  readonly after?: string;
}

export interface Listed<T> {
  readonly data: readonly T[];
  readonly hasMore: boolean;
  /** There is no entry with the id `after`; `data` is empty. */
  readonly unknownAfter?: true;
}

/** The events that wait for the webhook. */
export interface WaitingEvents {
  /** Counted up to 10,000. */
  readonly waiting: number;
  /** When the first of them happened, in Unix milliseconds. */
  readonly oldestAtMs: number | null;
}

/** One event for the webhook, in the order in which it happened. */
export interface OutboxEvent {
  readonly sequence: number;
  /** Of the record, or of the budget's period and threshold: the id of the CloudEvent. */
  readonly id: string;
  /** `budget`: it has reached a threshold. `refusal`: it has refused a request. */
  readonly type: 'record' | 'budget' | 'refusal';
  readonly atMs: number;
  /** JSON of the event's data. */
  readonly data: string;
}

export type {
  Admitted,
  AttemptEntry,
  BudgetCheck,
  BudgetUnit,
  Change,
  Intent,
  KeyBook,
  OnceFor,
  Owner,
  Progress,
  RecordPage,
  RecordQuery,
  RefusedBudget,
  RequestContent,
  Reservation,
  Settled,
  Spent,
  StoredKey,
  UsageQuery,
  UsageRow,
  Written,
};
