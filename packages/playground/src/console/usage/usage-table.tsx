import type { ReactNode } from 'react';
import { consoleAddress } from '../../app/route.ts';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { count, money, percent } from '../../elements/format.ts';
import type { KeyNames } from '../key-names.ts';
import { nameOfValue } from './group-names.ts';
import { measured } from './usage-chart.ts';
import { endOf, type Group, isOfTime, type UsageView } from './usage-query.ts';
import { totalOf, type UsageRow } from './usage-rows.ts';

interface UsageTableProps {
  readonly view: UsageView;
  readonly names: KeyNames;
  readonly rows: readonly UsageRow[];
}

/** The sums of each group. A row leads to its requests, where they can be listed by this group. */
export function UsageTable({ view, names, rows }: UsageTableProps): ReactNode {
  const { group, measure } = view;
  const total = totalOf(rows);
  const whole = measured(total, measure.id);
  const isTime = isOfTime(group);
  const nameOf = (value: string | null): string => nameOfValue(group, value, names);
  const ordered = rows.toSorted((one, other) =>
    isTime
      ? (other.group[group.column] ?? '').localeCompare(one.group[group.column] ?? '')
      : measured(other, measure.id) - measured(one, measure.id),
  );
  const figure = (name: string, of: (row: Omit<UsageRow, 'group'>) => string): Column<UsageRow> => ({
    ...{ name, align: 'end', cell: of, foot: of(total) },
  });
  return (
    <DataTable
      name="Usage"
      rows={ordered}
      keyOf={({ group: values }) => String(values[group.column])}
      {...(filterOf(group) === undefined ? {} : { onOpen: (row: UsageRow) => openRequests(view, row) })}
      empty={
        <>
          <strong>Nothing was used in this time</strong>
          <p>Choose other days, or ask something in the playground: its requests are recorded too.</p>
        </>
      }
      columns={[
        {
          name: isTime ? `${group.name} (UTC)` : group.name,
          maxWidth: '38ch',
          cell: ({ group: values }) => {
            const value = values[group.column] ?? null;
            return <span title={value ?? undefined}>{nameOf(value)}</span>;
          },
          foot: 'Total',
        },
        figure('Requests', ({ requests }) => count(requests)),
        figure('Prompt tokens', ({ promptTokens }) => count(promptTokens)),
        figure('Cached', ({ cachedTokens }) => count(cachedTokens)),
        figure('Completion tokens', ({ completionTokens }) => count(completionTokens)),
        figure('Reasoning', ({ reasoningTokens }) => count(reasoningTokens)),
        figure('Cost', ({ costMicroUsd }) => money(costMicroUsd)),
        {
          name: `Share of ${measure.name.toLowerCase()}`,
          align: 'end',
          cell: (row) => <Share of={whole === 0 ? 0 : measured(row, measure.id) / whole} />,
        },
      ]}
    />
  );
}

function Share({ of }: { readonly of: number }): ReactNode {
  return (
    <span className="share">
      <span className="share-bar" aria-hidden="true">
        <span style={{ width: `${100 * of}%` }} />
      </span>
      <span className="share-text">{percent(of)}</span>
    </span>
  );
}

/** By which filter the requests of a row can be listed. */
function filterOf({ id, column }: Group): string | undefined {
  return id === 'key' || id === 'owner' || id === 'model' || id === 'user' ? column : undefined;
}

function openRequests({ group, first, last }: UsageView, row: UsageRow): void {
  const filter = filterOf(group);
  const value = row.group[group.column];
  if (filter === undefined || value === null || value === undefined) return;
  window.location.hash = consoleAddress('requests', { [filter]: value, since: first, until: endOf(last) });
}
