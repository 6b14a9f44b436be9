import type { MeasureName } from '../measures.ts';
import { engineMetrics } from './engine-metrics.ts';
import type { Metric } from './metric.ts';
import { processMetrics } from './process-metrics.ts';
import { requestMetrics } from './request-metrics.ts';
import { storageMetrics } from './storage-metrics.ts';
import { targetMetrics } from './target-metrics.ts';

/** Every family that `/metrics` has, by the name of the figures that it shows. docs/metrics.md is made from it. */
export const metrics = {
  ...requestMetrics,
  ...targetMetrics,
  ...engineMetrics,
  ...storageMetrics,
  ...processMetrics,
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

/** Every figure is shown as a metric, as a time series of the console, or as both. */
export type FigureName = MetricName | MeasureName;

export const metricNames = Object.keys(metrics) as readonly MetricName[];

export function metricOf(name: MetricName): Metric {
  return metrics[name];
}

export function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(metrics, name);
}
