/**
 * Decides whether a request may run now: requests and tokens a minute (GCRA, burst equal to the limit), and concurrent
 * streams, of its key and its owner at once. Budgets are not decided here: they are sums of records (`storage/`).
 *
 * In memory it counts for one service. In Redis or Valkey it counts for all replicas, and one script makes each decision.
 * A method rejects where its store cannot be reached; {@link GuardedLimiter} decides then by `limits.on_store_failure`.
 */
export interface Limiter {
  /** Takes from all scopes, or from none. */
  take(ask: LimitAsk): Promise<LimitDecision>;
  /** Gives the place of a stream back and replaces the reserved tokens by those that were used. Once for each lease. */
  settle(lease: SettledLease): Promise<void>;
  /** What is left, without taking anything. */
  look(scopes: readonly LimitScope[]): Promise<Windows>;
  /** Says that a process lives; the places of a process without a beat for 10 s are free again. */
  beat(processId: string): Promise<void>;
  /** The process has ended: its places are free. */
  leave(processId: string): Promise<void>;
  close(): Promise<void>;
}

/** A limiter that never rejects. */
export interface GuardedLimiter extends Omit<Limiter, 'take' | 'look'> {
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
  readonly scopes: readonly LimitScope[];
  /**
   * A request is admitted where its prompt fits into what is left of every scope's tokens; its completion is cut to what is
   * left. A prompt larger than a whole limit is admitted where that limit is full.
   */
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export type LimitDecision =
  | {
      readonly type: 'allowed';
      /** The tokens that are reserved: the prompt, and the completion as far as there was room. 0 without a limit of tokens. */
      readonly reservedTokens: number;
      readonly windows: Windows;
    }
  | {
      readonly type: 'refused';
      readonly limit: 'requests' | 'tokens' | 'streams';
      readonly scope: string;
      /** Milliseconds until the same request can be allowed; for streams an estimate. */
      readonly retryAfterMs: number;
      readonly windows: Windows;
    };

/** For the headers `x-ratelimit-…`: the tighter of key and owner; absent where there is no limit. */
export interface Windows {
  readonly requests?: Window;
  readonly tokens?: Window;
}

export interface Window {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until all of it is there again. */
  readonly resetMs: number;
}

export interface SettledLease {
  readonly processId: string;
  readonly scopes: readonly LimitScope[];
  readonly reservedTokens: number;
  /** Real tokens of prompt and completion. */
  readonly usedTokens: number;
}
