import { type ReactNode, useCallback, useMemo, useState } from 'react';
import type { PageFailure } from '../../api/failure.ts';
import { consoleAddress } from '../../app/route.ts';
import { TimeChart } from '../../elements/charts/time-chart.tsx';
import { ChoiceBar } from '../../elements/choice-bar.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { compactCount, count, money, percent } from '../../elements/format.ts';
import { Tile, Tiles } from '../../elements/tiles.tsx';
import type { ViewProps } from '../console.tsx';
import { useKeyNames } from '../key-names.ts';
import { useResource } from '../resource.ts';
import { CsvButton } from './csv-button.tsx';
import './usage.css';
import { stackedUsage } from './usage-chart.ts';
import {
  chartUnit,
  type Group,
  groups,
  keptInAddress,
  measures,
  periods,
  type UsageView,
  usagePath,
  usageView,
} from './usage-query.ts';
import { readUsageRows, totalOf, type UsageRow } from './usage-rows.ts';
import { UsageTable } from './usage-table.tsx';

const options = { read: readUsageRows } as const;

/** What was used, by whom and for how much. The address keeps all that is chosen. */
export function Usage({ connection, query }: ViewProps): ReactNode {
  const view = usageView(query, Date.now());
  const { group, measure, period, first, last } = view;
  const unit = chartUnit(view);
  const isTime = group.id === 'day' || group.id === 'hour';
  const table = useResource(connection, usagePath(view, [group.id]), options);
  const chart = useResource(connection, usagePath(view, isTime ? [unit] : [unit, group.id]), options);
  const names = useKeyNames(connection);
  const [csvFailure, setCsvFailure] = useState<PageFailure>();
  const failure = csvFailure ?? table.failure ?? chart.failure;
  const nameOf = useCallback(
    (value: string | null): string => nameOfValue(group, value, names),
    [group, names],
  );
  const bars = useMemo(
    () =>
      stackedUsage(chart.value ?? [], {
        ...{ first, last, unit, nameOf, measure: measure.id },
        column: isTime ? undefined : group.column,
      }),
    [chart.value, first, last, unit, nameOf, measure, isTime, group],
  );
  const total = totalOf(table.value ?? []);
  const tokens = total.promptTokens + total.completionTokens;
  const change = (next: Partial<UsageView>): void => {
    setCsvFailure(undefined);
    window.location.hash = consoleAddress('usage', keptInAddress({ ...view, ...next }));
  };
  return (
    <>
      <header>
        <h2>Usage</h2>
        <ChoiceBar name="Time" choices={periods} chosen={period} onChoose={(id) => change({ period: id })} />
        {period === 'custom' && <Days view={view} onChange={change} />}
        <span className="apart">
          <CsvButton
            connection={connection}
            path={usagePath(view, [group.id], 'csv')}
            name={`usage-by-${group.id}-${first}-${last}.csv`}
            onFailure={setCsvFailure}
          />
        </span>
      </header>
      {failure !== undefined && <FailureAlert failure={failure} />}
      {table.value !== undefined && (
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
      )}
      <div className="usage-choices">
        <label>
          By{' '}
          <select
            value={group.id}
            onChange={({ target }) => {
              const chosen = groups.find(({ id }) => id === target.value);
              if (chosen !== undefined) change({ group: chosen });
            }}
          >
            {groups.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <ChoiceBar
          name="Measure"
          choices={measures}
          chosen={measure.id}
          onChoose={(id) => {
            const chosen = measures.find((one) => one.id === id);
            if (chosen !== undefined) change({ measure: chosen });
          }}
        />
      </div>
      {chart.value !== undefined && (
        <TimeChart
          name={`${measure.name} by ${unit}`}
          form="bars"
          atRest="sum"
          isUtc
          timeStep={unit === 'day' ? 86_400 : 3_600}
          height={200}
          times={bars.times}
          series={isTime ? bars.series.map((one) => ({ ...one, name: 'all' })) : bars.series}
          format={measure.id === 'cost' ? money : compactCount}
          formatTime={(seconds) =>
            unit === 'day' ? utcDay(seconds) : `${utcDay(seconds)}, ${utcHour(seconds)}`
          }
          formatTimeAxis={(seconds, step) =>
            step >= 86_400 || seconds % 86_400 === 0 ? utcDay(seconds) : utcHour(seconds)
          }
          empty="Nothing was used in this time."
        />
      )}
      {table.value !== undefined && (
        <UsageTable
          {...{ group, measure, nameOf, rows: table.value }}
          onOpen={filterOf(group) === undefined ? undefined : (row) => openRequests(view, row)}
        />
      )}
    </>
  );
}

function perRequest({ costMicroUsd, requests }: { costMicroUsd: number; requests: number }): string {
  return requests === 0 ? 'no requests' : `${money(Math.round(costMicroUsd / requests))} a request`;
}

function nameOfValue(group: Group, value: string | null, names: ReadonlyMap<string, string>): string {
  if (value === null || value === '') return `no ${group.name.toLowerCase()}`;
  if (group.id === 'key') return names.get(value) ?? value;
  return group.id === 'hour' ? value.replace('T', ' ').slice(0, 16) : value;
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

/** By which filter the requests of a row can be listed. */
function filterOf({ id, column }: Group): string | undefined {
  return id === 'key' || id === 'owner' || id === 'model' || id === 'user' ? column : undefined;
}

function openRequests({ group, first, last }: UsageView, row: UsageRow): void {
  const filter = filterOf(group);
  const value = row.group[group.column];
  if (filter === undefined || value === null || value === undefined) return;
  const { searchParams } = new URL(usagePath({ first, last }, [group.id]), window.location.origin);
  window.location.hash = consoleAddress('requests', {
    [filter]: value,
    since: searchParams.get('since') ?? '',
    until: searchParams.get('until') ?? '',
  });
}

interface DaysProps {
  readonly view: UsageView;
  onChange(days: Partial<UsageView>): void;
}

function Days({ view: { first, last }, onChange }: DaysProps): ReactNode {
  return (
    <span className="usage-days">
      <label>
        From{' '}
        <input
          type="date"
          value={first}
          max={last}
          onChange={({ target: { value } }) => value !== '' && onChange({ first: value })}
        />
      </label>
      <label>
        to{' '}
        <input
          type="date"
          value={last}
          min={first}
          onChange={({ target: { value } }) => value !== '' && onChange({ last: value })}
        />
      </label>
    </span>
  );
}
