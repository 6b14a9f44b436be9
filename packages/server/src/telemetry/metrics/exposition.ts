import { setImmediate as turn } from 'node:timers/promises';
import type { Distribution, Figure, Labels, Reading } from '../contract.ts';
import { countAll, countBelow, sumOf } from '../histogram.ts';
import type { Metric } from './metric.ts';
import { metricNames, metricOf } from './metrics.ts';

/** The text formats that Prometheus reads. */
export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const contentTypes: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Lines that are written in one turn of the event loop: some 2 ms. */
const linesOfATurn = 2_000;

/**
 * A reading as a page for Prometheus: each family that has a value, in the order of `metrics.ts`. A service of hundreds of models has
 * megabytes of it, so it is written in pieces, between which streams have their turn.
 */
export async function writeExposition(reading: Reading, format: ExpositionFormat): Promise<string> {
  const figures = Map.groupBy(reading.figures, ({ name }) => name);
  const histograms = Map.groupBy(reading.histograms, ({ name }) => name);
  const parts: string[] = [];
  let lines = 0;
  for (const name of metricNames) {
    const metric = metricOf(name);
    const isHistogram = metric.type === 'histogram';
    const readings = (isHistogram ? histograms : figures).get(name) ?? [];
    if (readings.length > 0) parts.push(head(metric, format));
    for (const one of readings) {
      parts.push('counts' in one ? buckets(metric, one) : sampleOf(metric, one));
      lines += 1 + (metric.bounds?.length ?? 0);
      if (lines < linesOfATurn) continue;
      lines = 0;
      await turn();
    }
  }
  if (format === 'openmetrics') parts.push('# EOF\n');
  return parts.join('');
}

const units = ['seconds', 'bytes', 'dollars', 'tokens'];

function head({ name, type, help }: Metric, format: ExpositionFormat): string {
  // In OpenMetrics a family of counters has no suffix; its samples have.
  const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  const unit = format === 'openmetrics' ? units.find((one) => family.endsWith(`_${one}`)) : undefined;
  const unitLine = unit === undefined ? '' : `# UNIT ${family} ${unit}\n`;
  return `# HELP ${family} ${escaped(help)}\n# TYPE ${family} ${type}\n${unitLine}`;
}

function sampleOf(metric: Metric, { labels, value }: Figure): string {
  return sample(metric.name, pairsOf(metric, labels), scaled(metric, value));
}

function buckets(metric: Metric, { labels, counts }: Distribution): string {
  const { name, bounds = [] } = metric;
  const own = pairsOf(metric, labels);
  const below = own === '' ? '' : `${own},`;
  const all = countAll(counts);
  let text = '';
  for (const bound of bounds) {
    // Whole values below a bound are at most the one before it; times are cut to whole units, so they are below the bound itself.
    const le = metric.divisor === undefined ? bound - 1 : scaled(metric, bound);
    text += sample(`${name}_bucket`, `${below}le="${le}"`, countBelow(counts, bound));
  }
  return (
    text +
    sample(`${name}_bucket`, `${below}le="+Inf"`, all) +
    sample(`${name}_sum`, own, scaled(metric, sumOf(counts))) +
    sample(`${name}_count`, own, all)
  );
}

function scaled({ divisor = 1 }: Metric, value: number): number {
  return value / divisor;
}

/** The labels as they are written: a target is one name, as in records and the log, and how a request ended is its outcome. */
function pairsOf({ labels = [] }: Metric, given: Labels): string {
  return labels.map((label) => `${label}="${escaped(textOf(label, given)).replaceAll('"', '\\"')}"`).join();
}

function textOf(label: string, given: Labels): string {
  if (label === 'target') return `${given['upstream']}/${given['model']}`;
  if (label === 'outcome') return given['outcome'] ?? given['status'] ?? '';
  return given[label] ?? '';
}

function sample(name: string, pairs: string, value: number): string {
  return pairs === '' ? `${name} ${value}\n` : `${name}{${pairs}} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
