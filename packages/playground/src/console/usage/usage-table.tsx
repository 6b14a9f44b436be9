import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { count, money, percent } from '../../elements/format.ts';
import { measured } from './usage-chart.ts';
import type { Group, Measure } from './usage-query.ts';
import { totalOf, type UsageRow } from './usage-rows.ts';

interface UsageTableProps {
  readonly group: Group;
  readonly measure: Measure;
  readonly rows: readonly UsageRow[];
  nameOf(value: string | null): string;
  /** Shows the requests of a row; undefined where they cannot be listed by this group. */
  readonly onOpen: ((row: UsageRow) => void) | undefined;
}

export function UsageTable({ group, measure, rows, nameOf, onOpen }: UsageTableProps): ReactNode {
  const total = totalOf(rows);
  const whole = measured(total, measure.id);
  const isTime = group.id === 'day' || group.id === 'hour';
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
      {...(onOpen === undefined ? {} : { onOpen })}
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
