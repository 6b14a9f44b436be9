import type { ReactNode } from 'react';
import type { Connection } from '../../api/connection.ts';
import { consoleAddress } from '../../app/route.ts';
import { TimeChart } from '../../elements/charts/time-chart.tsx';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { count, money } from '../../elements/format.ts';
import { Tile, Tiles } from '../../elements/tiles.tsx';
import { useResource } from '../../signals/use-resource.ts';
import { dayUsesIn, lastDays, type ModelUse, modelUsesIn, sumOf } from './use.ts';

const shownDays = 14;
const refreshMs = 10_000;

/** What a key has done in the last days. */
export function KeyUse({ connection, id }: { connection: Connection; id: string }): ReactNode {
  const path = (group: string): string =>
    `/admin/v1/usage?${new URLSearchParams({ group_by: group, key_id: id, since: `${shownDays}d` })}`;
  const { value, failure } = useResource(connection, path('day'), { read: dayUsesIn, everyMs: refreshMs });
  const models = useResource(connection, path('model'), { read: modelUsesIn, everyMs: refreshMs });
  const days = lastDays(value ?? [], shownDays, Date.now());
  const sum = sumOf(days);
  return (
    <section className="key-use" aria-label="Use">
      <header>
        <h3>Last {shownDays} days</h3>
        <a href={consoleAddress('requests', { key_id: id })}>Its requests</a>
      </header>
      {failure !== undefined && <FailureAlert failure={failure} />}
      {value !== undefined && (
        <>
          <Tiles name="Sums">
            <Tile name="Requests" figure={count(sum.requests)} />
            <Tile name="Prompt tokens" figure={count(sum.prompt_tokens)} />
            <Tile name="Completion tokens" figure={count(sum.completion_tokens)} />
            <Tile name="Cost" figure={money(sum.cost_micro_usd)} />
          </Tiles>
          <TimeChart
            name="Tokens a day"
            times={days.map(({ day }) => Date.parse(day) / 1_000)}
            series={
              sum.requests === 0
                ? []
                : [
                    { name: 'prompt', colour: 1, values: days.map((one) => one.prompt_tokens) },
                    { name: 'completion', colour: 2, values: days.map((one) => one.completion_tokens) },
                  ]
            }
            empty="It was not used in this time."
            form="bars"
            atRest="sum"
            formatTime={dayOf}
            formatTimeAxis={dayOf}
          />
        </>
      )}
      {models.value !== undefined && models.value.length > 0 && (
        <DataTable
          name="Use by model"
          columns={modelColumns}
          rows={models.value}
          keyOf={({ model }) => model}
        />
      )}
    </section>
  );
}

const dayForm = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** `28 Nov`: days are those of UTC, as in the records. */
function dayOf(seconds: number): string {
  return dayForm.format(seconds * 1_000);
}

const modelColumns: readonly Column<ModelUse>[] = [
  { name: 'Model', cell: ({ model }) => model },
  { name: 'Requests', align: 'end', cell: ({ requests }) => count(requests) },
  { name: 'Prompt tokens', align: 'end', cell: ({ prompt_tokens: tokens }) => count(tokens) },
  { name: 'Completion tokens', align: 'end', cell: ({ completion_tokens: tokens }) => count(tokens) },
  { name: 'Cost', align: 'end', cell: ({ cost_micro_usd: cost }) => money(cost) },
];
