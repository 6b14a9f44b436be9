import { chartColourAt } from '../../elements/charts/chart-colours.ts';
import type { ChartSeries } from '../../elements/charts/chart-series.ts';
import { endOf, type Measure, type UsageView } from './usage-query.ts';
import type { UsageRow, UsageSums } from './usage-rows.ts';

/** How much of a row a measure shows. */
export function measured(row: UsageSums, measure: Measure['id']): number {
  switch (measure) {
    case 'cost':
      return row.costMicroUsd;
    case 'tokens':
      return row.promptTokens + row.completionTokens;
    case 'requests':
      return row.requests;
  }
}

interface StackedUsage {
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
}

/** So many groups have a colour of their own; the rest share the last one. */
const mostShown = 7;

interface StackedBy extends Pick<UsageView, 'first' | 'last'> {
  readonly unit: 'day' | 'hour';
  /** The name of a group's values in the rows; undefined: one series of all. */
  readonly column: string | undefined;
  readonly measure: Measure['id'];
  /** How a value of the group is called. */
  nameOf(value: string | null): string;
}

/** Bars over all days or hours of the time, also those without a request, each of the groups with the most above all. */
export function stackedUsage(rows: readonly UsageRow[], by: StackedBy): StackedUsage {
  const { unit, column, measure } = by;
  const times = timesOf(by);
  const places = new Map(times.map((time, at) => [time, at]));
  const groups = Map.groupBy(rows, (row) => (column === undefined ? '' : (row.group[column] ?? null)));
  const all = [...groups]
    .map(([value, own]) => {
      const values = times.map(() => 0);
      for (const row of own) {
        const at = places.get(Date.parse(row.group[unit] ?? '') / 1_000);
        if (at !== undefined) values[at] = (values[at] ?? 0) + measured(row, measure);
      }
      return { value, values, amount: own.reduce((sum, row) => sum + measured(row, measure), 0) };
    })
    .filter(({ amount }) => amount > 0)
    .toSorted((one, other) => other.amount - one.amount);
  const shown = all.slice(0, all.length > mostShown + 1 ? mostShown : all.length);
  const rest = all.slice(shown.length);
  const series: ChartSeries[] = shown.map(({ value, values }, index) => ({
    name: by.nameOf(value),
    colour: chartColourAt(index),
    values,
  }));
  if (rest.length > 0) {
    const values = times.map((_, at) => rest.reduce((sum, one) => sum + (one.values[at] ?? 0), 0));
    series.push({ name: `${rest.length} others`, colour: 8, values });
  }
  return { times, series };
}

/** The beginnings of all days or hours, in Unix seconds. */
function timesOf({ first, last, unit }: Pick<StackedBy, 'first' | 'last' | 'unit'>): readonly number[] {
  const [from, to] = [Date.parse(first) / 1_000, Date.parse(endOf(last)) / 1_000];
  const step = unit === 'day' ? 86_400 : 3_600;
  return Array.from({ length: Math.round((to - from) / step) }, (_, at) => from + at * step);
}
