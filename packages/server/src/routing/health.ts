import type { Target } from './catalogue.ts';

/**
 * What is known of every target while the server runs: how many requests it has in hand, and whether its
 * breaker lets one through.
 *
 *            failures ≥ limit within the window
 *     closed ──────────────────────────────────▶ open ──probe_every──▶ half-open: one request an interval
 *        ▲                                         ▲                       │
 *        └──────────────── it answered ────────────┼───────────────────────┤
 *                                                  └────── it failed ──────┘
 */
export interface Health {
  /** Whether a request may go there now. Asking changes nothing; {@link begin} takes the probe's place. */
  admits(target: Target): boolean;
  /** Milliseconds until an open breaker lets a probe through; 0 where it admits one now. */
  retryInMs(target: Target): number;
  inFlight(target: Target): number;
  /** A request goes there. */
  begin(target: Target): TrackedRequest;
  /** What is known of a target now. */
  describe(target: Target): TargetHealth;
  /** Forgets every target but these, and those that have a request in hand. */
  keep(targets: Iterable<TargetNames>): void;
}

/** A target by its names: that of its upstream, and the model's name there. */
export interface TargetNames {
  readonly upstream: string;
  readonly model: string;
}

/** One request in a target's hands. */
export interface TrackedRequest {
  /** It has begun to answer: a probe that got so far closes the breaker. */
  answered(): void;
  /** It has answered whole: what failed before is forgotten. */
  succeeded(): void;
  /** It failed in a way that speaks against the target. */
  failed(): void;
  /** It is over, however. Called once more does nothing. */
  end(): void;
}

export interface TargetHealth {
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly inFlight: number;
  readonly recentFailures: number;
}

export interface BreakerPolicy {
  readonly failures: number;
  readonly windowMs: number;
  readonly probeEveryMs: number;
}

interface TargetRecord {
  inFlight: number;
  /** Times of failures within the window, oldest first; never more than the limit. */
  failures: number[];
  open: boolean;
  /** Of an open breaker: when the next probe may go. A probe that hangs keeps nobody from the one after it. */
  nextProbeMs: number;
  probing: boolean;
}

/** `policy` is asked each time: a reload may change it while what is known of the targets stays. */
export function createHealth(policy: () => BreakerPolicy, now: () => number): Health {
  // By upstream, then model: both names may hold any character, so no joint of them tells two targets apart.
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
    // Late failures of requests that began before it opened tell nothing new: they move no probe.
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
          // The failures stay: a target that cuts every answer after its first token shall not look well.
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
          // Given up before it told anything (its client left): the next request may ask at once.
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
