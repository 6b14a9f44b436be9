import type { Figure, Reading } from '../contract.ts';
import { quantileOf } from '../histogram.ts';
import { type MeasureName, measureOf } from '../measures.ts';
import { stepSeconds } from './series.ts';

/** A process whose figures are in the series. */
export interface SeriesSource {
  /** No two processes ever have the same. */
  readonly id: string;
  /** Undefined where it does not answer now; what it counts meanwhile is in its next reading. */
  readonly reading: Reading | undefined;
}

/** Makes steps of readings: what has happened since the step before, over all processes. */
export interface SeriesSteps {
  /** `sources`: all that live. What one has counted after its last reading is lost with it. */
  next(sources: readonly SeriesSource[]): readonly Figure[];
}

export function createSeriesSteps(): SeriesSteps {
  let before = new Map<string, Known>();
  return {
    next(sources) {
      const figures = new Map<string, Figure>();
      const histograms = new Map<MeasureName, Float64Array>();
      const known = new Map<string, Known>();
      for (const { id, reading } of sources) {
        const last = before.get(id);
        const now = reading === undefined ? last : knownOf(reading);
        if (now !== undefined) known.set(id, now);
        if (reading === undefined || now === undefined) continue;
        for (const [key, figure] of now.figures) addFigure(figures, key, figure, last?.figures.get(key));
        for (const [name, counts] of now.histograms) {
          const sum = histograms.get(name) ?? new Float64Array(counts.length);
          histograms.set(name, sum);
          addCounts(sum, counts, last?.histograms.get(name));
        }
      }
      before = known;
      return [...figures.values(), ...[...histograms].flatMap(quantilesOf)];
    },
  };
}

/** A reading by the keys of its figures. */
interface Known {
  readonly figures: ReadonlyMap<string, Figure>;
  readonly histograms: ReadonlyMap<MeasureName, Float64Array>;
}

function knownOf({ figures, histograms }: Reading): Known {
  return {
    figures: new Map(figures.map((figure) => [seriesKey(figure), figure])),
    histograms: new Map(histograms.map(({ name, counts }) => [name, counts])),
  };
}

/** Which series a figure belongs to. */
export function seriesKey({ name, labels }: Pick<Figure, 'name' | 'labels'>): string {
  return JSON.stringify([name, ...Object.values(labels)]);
}

function addFigure(sums: Map<string, Figure>, key: string, figure: Figure, last: Figure | undefined): void {
  const { kind } = measureOf(figure.name);
  const sum = sums.get(key)?.value ?? 0;
  const value =
    kind === 'worst'
      ? Math.max(sum, figure.value)
      : sum +
        (kind === 'gauge' ? figure.value : increase(figure, last)) / (kind === 'rate' ? stepSeconds : 1);
  sums.set(key, { ...figure, value });
}

/** A counter that has fallen was forgotten, and has begun anew: that of a target which a reload has taken away. */
function increase({ value }: Figure, last: Figure | undefined): number {
  return last === undefined || value < last.value ? value : value - last.value;
}

function addCounts(sum: Float64Array, counts: Float64Array, last: Float64Array | undefined): void {
  for (const [bucket, count] of counts.entries()) {
    sum[bucket] = (sum[bucket] ?? 0) + count - (last?.[bucket] ?? 0);
  }
}

function quantilesOf([name, counts]: readonly [MeasureName, Float64Array]): readonly Figure[] {
  const { quantiles = [] } = measureOf(name);
  return quantiles.flatMap((quantile) => {
    const value = quantileOf(counts, quantile);
    return value === undefined ? [] : [{ name, labels: { quantile: String(quantile) }, value }];
  });
}
