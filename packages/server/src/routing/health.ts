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
  begin(target: Target): TrackedRequest;
  /** The target's health now. */
  describe(target: Target): TargetHealth;
  /** Forgets every other target, unless it has an open request. */
  keep(targets: Iterable<TargetNames>): void;
}

/** Identifies a target: the name of its upstream, and the model's name there. */
export interface TargetNames {
  readonly upstream: string;
  readonly model: string;
}

/** One open request at a target. */
export interface TrackedRequest {
  /** The target has begun to answer. Closes an open breaker. */
  answered(): void;
  /** The answer is whole. Earlier failures are forgotten. */
  succeeded(): void;
  /** The request failed, and the failure counts against the target. */
  failed(): void;
  /** Ends the tracking of the request. Call it last; a second call does nothing. */
  end(): void;
}

/** The health of one target, as the admin API shows it. */
export interface TargetHealth {
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly inFlight: number;
  readonly recentFailures: number;
}

/** When a breaker opens, and how often it admits a probe; from the configuration. */
export interface BreakerPolicy {
  readonly failures: number;
  readonly windowMs: number;
  readonly probeEveryMs: number;
}

interface TargetRecord {
  inFlight: number;
  /** Times of the failures within the window, oldest first; never more than the policy's limit. */
  failures: number[];
  open: boolean;
  /**
   * When an open breaker admits the next probe. The breaker admits one at each interval, also while an earlier probe has no
   * answer.
   */
  nextProbeMs: number;
  probing: boolean;
}

/** `policy` is called at each use, so that a reload can change the policy and keep the health of the targets. */
export function createHealth(policy: () => BreakerPolicy, now: () => number): Health {
  // Two maps, by upstream and then by model. One joined key would be ambiguous, because a name may contain any character.
  const records = new Map<string, Map<string, TargetRecord>>();

  const recordOf = ({ upstream, model }: Target): TargetRecord => {
    const models = records.get(upstream.name) ?? new Map<string, TargetRecord>();
    records.set(upstream.name, models);
    const known = models.get(model);
    if (known !== undefined) return known;
    const fresh: TargetRecord = { inFlight: 0, failures: [], open: false, nextProbeMs: 0, probing: false };
    models.set(model, fresh);
    return fresh;
  };
  const retryInMs = (record: TargetRecord): number =>
    record.open ? Math.max(0, record.nextProbeMs - now()) : 0;
  const postpone = (record: TargetRecord) => {
    record.nextProbeMs = now() + policy().probeEveryMs;
  };
  const noteFailure = (record: TargetRecord) => {
    const at = now();
    const { windowMs, failures: limit } = policy();
    record.failures = [...record.failures.filter((ms) => at - ms < windowMs), at].slice(-limit);
    // While the breaker is open, late failures of requests that began before do not postpone the probe.
    if (record.open || record.failures.length < limit) return;
    record.open = true;
    postpone(record);
  };

  return {
    admits: (target) => retryInMs(recordOf(target)) === 0,
    retryInMs: (target) => retryInMs(recordOf(target)),
    inFlight: (target) => recordOf(target).inFlight,
    begin: (target) => {
      const record = recordOf(target);
      const probe = record.open;
      let decided = !probe;
      if (probe) {
        record.probing = true;
        postpone(record);
      }
      record.inFlight += 1;
      let over = false;
      return {
        answered: () => {
          // The failures stay: a target that cuts every answer after its first token must not count as healthy.
          decided = true;
          record.open = false;
          record.probing = false;
        },
        succeeded: () => {
          record.failures = [];
        },
        failed: () => {
          if (probe && !decided) postpone(record);
          decided = true;
          noteFailure(record);
        },
        end: () => {
          if (over) return;
          over = true;
          record.inFlight -= 1;
          if (!probe) return;
          record.probing = false;
          // The probe ended without a result, because its client left: the next request may be the probe at once.
          if (!decided) record.nextProbeMs = now();
        },
      };
    },
    describe: (target) => {
      const record = recordOf(target);
      return {
        breaker: !record.open ? 'closed' : record.probing ? 'half-open' : 'open',
        inFlight: record.inFlight,
        recentFailures: record.failures.filter((ms) => now() - ms < policy().windowMs).length,
      };
    },
    keep: (targets) => {
      const named = new Map<string, Set<string>>();
      for (const { upstream, model } of targets) {
        named.set(upstream, (named.get(upstream) ?? new Set()).add(model));
      }
      for (const [upstream, models] of records) {
        for (const [model, { inFlight }] of models) {
          if (inFlight === 0 && named.get(upstream)?.has(model) !== true) models.delete(model);
        }
        if (models.size === 0) records.delete(upstream);
      }
    },
  };
}
