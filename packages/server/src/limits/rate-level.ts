import type { LimitAsk, LimitDecision, LimitScope, ScopeLevels, Window, Windows } from './contract.ts';

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

/**
 * What is taken of one limit, counted twice because limits change while requests run.
 *
 *     units    flow off at the rate of the limit in force
 *     part     each unit counted as 1 / limit, by the limit under which it was taken; all of it flows off in one window
 *
 * Under one limit both say the same: units = part × limit. Of a lowered limit `part` is the smaller one, so that the wait until
 * it is empty stays the same; of a raised one `units` is. Neither alone would do: a limit that is lowered and raised again would
 * be full at once. Both are bounds of what passes under the largest limit in force, and so is the smaller one
 * ({@link takenOf}).
 */
export interface Level {
  readonly units: number;
  readonly part: number;
  /** All that leases have given back since `sinceMs`, as a part. */
  readonly returned: number;
  /** Since then it has not been empty. */
  readonly sinceMs: number;
  /** Until then `units` and `part` may be of units that were taken under several limits. */
  readonly mixedUntilMs: number;
}

/** A level as it was written, under its limit. */
export interface SavedLevel extends Level {
  readonly limit: number;
}

interface Time {
  readonly nowMs: number;
  readonly windowMs: number;
}

/** The level now, under this limit, of one that was written at `atMs`. */
export function levelNow(
  saved: SavedLevel | undefined,
  limit: number | undefined,
  { atMs, nowMs, windowMs }: Time & { readonly atMs: number },
): Level {
  const windows = Math.max(0, nowMs - atMs) / windowMs;
  const part = saved === undefined || limit === undefined ? 0 : saved.part - windows;
  if (saved === undefined || limit === undefined || part <= 0) return emptyLevel(nowMs);
  const { returned, sinceMs } = saved;
  const mixedUntilMs = limit === saved.limit ? saved.mixedUntilMs : nowMs + part * windowMs;
  const units = Math.max(0, saved.units - windows * limit);
  return {
    units: nowMs < mixedUntilMs ? units : Math.min(units, part * limit),
    part,
    returned,
    sinceMs,
    mixedUntilMs,
  };
}

function emptyLevel(nowMs: number): Level {
  return { units: 0, part: 0, returned: 0, sinceMs: nowMs, mixedUntilMs: nowMs };
}

/** The units of a level that are taken, under this limit. */
export function takenOf({ units, part }: Level, limit: number | undefined): number {
  return limit === undefined || limit <= 0 ? 0 : Math.min(units, part * limit);
}

/** The level with more units, or fewer where negative. */
export function added(level: Level, more: number, limit: number): Level {
  return limit <= 0 ? level : changed(level, more, more / limit);
}

function changed(level: Level, units: number, part: number): Level {
  return {
    ...level,
    units: Math.max(0, level.units + units),
    part: Math.max(0, level.part + part),
    returned: level.returned + Math.max(0, -part),
  };
}

/** What a lease keeps of a level just after it was taken, to see later how much of it can be left. */
export function markOf(level: Level, limit: number | undefined): number {
  return limit === undefined || limit <= 0 ? 0 : takenOf(level, limit) / limit + level.returned;
}

/** What a lease knows of one limit of a scope. */
export interface LeaseOfLimit {
  readonly limit: number;
  readonly mark: number;
  readonly takenAtMs: number;
}

/**
 * The level after `more` has been added to the units of a lease; negative: they are given back. What was taken before a request
 * flows off before it. So what is left of the level at its time, less what has been given back since, is the most that can be
 * left of its own; without this bound a long stream would give units back that other requests have taken.
 */
export function corrected(
  level: Level,
  more: number,
  limit: number,
  lease: LeaseOfLimit,
  { nowMs, windowMs }: Time,
): Level {
  if (more >= 0) return added(level, more, limit);
  const { takenAtMs, mark } = lease;
  if (lease.limit <= 0 || takenAtMs < level.sinceMs) return level;
  const left = Math.max(0, mark - level.returned - Math.max(0, nowMs - takenAtMs) / windowMs);
  // How many units have flowed off since is not known where the limit has changed.
  const unitsLeft = level.mixedUntilMs <= takenAtMs ? left * limit : 0;
  return changed(level, -Math.min(-more, unitsLeft), -Math.min(-more / lease.limit, left));
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
