/** The parts of docs/metrics.md and of the board, in the order of an operator's questions. */
export const metricGroups = {
  served: 'Are users served?',
  speed: 'How fast?',
  targets: 'Which target is ill?',
  limits: 'Is a limit or a budget hit? What is used?',
  engine: 'The local engine',
  storage: 'Streams that are kept, and the store',
  process: 'The processes',
} as const;

export type MetricGroup = keyof typeof metricGroups;

/** A family of metrics as Prometheus reads it. */
export interface Metric {
  readonly group: MetricGroup;
  /** As it is written: base units, and `_total` where it counts upwards. */
  readonly name: `tailrace_${string}`;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Its labels, as they are written (`labels.ts`). Default: none. */
  readonly labels?: readonly string[];
  /** One sentence: what its value is. */
  readonly help: string;
  /** What an operator does with it. */
  readonly use: string;
  /** By how much the figure is divided: `1_000` where it counts milliseconds and the metric has seconds. Default: 1. */
  readonly divisor?: number;
  /** How those of several processes become one. Default: they are added up. */
  readonly together?: 'largest' | 'smallest';
  /** Of a histogram: the upper bounds of its buckets, in the unit of the figure; at each of them one of ours begins. */
  readonly bounds?: readonly number[];
}
