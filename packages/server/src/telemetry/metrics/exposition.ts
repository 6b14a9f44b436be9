import { setImmediate as turn } from 'node:timers/promises';
import type { Labels, Reading } from '../contract.ts';
import { countAll, countBelow, sumOf } from '../histogram.ts';
import type { Metric } from './metric.ts';
import { metricNames, metricOf } from './metrics.ts';

/** The text formats that Prometheus reads. */
export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const contentTypes: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * A reading as a page for Prometheus: each family that has a value, in the order of `metrics.ts`. A service of hundreds of models has
 * megabytes of it, so each family is written in a turn of its own.
 */
export async function writeExposition(reading: Reading, format: ExpositionFormat): Promise<string> {
  const parts: string[] = [];
  for (const name of metricNames) {
    const metric = metricOf(name);
    const samples =
      metric.type === 'histogram'
        ? reading.histograms.filter((one) => one.name === name).map((one) => buckets(metric, one))
        : reading.figures
            .filter((one) => one.name === name)
            .map(({ labels, value }) => sample(metric.name, labelsOf(metric, labels), scaled(metric, value)));
    if (samples.length === 0) continue;
    parts.push(head(metric, format), ...samples);
    await turn();
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

function buckets(metric: Metric, { labels, counts }: Reading['histograms'][number]): string {
  const { name, bounds = [] } = metric;
  const own = labelsOf(metric, labels);
  const all = countAll(counts);
  const lines = bounds.map((bound) => {
    // Whole values below a bound are at most the one before it; times are cut to whole units, so they are below the bound itself.
    const le = metric.divisor === undefined ? bound - 1 : scaled(metric, bound);
    return sample(`${name}_bucket`, [...own, ['le', String(le)]], countBelow(counts, bound));
  });
  return [
    ...lines,
    sample(`${name}_bucket`, [...own, ['le', '+Inf']], all),
    sample(`${name}_sum`, own, scaled(metric, sumOf(counts))),
    sample(`${name}_count`, own, all),
  ].join('');
}

function scaled({ divisor = 1 }: Metric, value: number): number {
  return value / divisor;
}

type Pairs = readonly (readonly [name: string, value: string])[];

/** The labels as they are written: a target is one name, as in records and the log, and how a request ended is its outcome. */
function labelsOf({ labels = [] }: Metric, given: Labels): Pairs {
  return labels.map((label) => {
    if (label === 'target') return [label, `${given['upstream']}/${given['model']}`];
    if (label === 'outcome') return [label, given['outcome'] ?? given['status'] ?? ''];
    return [label, given[label] ?? ''];
  });
}

function sample(name: string, labels: Pairs, value: number): string {
  const pairs = labels.map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join()}}`} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
