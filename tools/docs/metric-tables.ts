import {
  type Metric,
  type MetricGroup,
  metricGroups,
} from '../../packages/server/src/telemetry/metrics/metric.ts';
import { metrics } from '../../packages/server/src/telemetry/metrics/metrics.ts';
import { markdownTable } from './markdown-table.ts';

/** The tables of docs/metrics.md: each family once, by the questions that it helps to answer. */
export function metricTables(): string {
  const all: readonly Metric[] = Object.values(metrics);
  return (Object.keys(metricGroups) as readonly MetricGroup[])
    .map((group) => {
      const rows = all.filter((metric) => metric.group === group).map(rowOf);
      return `### ${metricGroups[group]}\n\n${markdownTable(['metric', 'what it is', 'what to do with it'], rows)}`;
    })
    .join('\n');
}

/** The type and the labels stand under the name: columns of their own would leave no room for the texts. */
function rowOf({ name, type, labels = [], help, use }: Metric): readonly string[] {
  const by = labels.length === 0 ? '' : ` by ${labels.map((label) => `\`${label}\``).join(', ')}`;
  return [`\`${name}\` ${type}${by}`, help, use];
}
