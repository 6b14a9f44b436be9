import type { LimitAsk, LimitDecision, LimitScope, Window, Windows } from './contract.ts';

/*
 * GCRA keeps one number for each limit: the theoretical arrival time (TAT), the time at which all of the burst is there again.
 * Here it is kept as a *level*: the units that have been taken and have not flowed off yet, and the time of that count. Both
 * say the same, `level = (TAT − now) × limit / window`; but sums of whole units stay exact, whereas sums of 60 s / 7 would
 * refuse the seventh request of seven. The burst is the limit:
 *
 *     level ─┐ limit ────────────────────●        a request of `cost` units is allowed where level + cost ≤ limit
 *            │               ●\     /|   |\
 *            │      /|\  /|\ / \ \ / |\ /  \       every unit flows off in window / limit
 *            └─────────────────────────────▶ time
 *
 * `redis/scripts.ts` has the same arithmetic in Lua. A suite compares the two.
 */

/** The window of all limits: they are given for a minute. */
export const minuteMs = 60_000;
/** The places of a process without a beat for so long are free. */
export const processExpiryMs = 10_000;
/** After so long without a beat a process is forgotten; one that was only stopped until then has its places again. */
export const processForgottenMs = 600_000;

/** Levels come out of divisions: a difference below this part of a unit is none. */
const tolerance = 1e-6;
/** A stream's place can be free at any time; this is when a client may ask again. */
const streamRetryMs = 1_000;

/** The level of one limit as it was written. A level that was written under another limit is converted. */
export interface SavedLevel {
  readonly level: number;
  readonly limit: number;
}

/** The levels of a scope; 0 where there is no limit. */
export interface ScopeLevels {
  readonly requests: number;
  readonly tokens: number;
}

/**
 * The level now. Under a limit that has become lower, the wait until it is empty stays the same; under a higher one, the units
 * stay the same.
 */
export function levelNow(
  saved: SavedLevel | undefined,
  limit: number | undefined,
  elapsedMs: number,
  windowMs: number,
): number {
  if (saved === undefined || limit === undefined || limit <= 0) return 0;
  const level = limit < saved.limit ? (saved.level * limit) / saved.limit : saved.level;
  return Math.max(0, level - (Math.max(0, elapsedMs) * limit) / windowMs);
}

/**
 * The most units that can be given back to a limit, of a lease of this age: what was in it when the lease was taken has flowed
 * off since. Without this bound a long stream would give units back that other requests have taken.
 */
export function returnable(limit: number, reserved: number, ageMs: number, windowMs: number): number {
  return Math.max(0, Math.max(limit, reserved) - (Math.max(0, ageMs) * limit) / windowMs);
}

/** The level after a lease's units have been replaced by `units` more, or fewer where negative. */
export function corrected(
  level: number,
  units: number,
  limit: number,
  lease: { readonly reserved: number; readonly ageMs: number; readonly windowMs: number },
): number {
  const change = Math.max(units, -returnable(limit, lease.reserved, lease.ageMs, lease.windowMs));
  return Math.max(0, level + change);
}

type Verdict =
  | { readonly type: 'allowed'; readonly reservedTokens: number }
  | Omit<Extract<LimitDecision, { type: 'refused' }>, 'windows'>;

/** Decides by the levels and running streams of each scope, in the order of the scopes. */
export function decide(
  { scopes, promptTokens, completionTokens }: Pick<LimitAsk, 'scopes' | 'promptTokens' | 'completionTokens'>,
  levels: readonly (ScopeLevels & { readonly streams: number })[],
  windowMs: number,
): Verdict {
  let refusal: Extract<Verdict, { type: 'refused' }> | undefined;
  const refuse = (limit: 'requests' | 'tokens' | 'streams', scope: string, waitMs: number): void => {
    const retryAfterMs = Math.max(1, Math.ceil(waitMs));
    if (refusal === undefined || retryAfterMs > refusal.retryAfterMs) {
      refusal = { type: 'refused', limit, scope, retryAfterMs };
    }
  };
  let completion = completionTokens;
  let limited = false;
  for (const [index, { scope, requestsPerMinute, tokensPerMinute, maxStreams }] of scopes.entries()) {
    const { requests, tokens, streams } = levels[index] ?? { requests: 0, tokens: 0, streams: 0 };
    if (requestsPerMinute !== undefined && requests + 1 > requestsPerMinute + tolerance) {
      refuse('requests', scope, waitFor(requests + 1 - requestsPerMinute, requestsPerMinute, windowMs));
    }
    if (tokensPerMinute !== undefined) {
      limited = true;
      const room = tokensPerMinute - tokens;
      const whole = promptTokens > tokensPerMinute && tokensPerMinute > 0;
      if (whole ? tokens > tolerance : promptTokens > room + tolerance) {
        refuse('tokens', scope, waitFor(whole ? tokens : promptTokens - room, tokensPerMinute, windowMs));
      }
      completion = Math.min(completion, Math.max(0, Math.floor(room - promptTokens + tolerance)));
    }
    if (maxStreams !== undefined && streams >= maxStreams) refuse('streams', scope, streamRetryMs);
  }
  return refusal ?? { type: 'allowed', reservedTokens: limited ? promptTokens + completion : 0 };
}

/** Milliseconds until so many units have flowed off. A limit of 0 never allows anything. */
function waitFor(units: number, limit: number, windowMs: number): number {
  return limit > 0 ? (units * windowMs) / limit : windowMs;
}

/** What is left, by the levels of each scope in the order of the scopes: the scope with less left, for each kind of limit. */
export function windowsOf(
  scopes: readonly LimitScope[],
  levels: readonly ScopeLevels[],
  windowMs: number,
): Windows {
  let requests: Window | undefined;
  let tokens: Window | undefined;
  for (const [index, { requestsPerMinute, tokensPerMinute }] of scopes.entries()) {
    const level = levels[index] ?? { requests: 0, tokens: 0 };
    requests = tighter(requests, requestsPerMinute, level.requests, windowMs);
    tokens = tighter(tokens, tokensPerMinute, level.tokens, windowMs);
  }
  return { ...(requests === undefined ? {} : { requests }), ...(tokens === undefined ? {} : { tokens }) };
}

function tighter(
  before: Window | undefined,
  limit: number | undefined,
  level: number,
  windowMs: number,
): Window | undefined {
  if (limit === undefined) return before;
  const window: Window = {
    limit,
    remaining: Math.max(0, Math.floor(limit - level + tolerance)),
    resetMs: Math.ceil(waitFor(level, limit, windowMs)),
  };
  if (before === undefined || window.remaining < before.remaining) return window;
  return window.remaining === before.remaining && window.resetMs > before.resetMs ? window : before;
}
