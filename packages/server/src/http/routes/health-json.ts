import type { TargetHealth } from '../../routing/health.ts';

/** The health of a target as the administration shows it. `nowMs`: Unix milliseconds. */
export function healthJson({ breaker, inFlight, recentFailures, retryInMs }: TargetHealth, nowMs: number) {
  return {
    healthy: breaker === 'closed',
    breaker,
    probe_at: breaker === 'closed' ? null : new Date(nowMs + retryInMs).toISOString(),
    in_flight: inFlight,
    recent_failures: recentFailures,
  };
}
