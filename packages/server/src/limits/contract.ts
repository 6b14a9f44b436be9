/**
 * Decides whether a request may run now: requests and tokens a minute (GCRA, burst equal to the limit), and concurrent
 * streams, of its key and its owner at once. Budgets are not decided here: they are sums of records (`storage/`).
 *
 * In memory it counts for one service. In Redis or Valkey it counts for all replicas, and one script makes each decision.
 * A method rejects where its store cannot be reached; {@link GuardedLimiter} decides then by `limits.on_store_failure`.
 * Calls take effect in the order in which they are made.
 */
export interface Limiter {
  /** Takes from all scopes, or from none. It counts as a beat of the process. */
  take(ask: LimitAsk): Promise<LimitDecision>;
  /**
   * Gives the place of a stream back and replaces the reserved tokens by those that were used (prompt and completion).
   * `not-run`: the request has not run, and its place among the requests is given back too. Once for each lease.
   */
  settle(lease: LimitLease, usedTokens: number | 'not-run'): Promise<void>;
  /** What is left, without taking anything. */
  look(scopes: readonly LimitScope[]): Promise<Windows>;
  /** Says that a process lives; the places of a process without a beat for 10 s are free again. */
  beat(processId: string): Promise<void>;
  /** The process has ended: its places are free. */
  leave(processId: string): Promise<void>;
  /**
   * Puts right what was lost while the store was away, and counts as a beat of each process. Without entries it rejects where
   * the store takes no writes.
   */
  restore(held: readonly HeldPlaces[]): Promise<void>;
  close(): Promise<void>;
}

/** A limiter that never rejects, for a store that may be away. */
export interface GuardedLimiter extends Omit<Limiter, 'take' | 'restore'> {
  /** False while the store is away. Absent: it has none that could be. */
  reachable?(): boolean;
  /** Decides within 50 ms; `unavailable`: the store is away and `on_store_failure` is `deny`. */
  take(ask: LimitAsk): Promise<LimitDecision | { readonly type: 'unavailable' }>;
  /** Empty while the store is away. */
  look(scopes: readonly LimitScope[]): Promise<Windows>;
}

/** The limits of a key or an owner; an absent one is no limit. A scope without limits is left out. */
export interface LimitScope {
  /** `key:…` or `owner:…`. */
  readonly scope: string;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly maxStreams?: number;
}

export interface LimitAsk {
  readonly processId: string;
  /** Each scope at most once. */
  readonly scopes: readonly LimitScope[];
  /**
   * A request is admitted where its prompt fits into what is left of every scope's tokens; its completion is cut to what is
   * left. A prompt larger than a whole limit is admitted where that limit is full.
   */
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export type LimitDecision =
  | { readonly type: 'allowed'; readonly lease: LimitLease; readonly windows: Windows }
  | {
      readonly type: 'refused';
      /** The limit that makes the request wait longest, and whose it is. */
      readonly limit: 'requests' | 'tokens' | 'streams';
      readonly scope: string;
      /** Whole milliseconds until the same request can be allowed; for streams an estimate. */
      readonly retryAfterMs: number;
      readonly windows: Windows;
    };

/** What an allowed request holds until it is settled. It is plain data, which may be sent to another thread and back. */
export interface LimitLease {
  readonly processId: string;
  readonly scopes: readonly LimitScope[];
  /** The tokens that are reserved: the prompt, and the completion as far as there was room. 0 without a limit of tokens. */
  readonly reservedTokens: number;
  /** By the limiter's own clock. */
  readonly takenAtMs: number;
  /** Of each scope, in their order: by it the limiter sees how much of the lease can be left ({@link Limiter.settle}). */
  readonly marks: readonly ScopeLevels[];
  /** Taken from this replica's share, because the store was away. */
  readonly share?: true;
}

/** One figure for each kind of limit of a scope; 0 where there is no limit. */
export interface ScopeLevels {
  readonly requests: number;
  readonly tokens: number;
}

/** The streams that a process runs in a scope, and the tokens by which settlements have missed the store. */
export interface HeldPlaces {
  readonly processId: string;
  readonly scope: LimitScope;
  /** All of them: the count is replaced. */
  readonly streams: number;
  /** Used beyond the reservations; negative where reservations have been larger. */
  readonly owedTokens: number;
}

/** For the headers `x-ratelimit-…`: the tighter of key and owner; absent where there is no limit. */
export interface Windows {
  readonly requests?: Window;
  readonly tokens?: Window;
}

export interface Window {
  readonly limit: number;
  /** Whole units, at least 0. */
  readonly remaining: number;
  /** Whole milliseconds until all of it is there again. */
  readonly resetMs: number;
}
