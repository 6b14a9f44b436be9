import type {
  HeldPlaces,
  LimitAsk,
  LimitDecision,
  Limiter,
  LimitLease,
  LimitScope,
  ScopeLevels,
  Windows,
} from '../contract.ts';
import {
  added,
  corrected,
  decide,
  type Level,
  levelNow,
  markOf,
  minuteMs,
  processExpiryMs,
  processForgottenMs,
  type SavedLevel,
  takenOf,
  windowsOf,
} from '../rate-level.ts';

export interface MemoryLimiterOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The time for which the limits are given; another one than a minute only in tests. */
  readonly windowMs?: number;
}

/**
 * A limiter for the processes of one service. It keeps the scopes that were used lately: at most twice as many as have
 * streams or are not full.
 */
export function createMemoryLimiter(options: MemoryLimiterOptions): MemoryLimiter {
  return new LevelsInMemory(options);
}

export interface MemoryLimiter extends Limiter {
  /** Scopes that it keeps. */
  readonly size: number;
}

interface ScopeState {
  atMs: number;
  requests: SavedLevel | undefined;
  tokens: SavedLevel | undefined;
  /** Running streams by process; none is 0. */
  readonly places: Map<string, number>;
}

/** The levels of a scope; absent limits have empty ones. */
interface StateLevels {
  readonly requests: Level;
  readonly tokens: Level;
}

/** Below so many scopes none is looked at to be dropped. */
const fewScopes = 1_000;

class LevelsInMemory implements MemoryLimiter {
  private readonly now: () => number;
  private readonly windowMs: number;
  private readonly scopes = new Map<string, ScopeState>();
  private readonly beats = new Map<string, number>();
  private sweepAt = fewScopes;

  constructor({ now, windowMs = minuteMs }: MemoryLimiterOptions) {
    this.now = now;
    this.windowMs = windowMs;
  }

  get size(): number {
    return this.scopes.size;
  }

  async take(ask: LimitAsk): Promise<LimitDecision> {
    const { processId, scopes } = ask;
    const nowMs = this.now();
    this.beats.set(processId, nowMs);
    const before = scopes.map((scope) => this.levels(scope, nowMs));
    const levels = scopes.map((scope, index) => ({
      ...taken(scope, before[index]),
      streams: scope.maxStreams === undefined ? 0 : this.streams(scope.scope, nowMs),
    }));
    const verdict = decide(ask, levels, this.windowMs);
    if (verdict.type === 'refused') {
      return { ...verdict, windows: windowsOf(scopes, levels, this.windowMs) };
    }
    const { reservedTokens } = verdict;
    const after = scopes.map((scope, index) => {
      const { requestsPerMinute = 0, tokensPerMinute = 0, maxStreams } = scope;
      const { requests, tokens } = before[index] ?? this.levels(scope, nowMs);
      const more = {
        requests: added(requests, 1, requestsPerMinute),
        tokens: added(tokens, reservedTokens, tokensPerMinute),
      };
      const state = this.write(scope, more, nowMs);
      if (maxStreams !== undefined) addPlaces(state, processId, 1);
      return more;
    });
    this.dropIdle(nowMs);
    const lease: LimitLease = {
      processId,
      scopes,
      reservedTokens,
      takenAtMs: nowMs,
      marks: scopes.map((scope, index) => marked(scope, after[index])),
    };
    const left = scopes.map((scope, index) => taken(scope, after[index]));
    return { type: 'allowed', lease, windows: windowsOf(scopes, left, this.windowMs) };
  }

  async settle(lease: LimitLease, usedTokens: number | 'not-run'): Promise<void> {
    const time = { nowMs: this.now(), windowMs: this.windowMs };
    const { processId, scopes, reservedTokens, takenAtMs, marks } = lease;
    const used = usedTokens === 'not-run' ? 0 : usedTokens;
    const returned = usedTokens === 'not-run' ? -1 : 0;
    for (const [index, scope] of scopes.entries()) {
      const latest = this.latest(scope);
      const { requests, tokens } = this.levels(latest, time.nowMs);
      const { requestsPerMinute, tokensPerMinute, maxStreams } = scope;
      const mark = marks[index] ?? { requests: 0, tokens: 0 };
      const correct = (level: Level, more: number, limit = 0, own: number | undefined, ownMark: number) =>
        own === undefined
          ? level
          : corrected(level, more, limit, { limit: own, mark: ownMark, takenAtMs }, time);
      const after = {
        requests: correct(requests, returned, latest.requestsPerMinute, requestsPerMinute, mark.requests),
        tokens: correct(tokens, used - reservedTokens, latest.tokensPerMinute, tokensPerMinute, mark.tokens),
      };
      const state = this.write(latest, after, time.nowMs);
      if (maxStreams !== undefined) addPlaces(state, processId, -1);
    }
    this.dropIdle(time.nowMs);
  }

  async look(scopes: readonly LimitScope[]): Promise<Windows> {
    const nowMs = this.now();
    return windowsOf(
      scopes,
      scopes.map((scope) => taken(scope, this.levels(scope, nowMs))),
      this.windowMs,
    );
  }

