import { type MeasureKind, measureOf } from '../measures.ts';
import type { SeriesTable, SeriesValues } from './series.ts';

/**
 * The same series in steps of `step` seconds, a multiple of those that are kept. What is left of a step where the table begins or ends in
 * its midst is a step too.
 */
export function inLongerSteps({ times, series }: SeriesTable, step: number): SeriesTable {
  const ends: number[] = [];
  /** The number of the longer step of each time. */
  const numbers = Uint16Array.from(times, (time) => {
    const end = Math.ceil(time / step) * step;
    if (ends.at(-1) !== end) ends.push(end);
    return ends.length - 1;
  });
  return { times: Float64Array.from(ends), series: series.map((one) => longer(one, numbers, ends.length)) };
}

function longer({ name, labels, values }: SeriesValues, numbers: Uint16Array, steps: number): SeriesValues {
  const parts: number[][] = Array.from({ length: steps }, () => []);
  for (const [index, value] of values.entries())
    if (!Number.isNaN(value)) parts[numbers[index] ?? 0]?.push(value);
  const { kind } = measureOf(name);
  const share = Number(labels['quantile']);
  return {
    ...{ name, labels },
    values: Float32Array.from(parts, (part) =>
      part.length === 0 ? Number.NaN : together(part, kind, share),
    ),
  };
}

/**
 * Quantiles cannot be added up. A longer step has the same quantile of the quantiles of its steps: of medians the middle one, of 99th
 * percentiles the largest but one in a hundred.
 */
function together(values: readonly number[], kind: MeasureKind, quantile: number): number {
  switch (kind) {
    case 'counter':
      return sum(values);
    case 'rate':
      return sum(values) / values.length;
    case 'gauge':
    case 'worst':
      return Math.max(...values);
    case 'histogram': {
      const ordered = values.toSorted((one, other) => one - other);
      return ordered[Math.ceil(values.length * quantile) - 1] ?? Number.NaN;
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
