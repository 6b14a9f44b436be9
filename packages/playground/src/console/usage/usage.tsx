import { type ReactNode, useState } from 'react';
import type { PageFailure } from '../../api/failure.ts';
import { consoleAddress } from '../../app/route.ts';
import { ChoiceBar } from '../../elements/choice-bar.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { useResource } from '../../signals/use-resource.ts';
import type { ViewProps } from '../console.tsx';
import { useKeyNames } from '../key-names.ts';
import { useLast } from '../use-last.ts';
import { CsvButton } from './csv-button.tsx';
import './usage.css';
import { UsageChart, UsageTotals } from './usage-figures.tsx';
import {
  chartGroups,
  groups,
  keptInAddress,
  measureFor,
  measures,
  periods,
  type UsageView,
  usagePath,
  usageView,
} from './usage-query.ts';
import { readUsageRows, totalOf } from './usage-rows.ts';
import { UsageTable } from './usage-table.tsx';

const options = { read: readUsageRows } as const;

/** What was used, by whom and for how much. The address keeps all that is chosen. */
export function Usage({ connection, query }: ViewProps): ReactNode {
  const asked = usageView(query, Date.now());
  const { group, period, first, last } = asked;
  const sums = useResource(connection, usagePath(asked, [group.id]), options);
  const measure = useLast(sums.value && measureFor(query, totalOf(sums.value)));
  const view = { ...asked, measure: measure ?? asked.measure };
  const course = useResource(connection, usagePath(view, chartGroups(view)), options);
  const names = useKeyNames(connection);
  const [csvFailure, setCsvFailure] = useState<PageFailure>();
  const failure = csvFailure ?? sums.failure ?? course.failure;
  const loaded =
    sums.value && course.value ? { view, names, rows: sums.value, courseRows: course.value } : undefined;
  const before = useLast(loaded);
  // What was asked for before must not stand below a failure as if it were the answer.
  const shown = failure === undefined ? before : loaded;
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
      {shown !== undefined && <UsageTotals {...shown} />}
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
          chosen={measure?.id}
          onChoose={(id) => {
            const chosen = measures.find((one) => one.id === id);
            if (chosen !== undefined) change({ measure: chosen });
          }}
        />
      </div>
      {shown !== undefined && (
        <>
          <UsageChart {...shown} />
          <UsageTable {...shown} />
        </>
      )}
    </>
  );
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