  async beat(processId: string): Promise<void> {
    const nowMs = this.now();
    this.beats.set(processId, nowMs);
    for (const [id, atMs] of this.beats) {
      if (nowMs - atMs > processForgottenMs) this.beats.delete(id);
    }
  }

  async leave(processId: string): Promise<void> {
    this.beats.delete(processId);
  }

  async restore(held: readonly HeldPlaces[]): Promise<void> {
    const nowMs = this.now();
    for (const { processId, scope, streams, owedTokens } of held) {
      this.beats.set(processId, nowMs);
      const latest = this.latest(scope);
      const level = this.levels(latest, nowMs);
      const owed = scope.tokensPerMinute === undefined ? 0 : owedTokens;
      const tokens = added(level.tokens, owed, latest.tokensPerMinute ?? 0);
      const { places } = this.write(latest, { requests: level.requests, tokens }, nowMs);
      if (streams > 0) places.set(processId, streams);
      else places.delete(processId);
    }
    this.dropIdle(nowMs);
  }

  async close(): Promise<void> {
    this.scopes.clear();
    this.beats.clear();
  }

  /**
   * A scope with the limits of its last decision. A lease may be older than a change of its key: written under the limits of the
   * lease, the levels of the new ones would be lost.
   */
  private latest({ scope, requestsPerMinute, tokensPerMinute }: LimitScope): LimitScope {
    const state = this.scopes.get(scope);
    const requests = state?.requests?.limit ?? requestsPerMinute;
    const tokens = state?.tokens?.limit ?? tokensPerMinute;
    return {
      scope,
      ...(requests === undefined ? {} : { requestsPerMinute: requests }),
      ...(tokens === undefined ? {} : { tokensPerMinute: tokens }),
    };
  }

  private levels({ scope, requestsPerMinute, tokensPerMinute }: LimitScope, nowMs: number): StateLevels {
    const state = this.scopes.get(scope);
    const time = { atMs: state?.atMs ?? nowMs, nowMs, windowMs: this.windowMs };
    return {
      requests: levelNow(state?.requests, requestsPerMinute, time),
      tokens: levelNow(state?.tokens, tokensPerMinute, time),
    };
  }

  private write(
    { scope, requestsPerMinute, tokensPerMinute }: LimitScope,
    { requests, tokens }: StateLevels,
    nowMs: number,
  ): ScopeState {
    const state = this.scopes.get(scope) ?? {
      atMs: nowMs,
      requests: undefined,
      tokens: undefined,
      places: new Map<string, number>(),
    };
    state.atMs = nowMs;
    state.requests = saved(requests, requestsPerMinute);
    state.tokens = saved(tokens, tokensPerMinute);
    this.scopes.set(scope, state);
    return state;
  }

  /** Running streams of a scope; those of a process that is forgotten or has left are removed. */
  private streams(scope: string, nowMs: number): number {
    const places = this.scopes.get(scope)?.places;
    if (places === undefined) return 0;
    let sum = 0;
    for (const [processId, count] of places) {
      const beatMs = this.beats.get(processId);
      if (beatMs === undefined) places.delete(processId);
      else if (nowMs - beatMs <= processExpiryMs) sum += count;
    }
    return sum;
  }

  /** A scope without streams whose limits are full says no more than an absent one. A scope is looked at O(1) times a call. */
  private dropIdle(nowMs: number): void {
    if (this.scopes.size < this.sweepAt) return;
    for (const [scope, state] of this.scopes) {
      const { requests, tokens, places } = state;
      this.streams(scope, nowMs);
      const time = { atMs: state.atMs, nowMs, windowMs: this.windowMs };
      const full =
        levelNow(requests, requests?.limit, time).part === 0 &&
        levelNow(tokens, tokens?.limit, time).part === 0;
      if (full && places.size === 0) this.scopes.delete(scope);
    }
    this.sweepAt = Math.max(fewScopes, this.scopes.size * 2);
  }
}

function saved(level: Level, limit: number | undefined): SavedLevel | undefined {
  return limit === undefined ? undefined : { ...level, limit };
}

function taken(scope: LimitScope, levels: StateLevels | undefined): ScopeLevels {
  return eachOf(scope, levels, takenOf);
}

function marked(scope: LimitScope, levels: StateLevels | undefined): ScopeLevels {
  return eachOf(scope, levels, markOf);
}

function eachOf(
  { requestsPerMinute, tokensPerMinute }: LimitScope,
  levels: StateLevels | undefined,
  read: (level: Level, limit: number | undefined) => number,
): ScopeLevels {
  if (levels === undefined) return { requests: 0, tokens: 0 };
  return { requests: read(levels.requests, requestsPerMinute), tokens: read(levels.tokens, tokensPerMinute) };
}

function addPlaces({ places }: ScopeState, processId: string, count: number): void {
  const sum = (places.get(processId) ?? 0) + count;
  if (sum > 0) places.set(processId, sum);
  else places.delete(processId);
}
