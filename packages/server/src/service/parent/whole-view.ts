import type { RunView, TargetView } from '../../http/service-view.ts';
import type { TargetHealth } from '../../routing/health.ts';

/** The runs of all workers, oldest first. */
export function allRuns(ofWorkers: readonly (readonly RunView[])[]): readonly RunView[] {
  return ofWorkers.flat().toSorted((one, other) => one.createdAtMs - other.createdAtMs);
}

/**
 * The targets of all workers. Requests and failures are added up. A breaker is closed where no worker has opened it: one that is
 * open anywhere is a problem that the operator wants to see.
 */
export function allTargets(ofWorkers: readonly (readonly TargetView[])[]): readonly TargetView[] {
  const byName = new Map<string, TargetView>();
  for (const view of ofWorkers.flat()) {
    const name = JSON.stringify([view.upstream, view.model]);
    const known = byName.get(name);
    byName.set(name, known === undefined ? view : { ...known, health: together(known.health, view.health) });
  }
  return [...byName.values()];
}

const severity = { closed: 0, 'half-open': 1, open: 2 } as const;

function together(one: TargetHealth, other: TargetHealth): TargetHealth {
  return {
    breaker: severity[one.breaker] >= severity[other.breaker] ? one.breaker : other.breaker,
    inFlight: one.inFlight + other.inFlight,
    recentFailures: one.recentFailures + other.recentFailures,
    retryInMs: Math.max(one.retryInMs, other.retryInMs),
  };
}
