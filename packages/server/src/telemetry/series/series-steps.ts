import type { Figure, Reading } from '../contract.ts';
import { quantileOf } from '../histogram.ts';
import { isMeasureName, type MeasureName, measureNames, measureOf } from '../measures.ts';
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
  next(sources: readonly SeriesSource[]): readonly MeasuredFigure[];
}

/** A figure that has series. */
export interface MeasuredFigure extends Figure {
  readonly name: MeasureName;
}

export function createSeriesSteps(): SeriesSteps {
  let before = new Map<string, Known>();
  return {
    next(sources) {
      const isRead = sources.some(({ reading }) => reading !== undefined);
      const figures = new Map(isRead ? plainCounts.map((zero) => [seriesKey(zero), zero]) : []);
      const histograms = new Map<MeasureName, Float64Array>();
      const known = new Map<string, Known>();
      for (const { id, reading } of sources) {
        const last = before.get(id);
        const now = reading === undefined ? last : knownOf(reading);
        if (now !== undefined) known.set(id, now);
        if (reading === undefined || now === undefined) continue;
        for (const [key, figure] of now.figures) addFigure(figures, figure, last?.figures.get(key));
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

/** Counts whose series have no labels: until something is counted, theirs is 0. Those with labels begin when a label occurs. */
const plainCounts = measureNames
  .filter((name) => {
    const { kind, labels } = measureOf(name);
    return labels === undefined && (kind === 'counter' || kind === 'rate');
  })
  .map((name): MeasuredFigure => ({ name, labels: {}, value: 0 }));

/** A reading by the keys of its figures. */
interface Known {
  readonly figures: ReadonlyMap<string, MeasuredFigure>;
  readonly histograms: ReadonlyMap<MeasureName, Float64Array>;
}

function knownOf({ figures, histograms }: Reading): Known {
  const sums = new Map<MeasureName, Float64Array>();
  for (const { name, counts } of histograms) {
    if (!isMeasureName(name)) continue;
    const sum = sums.get(name);
    if (sum === undefined) sums.set(name, counts.slice());
    else addCounts(sum, counts, undefined);
  }
  return {
    figures: new Map(figures.filter(isMeasured).map((figure) => [seriesKey(figure), figure])),
    histograms: sums,
  };
}

function isMeasured(figure: Figure): figure is MeasuredFigure {
  return isMeasureName(figure.name);
}

/** Which series a figure belongs to. */
export function seriesKey({ name, labels }: Pick<Figure, 'name' | 'labels'>): string {
  return JSON.stringify([name, ...Object.values(labels)]);
}

function addFigure(
  sums: Map<string, MeasuredFigure>,
  figure: MeasuredFigure,
  last: Figure | undefined,
): void {
  const { name } = figure;
  const { kind, labels: shown = [] } = measureOf(name);
  const labels = Object.fromEntries(shown.map((label) => [label, figure.labels[label] ?? '']));
  const key = seriesKey({ name, labels });
  const sum = sums.get(key)?.value ?? 0;
  const value =
    kind === 'worst'
      ? Math.max(sum, figure.value)
      : sum +
        (kind === 'gauge' ? figure.value : increase(figure, last)) / (kind === 'rate' ? stepSeconds : 1);
  sums.set(key, { name, labels, value });
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

function quantilesOf([name, counts]: readonly [MeasureName, Float64Array]): readonly MeasuredFigure[] {
  const { quantiles = [] } = measureOf(name);
  return quantiles.flatMap((quantile) => {
    const value = quantileOf(counts, quantile);
    return value === undefined ? [] : [{ name, labels: { quantile: String(quantile) }, value }];
  });
}
