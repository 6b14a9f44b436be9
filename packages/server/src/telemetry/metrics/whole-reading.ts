import type { Distribution, Figure, Reading } from '../contract.ts';
import { type SeriesSource, seriesKey } from '../series/series-steps.ts';
import { type FigureName, isMetricName, metricOf } from './metrics.ts';

/** Joins the readings of all processes of a service to one. */
export interface WholeReading {
  /**
   * `sources`: all processes that live. What a process has counted until its last reading stays in the counts when it has ended:
   * otherwise every counter would fall, which Prometheus takes for a restart, and it would count all others a second time.
   */
  next(sources: readonly SeriesSource[]): Reading;
}

export function createWholeReading(): WholeReading {
  let known = new Map<string, Reading>();
  /** The counts of processes that have ended. */
  let ended: Reading = noReading;
  return {
    next(sources) {
      const next = new Map<string, Reading>();
      for (const { id, reading } of sources) {
        // One that does not answer now has the counts of its last reading.
        const latest = reading ?? known.get(id);
        if (latest !== undefined) next.set(id, latest);
      }
      const gone = [...known].filter(([id]) => !next.has(id)).map(([, reading]) => countsOf(reading));
      if (gone.length > 0) ended = joinReadings([ended, ...gone]);
      known = next;
      return joinReadings([ofKnownTargets(ended, [...next.values()]), ...next.values()]);
    },
  };
}

export const noReading: Reading = { figures: [], histograms: [] };

/** Adds up what has the same name and labels. */
export function joinReadings(readings: readonly Reading[]): Reading {
  const figures = new Map<string, Figure>();
  const histograms = new Map<string, Distribution>();
  for (const reading of readings) {
    for (const figure of reading.figures) {
      const key = seriesKey(figure);
      const before = figures.get(key);
      figures.set(key, before === undefined ? figure : { ...figure, value: together(before, figure) });
    }
    for (const one of reading.histograms) {
      const key = seriesKey(one);
      const sum = histograms.get(key)?.counts;
      histograms.set(key, { ...one, counts: sum === undefined ? one.counts : added(sum, one.counts) });
    }
  }
  return { figures: [...figures.values()], histograms: [...histograms.values()] };
}

function together({ name, value }: Figure, other: Figure): number {
  const rule = isMetricName(name) ? metricOf(name).together : undefined;
  if (rule === 'largest') return Math.max(value, other.value);
  return rule === 'smallest' ? Math.min(value, other.value) : value + other.value;
}

function added(counts: Float64Array, more: Float64Array): Float64Array {
  return counts.map((count, place) => count + (more[place] ?? 0));
}

/** Without what shows how things are now, and without what belongs to one process by name. */
function countsOf({ figures, histograms }: Reading): Reading {
  return {
    figures: figures.filter(({ name, labels }) => isCount(name) && labels['process'] === undefined),
    histograms,
  };
}

function isCount(name: FigureName): boolean {
  return isMetricName(name) && metricOf(name).type === 'counter';
}

/** A reload may have taken a target away: it must not come back with the counts of a process that has ended. */
function ofKnownTargets({ figures, histograms }: Reading, living: readonly Reading[]): Reading {
  const targets = new Set(
    living.flatMap((reading) => reading.figures.flatMap(({ labels }) => targetOf(labels) ?? [])),
  );
  const isKnown = ({ labels }: Pick<Figure, 'labels'>) => {
    const target = targetOf(labels);
    return target === undefined || targets.has(target);
  };
  return { figures: figures.filter(isKnown), histograms: histograms.filter(isKnown) };
}

function targetOf({ upstream, model }: Figure['labels']): string | undefined {
  return upstream === undefined ? undefined : JSON.stringify([upstream, model]);
}
