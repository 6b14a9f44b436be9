import { milliseconds } from './bounds.ts';
import type { Metric } from './metric.ts';

/** How targets do, as this server sees them. */
export const targetMetrics = {
  target_breaker: {
    group: 'targets',
    name: 'tailrace_target_breaker_state',
    type: 'gauge',
    labels: ['target'],
    together: 'largest',
    help: 'The circuit breaker of a target: 0 closed (healthy), 1 half-open (a request tries it), 2 open. The worst of all workers.',
    use: 'An open breaker keeps requests away: other targets and fallbacks have to carry them.',
  },
  target_in_flight: {
    group: 'targets',
    name: 'tailrace_target_requests_in_flight',
    type: 'gauge',
    labels: ['target'],
    help: 'Requests under way at a target.',
    use: 'How load is spread. One that grows alone does not answer any more.',
  },
  target_attempts_ended: {
    group: 'targets',
    name: 'tailrace_attempts_total',
    type: 'counter',
    labels: ['target', 'mode', 'outcome'],
    help: 'Calls of a target that have ended: why it was called, and what became of it.',
    use: 'Mode `failover`: another target had failed without output. `hedge`: beside a slow one; outcome `served` is won, `lost` is lost. `prefix`, `replay`: it took a cut answer over.',
  },
  target_failures: {
    group: 'targets',
    name: 'tailrace_attempt_failures_total',
    type: 'counter',
    labels: ['target', 'code'],
    help: "Calls of a target that failed for a reason that is not the caller's, by the code of the failure.",
    use: 'Which target fails, and how: `upstream_cut` in the midst, `first_token_timeout` silent, `upstream_auth` our key is refused.',
  },
  target_first_output: {
    group: 'targets',
    name: 'tailrace_target_first_output_seconds',
    type: 'histogram',
    labels: ['target'],
    divisor: 1_000,
    bounds: milliseconds,
    help: 'From the call of a target to its first output, of calls that served an answer.',
    use: 'Which target is slow. A quantile of it is a good `hedge_after`.',
  },
} as const satisfies Readonly<Record<string, Metric>>;
