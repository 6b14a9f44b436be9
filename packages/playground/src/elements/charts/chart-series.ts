import type { ChartColour } from './chart-colours.ts';

/** A value for each time of the chart; null where there is none. */
export interface ChartSeries {
  readonly name: string;
  readonly colour: ChartColour;
  readonly values: readonly (number | null)[];
}

/** Each series on top of those before it. */
export function stacked(series: readonly ChartSeries[]): readonly (readonly number[])[] {
  const sums: number[] = [];
  return series.map(({ values }) =>
    values.map((value, at) => {
      sums[at] = (sums[at] ?? 0) + (value ?? 0);
      return sums[at];
    }),
  );
}

interface DescribedChart {
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  format(value: number): string;
  formatTime(seconds: number): string;
}

/** A chart in words, for those who do not see it: of each series its last, its least and its largest value. */
export function chartInWords({ times, series, format, formatTime }: DescribedChart): string {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return 'No values yet.';
  const sentences = series.map(({ name, values }) => {
    const known = values.flatMap((value, at) =>
      value === null ? [] : [{ value, time: times[at] ?? first }],
    );
    const [one] = known;
    if (one === undefined) return `${name}: no values.`;
    const newest = known.at(-1) ?? one;
    const least = known.reduce((low, point) => (point.value < low.value ? point : low), one);
    const most = known.reduce((high, point) => (point.value > high.value ? point : high), one);
    if (least.value === most.value) return `${name}: ${format(one.value)} all the time.`;
    return `${name}: last ${format(newest.value)}, least ${format(least.value)}, most ${format(most.value)} at ${formatTime(most.time)}.`;
  });
  return `From ${formatTime(first)} to ${formatTime(last)}. ${sentences.join(' ')}`;
}
