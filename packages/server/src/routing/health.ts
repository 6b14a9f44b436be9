import type { ErrorCode } from '@tailrace/protocol';
import { countIn, createCounts } from '../telemetry/histogram.ts';
import type { Target } from './catalogue.ts';

/**
 * The health of every target, for the life of the server: how many requests are open there, and whether its circuit breaker
 * admits another one.
 *
 *            failures ≥ limit within the window
 *     closed ──────────────────────────────────▶ open ──probe_every──▶ half-open: one request, the probe
 *        ▲                                         ▲                       │
 *        └────────── the probe was answered ───────┼───────────────────────┤
 *                                                  └─── the probe failed ──┘
 */
export interface Health {
  /**
   * Whether a request may be sent to the target now. Changes nothing: {@link begin} starts the probe of an open
   * breaker.
   */
  admits(target: Target): boolean;
  /** Milliseconds until an open breaker admits a probe; 0 where a request is admitted now. */
  retryInMs(target: Target): number;
  /** Requests that are open at the target. */
  inFlight(target: Target): number;
  /** Notes that a request is sent to the target. The caller reports its course, and calls `end` on every path. */
  begin(target: Target, mode?: CountedMode): TrackedRequest;
  /** The target's health now. */
  describe(target: Target): TargetHealth;
  /** Every target that is known, and its health now. */
  list(): readonly (TargetNames & { readonly health: TargetHealth })[];
  /** What has been asked of every target that is known. */
  counts(): readonly (TargetNames & { readonly counts: TargetCounts })[];
  /** Forgets every other target, unless it has an open request. */
  keep(targets: Iterable<TargetNames>): void;
}

/** Identifies a target: the name of its upstream, and the model's name there. */
export interface TargetNames {
  readonly upstream: string;
  readonly model: string;
}

/** Why a target is asked. `hedge`: beside a slow one. `prefix`, `replay`: it takes over. */
export type AttemptMode = 'first' | 'hedge' | 'prefix' | 'replay';

/** `failover`: a `first` after another target of the same request has failed. */
export type CountedMode = AttemptMode | 'failover';

/** How an attempt ended. `lost`: another one of a race has committed. `aborted`: its run was stopped, or needed it no more. */
export type EndedAttempt = 'served' | 'failed' | 'lost' | 'aborted';

/** What was asked of a target since it became known; counted upwards. */
export interface TargetCounts {
  readonly attempts: number;
  /** Attempts that failed for a reason that is not the caller's. */
  readonly failures: number;
  readonly failovers: number;
  readonly hedges: number;
  readonly takeovers: number;
  /** The attempts that have ended. */
  readonly ended: readonly EndedCount[];
  /** The failures by their codes. */
  readonly codes: readonly { readonly code: ErrorCode; readonly count: number }[];
  /** Milliseconds from the call to the first output, of attempts that served (`telemetry/histogram.ts`). */
  readonly firstOutputMs: Float64Array;
}

export interface EndedCount {
  readonly mode: CountedMode;
  readonly outcome: EndedAttempt;
  readonly count: number;
}

/** One open request at a target. */
export interface TrackedRequest {
  /** The target has begun to answer. Closes an open breaker. */
  answered(): void;
  /** The answer is whole. Earlier failures are forgotten. */
  succeeded(): void;
  /** The request failed, and the failure counts against the target. */
  failed(): void;
  /** The request has brought no answer, by whatever fault of the target or on the way to it: it is counted, and nothing else. */
  countFailure(code: ErrorCode): void;
  /** The attempt has committed, so many whole milliseconds after its call. */
  committed(afterMs: number): void;
  /** Ends the tracking of the request. Call it last; a second call does nothing. */
  end(outcome: EndedAttempt): void;
}

/** The health of one target, as the admin API shows it. */
export interface TargetHealth {
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly inFlight: number;
  readonly recentFailures: number;
  /** Milliseconds until an open breaker admits a probe; 0 where the next request may be sent. */
  readonly retryInMs: number;
}

/** When a breaker opens, and how often it admits a probe; from the configuration. */
export interface BreakerPolicy {
  readonly failures: number;
  readonly windowMs: number;
  readonly probeEveryMs: number;
}

/** `policy` is called at each use, so that a reload can change the policy and keep the health of the targets. */
export function createHealth(policy: () => BreakerPolicy, now: () => number): Health {
  // Two maps, by upstream and then by model. One joined key would be ambiguous, because a name may contain any character.
  const breakers = new Map<string, Map<string, Breaker>>();

  const breakerOf = ({ upstream, model }: Target): Breaker => {
    const models = breakers.get(upstream.name) ?? new Map<string, Breaker>();
    breakers.set(upstream.name, models);
    const known = models.get(model);
    if (known !== undefined) return known;
    const fresh = new Breaker(policy, now);
    models.set(model, fresh);
    return fresh;
  };

  return {
    admits: (target) => breakerOf(target).retryInMs() === 0,
    retryInMs: (target) => breakerOf(target).retryInMs(),
    inFlight: (target) => breakerOf(target).inFlight,
    begin: (target, mode = 'first') => {
      const breaker = breakerOf(target);
      breaker.counts.begin(mode);
      return new RequestAtTarget(breaker, mode);
    },
    describe: (target) => breakerOf(target).describe(),
    list: () =>
      [...breakers].flatMap(([upstream, models]) =>
        [...models].map(([model, breaker]) => ({ upstream, model, health: breaker.describe() })),
      ),
    counts: () =>
      [...breakers].flatMap(([upstream, models]) =>
        [...models].map(([model, { counts }]) => ({ upstream, model, counts: counts.read() })),
      ),
    keep: (targets) => {
      const named = new Map<string, Set<string>>();
      for (const { upstream, model } of targets) {
        named.set(upstream, (named.get(upstream) ?? new Set()).add(model));
      }
      for (const [upstream, models] of breakers) {
        for (const [model, { inFlight }] of models) {
          if (inFlight === 0 && named.get(upstream)?.has(model) !== true) models.delete(model);
        }
        if (models.size === 0) breakers.delete(upstream);
      }
    },
  };
}

