import { Histogram, type HistogramData } from './histogram.ts';
import type { LoadResult } from './load/load-job.ts';

/** Figures of one measurement by their names, which carry their units; NaN where one is unknown. */
export type Figures = Readonly<Record<string, number>>;

/** One measurement of one proxy. */
export interface Round {
  readonly round: number;
  readonly proxy: string;
  readonly figures: Figures;
}

/** The figures that every measurement has, as they stand in the JSON. */
export function figuresOfResult(result: LoadResult): Record<string, number> {
  const gap = histogramOf([result.gap]);
  const first = histogramOf([result.first]);
  const othersUs = result.machineUs - result.userUs - result.systemUs - result.loadUs - result.upstreamUs;
  const known = result.residentKb > 0;
  const ifKnown = (value: number): number => (known ? value : Number.NaN);
  return {
    events: result.events,
    eventsPerSecond: result.events / result.seconds,
    answers: result.ended,
    cpuUsEvent: ifKnown((result.userUs + result.systemUs) / result.events),
    userUsEvent: ifKnown(result.userUs / result.events),
    gapP50Ms: gap.percentile(0.5) / 1e3,
    gapP99Ms: gap.percentile(0.99) / 1e3,
    gapMaxMs: gap.max / 1e3,
    delayP50Ms: histogramOf([result.delay]).percentile(0.5) / 1e3,
    delayP99Ms: histogramOf([result.delay]).percentile(0.99) / 1e3,
    ttftP50Ms: first.percentile(0.5) / 1e3,
    ttftP99Ms: first.percentile(0.99) / 1e3,
    residentMb: ifKnown(result.residentKb / 1_024),
    peakMb: ifKnown(result.peakKb / 1_024),
    bytesEvent: result.bytes / result.events,
    loadUsEvent: result.loadUs / result.events,
    upstreamUsEvent: result.upstreamUs / result.events,
    // Of one core. Ticks of 10 ms do not sum up exactly.
    othersPercent: ifKnown(Math.max(0, othersUs) / result.seconds / 1e4),
    stolenPercent: result.stolenUs / result.seconds / 1e4,
  };
}

export function histogramOf(data: readonly HistogramData[]): Histogram {
  const histogram = new Histogram();
  for (const each of data) histogram.add(each);
  return histogram;
}

export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

/** The median of each figure over the rounds of each proxy, in the order of their first rounds. */
export function mediansOf(rounds: readonly Round[]): Map<string, Figures> {
  const medians = new Map<string, Figures>();
  for (const proxy of new Set(rounds.map((each) => each.proxy))) {
    const own = rounds.filter((each) => each.proxy === proxy).map(({ figures }) => figures);
    const names = Object.keys(own[0] ?? {});
    medians.set(
      proxy,
      Object.fromEntries(names.map((name) => [name, median(own.map((each) => each[name] ?? Number.NaN))])),
    );
  }
  return medians;
}
