/**
 * What figures mean, and how those of several processes become one.
 *
 * - `counter`: shown as the amount of a step. Amounts are added up.
 * - `rate`: a counter that is shown by the second.
 * - `gauge`: what is so at the end of a step. Added up.
 * - `worst`: a gauge of which the largest counts.
 * - `histogram`: shown as quantiles of the values of a step; a step without values has none.
 */
export type MeasureKind = 'counter' | 'rate' | 'gauge' | 'worst' | 'histogram';

export interface Measure {
  readonly kind: MeasureKind;
  readonly unit: string;
  /** The labels of its series; figures that differ only in other labels are added up. Default: none. */
  readonly labels?: readonly string[];
  /** Of a histogram. */
  readonly quantiles?: readonly number[];
}

/** Those of a target. */
const ofTarget = ['upstream', 'model'];
const usualQuantiles = [0.5, 0.9, 0.95, 0.99];

/** Every measure by its name, which is that of the figures that it shows. docs/operation.md explains each; a test compares. */
export const measures = {
  streams_live: { kind: 'gauge', unit: 'streams' },
  requests_started: { kind: 'counter', unit: 'requests' },
  requests_ended: { kind: 'counter', unit: 'requests', labels: ['status'] },
  request_errors: { kind: 'counter', unit: 'requests', labels: ['code'] },
  prompt_tokens: { kind: 'rate', unit: 'tokens_per_second' },
  completion_tokens: { kind: 'rate', unit: 'tokens_per_second' },
  spend: { kind: 'counter', unit: 'micro_usd' },
  ttft: { kind: 'histogram', unit: 'ms', quantiles: usualQuantiles },
  gap: { kind: 'histogram', unit: 'ms', quantiles: usualQuantiles },
  engine_running: { kind: 'gauge', unit: 'requests' },
  engine_queue: { kind: 'gauge', unit: 'requests' },
  loop_delay: { kind: 'histogram', unit: 'ms', quantiles: [0.99] },
  memory: { kind: 'gauge', unit: 'bytes' },
  target_breaker: { kind: 'worst', unit: 'state', labels: ofTarget },
  target_in_flight: { kind: 'gauge', unit: 'requests', labels: ofTarget },
  target_attempts: { kind: 'counter', unit: 'attempts', labels: ofTarget },
  target_failures: { kind: 'counter', unit: 'attempts', labels: ofTarget },
  target_failovers: { kind: 'counter', unit: 'attempts', labels: ofTarget },
  target_hedges: { kind: 'counter', unit: 'attempts', labels: ofTarget },
  target_takeovers: { kind: 'counter', unit: 'attempts', labels: ofTarget },
} as const satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof measures;

export const measureNames = Object.keys(measures) as readonly MeasureName[];

export function isMeasureName(text: string): text is MeasureName {
  return Object.hasOwn(measures, text);
}

export function measureOf(name: MeasureName): Measure {
  return measures[name];
}