/** The health of one target. */
class Breaker {
  inFlight = 0;
  open = false;
  probing = false;
  readonly counts = new Counts();
  /** Times of the failures within the window, oldest first; never more than the policy's limit. */
  private failures: readonly number[] = [];
  /**
   * When an open breaker admits the next probe. The breaker admits one at each interval, also while an earlier probe has no
   * answer.
   */
  private nextProbeMs = 0;
  private readonly policy: () => BreakerPolicy;
  private readonly now: () => number;

  constructor(policy: () => BreakerPolicy, now: () => number) {
    this.policy = policy;
    this.now = now;
  }

  retryInMs(): number {
    return this.open ? Math.max(0, this.nextProbeMs - this.now()) : 0;
  }

  close(): void {
    // The failures stay: a target that cuts every answer after its first token must not count as healthy.
    this.open = false;
    this.probing = false;
  }

  noteFailure(): void {
    const at = this.now();
    const { windowMs, failures: limit } = this.policy();
    this.failures = [...this.failures.filter((ms) => at - ms < windowMs), at].slice(-limit);
    // While the breaker is open, late failures of requests that began before do not postpone the probe.
    if (this.open || this.failures.length < limit) return;
    this.open = true;
    this.postponeProbe();
  }

  forgetFailures(): void {
    if (this.failures.length > 0) this.failures = [];
  }

  postponeProbe(): void {
    this.nextProbeMs = this.now() + this.policy().probeEveryMs;
  }

  admitProbe(): void {
    this.nextProbeMs = this.now();
  }

  describe(): TargetHealth {
    const { windowMs } = this.policy();
    return {
      breaker: !this.open ? 'closed' : this.probing ? 'half-open' : 'open',
      inFlight: this.inFlight,
      recentFailures: this.failures.filter((ms) => this.now() - ms < windowMs).length,
      retryInMs: this.retryInMs(),
    };
  }
}

/** What was asked of one target. */
class Counts {
  private attempts = 0;
  private failovers = 0;
  private hedges = 0;
  private takeovers = 0;
  private readonly codes = new Map<ErrorCode, number>();
  private readonly ended = new Map<CountedMode, Map<EndedAttempt, number>>();
  private readonly firstOutputMs = createCounts();

  begin(mode: CountedMode): void {
    this.attempts += 1;
    if (mode === 'failover') this.failovers += 1;
    else if (mode === 'hedge') this.hedges += 1;
    else if (mode !== 'first') this.takeovers += 1;
  }

  committed(afterMs: number): void {
    countIn(this.firstOutputMs, afterMs);
  }

  fail(code: ErrorCode): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  end(mode: CountedMode, outcome: EndedAttempt): void {
    const ofMode = this.ended.get(mode) ?? new Map<EndedAttempt, number>();
    this.ended.set(mode, ofMode);
    ofMode.set(outcome, (ofMode.get(outcome) ?? 0) + 1);
  }

  read(): TargetCounts {
    const { attempts, failovers, hedges, takeovers } = this;
    const codes = Array.from(this.codes, ([code, count]) => ({ code, count }));
    return {
      ...{ attempts, failovers, hedges, takeovers },
      failures: codes.reduce((sum, { count }) => sum + count, 0),
      ended: [...this.ended].flatMap(([mode, outcomes]) =>
        [...outcomes].map(([outcome, count]) => ({ mode, outcome, count })),
      ),
      codes,
      firstOutputMs: this.firstOutputMs.slice(),
    };
  }
}

class RequestAtTarget implements TrackedRequest {
  private readonly breaker: Breaker;
  private readonly mode: CountedMode;
  private readonly probe: boolean;
  /** Whether the probe has a result. */
  private decided = false;
  private over = false;

  constructor(breaker: Breaker, mode: CountedMode) {
    this.breaker = breaker;
    this.mode = mode;
    this.probe = breaker.open;
    if (this.probe) {
      breaker.probing = true;
      breaker.postponeProbe();
    }
    breaker.inFlight += 1;
  }

  answered(): void {
    this.decided = true;
    this.breaker.close();
  }

  succeeded(): void {
    this.breaker.forgetFailures();
  }

  failed(): void {
    if (this.probe && !this.decided) this.breaker.postponeProbe();
    this.decided = true;
    this.breaker.noteFailure();
  }

  countFailure(code: ErrorCode): void {
    this.breaker.counts.fail(code);
  }

  committed(afterMs: number): void {
    this.breaker.counts.committed(afterMs);
  }

  end(outcome: EndedAttempt): void {
    if (this.over) return;
    this.over = true;
    this.breaker.counts.end(this.mode, outcome);
    this.breaker.inFlight -= 1;
    if (!this.probe) return;
    this.breaker.probing = false;
    // The probe ended without a result, because its client left: the next request may be the probe at once.
    if (!this.decided) this.breaker.admitProbe();
  }
}
