import { type ReactNode, useMemo } from 'react';
import { TimeChart } from '../../elements/charts/time-chart.tsx';
import { compactCount, count, money, percent } from '../../elements/format.ts';
import { Tile, Tiles } from '../../elements/tiles.tsx';
import type { KeyNames } from '../key-names.ts';
import { nameOfValue } from './group-names.ts';
import { stackedUsage } from './usage-chart.ts';
import { chartUnit, isOfTime, type UsageView } from './usage-query.ts';
import { totalOf, type UsageRow } from './usage-rows.ts';

interface UsageTotalsProps {
  readonly view: UsageView;
  readonly rows: readonly UsageRow[];
}

export function UsageTotals({ view: { first, last }, rows }: UsageTotalsProps): ReactNode {
  const total = totalOf(rows);
  const tokens = total.promptTokens + total.completionTokens;
  return (
    <Tiles name="Totals">
      <Tile name="Cost" figure={money(total.costMicroUsd)} note={perRequest(total)} />
      <Tile
        name="Requests"
        figure={count(total.requests)}
        note={first === last ? `${dayName(first)}, UTC` : `${dayName(first)} to ${dayName(last)}, UTC`}
      />
      <Tile
        name="Prompt tokens"
        figure={compactCount(total.promptTokens)}
        note={`${percent(total.promptTokens === 0 ? 0 : total.cachedTokens / total.promptTokens)} cached`}
      />
      <Tile
        name="Completion tokens"
        figure={compactCount(total.completionTokens)}
        note={`${compactCount(tokens)} tokens in all`}
      />
    </Tiles>
  );
}

interface UsageChartProps {
  readonly view: UsageView;
  readonly names: KeyNames;
  /** By day or hour, and by the group. */
  readonly courseRows: readonly UsageRow[];
}

export function UsageChart({ view, names, courseRows }: UsageChartProps): ReactNode {
  const { group, measure, first, last } = view;
  const unit = chartUnit(view);
  const bars = useMemo(
    () =>
      stackedUsage(courseRows, {
        ...{ first, last, unit, measure: measure.id },
        column: isOfTime(group) ? undefined : group.column,
        nameOf: (value) => (isOfTime(group) ? 'all' : nameOfValue(group, value, names)),
      }),
    [courseRows, first, last, unit, measure, group, names],
  );
  return (
    <TimeChart
      name={`${measure.name} by ${unit}`}
      form="bars"
      atRest="sum"
      isUtc
      timeStep={unit === 'day' ? 86_400 : 3_600}
      height={200}
      times={bars.times}
      series={bars.series}
      format={measure.id === 'cost' ? money : compactCount}
      formatTime={(seconds) => (unit === 'day' ? utcDay(seconds) : `${utcDay(seconds)}, ${utcHour(seconds)}`)}
      formatTimeAxis={(seconds, step) =>
        step >= 86_400 || seconds % 86_400 === 0 ? utcDay(seconds) : utcHour(seconds)
      }
      empty={
        measure.id === 'cost' && courseRows.length > 0
          ? 'Nothing was charged: what was used in this time has no price.'
          : 'Nothing was used in this time.'
      }
    />
  );
}

function perRequest({ costMicroUsd, requests }: { costMicroUsd: number; requests: number }): string {
  return requests === 0 ? 'no requests' : `${money(Math.round(costMicroUsd / requests))} a request`;
}

const dayForm = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const hourForm = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });

function dayName(day: string): string {
  return utcDay(Date.parse(day) / 1_000);
}

function utcDay(seconds: number): string {
  return dayForm.format(seconds * 1_000);
}

function utcHour(seconds: number): string {
  return hourForm.format(seconds * 1_000);
}
