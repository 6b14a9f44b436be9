import type { ReactNode } from 'react';
import { consoleAddress, playgroundAddress } from '../../app/route.ts';
import { ChoiceBar } from '../../elements/choice-bar.tsx';
import { CopyButton } from '../../elements/copy-button.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { useResource } from '../../signals/use-resource.ts';
import type { ViewProps } from '../console.tsx';
import { readUsageRows, totalOf } from '../usage/usage-rows.ts';
import { useFirst } from '../use-first.ts';
import { useLast } from '../use-last.ts';
import './overview.css';
import { chartNames, OverviewCharts } from './overview-charts.tsx';
import { OverviewTiles } from './overview-tiles.tsx';
import { firstRange, rangeCalled, ranges } from './range.ts';
import { readSeries, sumOf } from './series-answer.ts';
import { historyNames } from './target-history.ts';
import { historyStep, Targets } from './targets.tsx';

const everyMs = 10_000;
const series = { read: readSeries, everyMs } as const;
const usage = { read: readUsageRows, everyMs } as const;

const nowNames = [
  'streams_live',
  'completion_tokens',
  'prompt_tokens',
  'engine_running',
  'engine_queue',
  'memory',
  'target_breaker',
];

function seriesPath(names: readonly string[], since: string, step: string): string {
  return `/admin/v1/series?names=${names.join()}&since=${since}&step=${step}`;
}

const nowPath = seriesPath(nowNames, '1m', '10s');
/** `memory` has a value from the start on, so it tells how long the server has run. */
const dayPath = seriesPath(['requests_started', 'memory', ...historyNames], '24h', historyStep.text);

export function Overview({ connection, query }: ViewProps): ReactNode {
  const day = useResource(connection, dayPath, series);
  const first = useFirst(day.value && firstRange(day.value));
  const range = rangeCalled(query.get('range')) ?? first;
  const asked = useResource(connection, range && seriesPath(chartNames, range.id, range.step), series);
  const shown = useLast(asked.value && range && { range, answer: asked.value });
  const now = useResource(connection, nowPath, series);
  // Days of spend and budgets are those of UTC.
  const today = useResource(connection, `/admin/v1/usage?since=${utcDay(Date.now())}`, usage);
  const inDay = useResource(connection, '/admin/v1/usage?since=24h', usage);
  const failure = asked.failure ?? day.failure ?? now.failure;
  const isIdle = day.value !== undefined && sumOf(day.value, 'requests_started') === 0;
  return (
    <>
      <header>
        <h2>Overview</h2>
        <ChoiceBar
          name="Range"
          choices={ranges}
          chosen={range?.id}
          onChoose={(id) => {
            window.location.hash = consoleAddress('overview', { range: id });
          }}
        />
      </header>
      {failure !== undefined && <FailureAlert failure={failure} />}
      <OverviewTiles
        answer={shown?.answer}
        now={now.value}
        spentToday={today.value && totalOf(today.value).costMicroUsd}
        spentInDay={inDay.value && totalOf(inDay.value).costMicroUsd}
      />
      {isIdle ? (
        <Idle />
      ) : (
        <>
          {shown !== undefined && <OverviewCharts {...shown} />}
          {day.value !== undefined && <Targets day={day.value} now={now.value} />}
        </>
      )}
    </>
  );
}

function utcDay(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function Idle(): ReactNode {
  const command = `curl ${window.location.origin}/v1/chat/completions -H "Authorization: Bearer $TAILRACE_API_KEY" -H 'Content-Type: application/json' -d '{"model": "default", "stream": true, "messages": [{"role": "user", "content": "Say hello."}]}'`;
  return (
    <section className="idle" aria-labelledby="idle-name">
      <h3 id="idle-name">No requests in the last 24 hours</h3>
      <p>
        This page counts since the server was started, in steps of ten seconds. Ask something in the{' '}
        <a href={playgroundAddress}>Playground</a>, or from a terminal, and see it here:
      </p>
      <figure className="code-block">
        <figcaption>
          curl
          <CopyButton text={command} />
        </figcaption>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line scrolls, also by keyboard. */}
        <pre tabIndex={0}>
          <code>{command}</code>
        </pre>
      </figure>
    </section>
  );
}
