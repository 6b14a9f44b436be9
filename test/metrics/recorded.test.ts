import { mkdirSync, readFileSync } from 'node:fs';
import { errorCodes, errorKind } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseYaml } from '../../packages/server/src/config/parse-yaml.ts';
import { metricNames, metricOf } from '../../packages/server/src/telemetry/metrics/metrics.ts';
import { panels } from '../../tools/docs/board.ts';
import type { ServiceInstance } from '../../tools/services/instance.ts';
import { startPrometheus } from '../../tools/services/prometheus.ts';
import { createScratch } from '../support/scratch.ts';
import { type RecordedService, recordIllService } from './ill-service.ts';
import { prometheusPrograms, promtool, withoutPrometheus } from './promtool.ts';
import { beginsAt, inputSeries, openMetrics, stepSeconds } from './recording.ts';

/*
 * Metrics, alerts and board against what a real server has recorded while its upstreams, its clients, its database and itself
 * failed. promtool and Prometheus are the judges.
 */

const alertsFile = new URL('../../deploy/prometheus/alerts.yaml', import.meta.url).pathname;

describe.skipIf(withoutPrometheus !== undefined)(
  `recorded metrics (${withoutPrometheus ?? 'Prometheus'})`,
  () => {
    const scratch = createScratch('metrics');
    let recorded: RecordedService;
    beforeAll(async () => {
      recorded = await recordIllService();
    });
    afterAll(() => scratch.remove());

    test('promtool finds no fault with the metrics', async () => {
      const { code, output } = await promtool(['check', 'metrics'], recorded.recording.lastText);
      expect([code, output]).toEqual([0, '']);
    });

    test('every metric has been recorded', () => {
      const names = new Set(
        Array.from(recorded.recording.series.keys(), (series) => series.replace(/\{.*/, '')),
      );
      const missing = metricNames
        .map(metricOf)
        .filter(({ name, type }) => !names.has(type === 'histogram' ? `${name}_count` : name));
      expect(missing.map(({ name }) => name)).toEqual([]);
    });

    test('in each phase exactly those alerts fire that fit to it', async () => {
      const { recording, phases } = recorded;
      // A busy machine is slow, and the alerts that say so are right.
      const ofTheMachine = 'TailraceLoopLate|TailraceOverhead|TailraceSlowFirstToken';
      const firing = `group by (alertname) (ALERTS{alertstate="firing", alertname!~"${ofTheMachine}"})`;
      const cases = phases.map(({ endsAfter, firing: names }) => ({
        expr: firing,
        eval_time: `${(endsAfter - 1) * stepSeconds}s`,
        exp_samples: names.toSorted().map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
      }));
      const file = scratch.write(
        'alerts-test.yaml',
        JSON.stringify({
          rule_files: [alertsFile],
          evaluation_interval: `${stepSeconds}s`,
          tests: [
            { interval: `${stepSeconds}s`, input_series: inputSeries(recording), promql_expr_test: cases },
          ],
        }),
      );
      const { code, output } = await promtool(['test', 'rules', file]);
      expect([code, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
    });

    test('of each other alert it is known why this recording does not provoke it', () => {
      const provoked = new Set(recorded.phases.flatMap(({ firing }) => firing));
      const others = alerts()
        .map(({ alert }) => alert)
        .filter((alert) => !provoked.has(alert));
      expect(others).toEqual(Object.keys(notProvoked));
    });

    describe('in Prometheus', () => {
      let prometheus: ServiceInstance;
      beforeAll(async () => {
        if (prometheusPrograms === undefined) return;
        const blocks = `${scratch.path}/blocks`;
        mkdirSync(blocks);
        const file = scratch.write('recorded.txt', openMetrics(recorded.recording));
        const made = await promtool(['tsdb', 'create-blocks-from', 'openmetrics', file, blocks]);
        expect([made.code, made.output]).toEqual([0, expect.any(String)]);
        prometheus = await startPrometheus(prometheusPrograms, blocks);
      });
      afterAll(() => prometheus.remove());

      /** How many values the expression has over the whole recording; not-a-number, as of a quotient without requests, is none. */
      async function valuesOf(expr: string): Promise<number> {
        const lastAt = beginsAt + recorded.recording.scrapes * stepSeconds;
        const query = new URLSearchParams({
          query: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
          ...{ start: String(beginsAt), end: String(lastAt), step: String(stepSeconds) },
        });
        const answer = await fetch(`${prometheus.url}/api/v1/query_range?${query}`);
        const { status, error, data } = (await answer.json()) as {
          readonly status: string;
          readonly error?: string;
          readonly data?: {
            readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[];
          };
        };
        if (status !== 'success') throw new Error(`${expr}: ${error}`);
        return (data?.result ?? []).flatMap(({ values }) => values).filter(([, value]) => value !== 'NaN')
          .length;
      }

      test.each(
        panels.flatMap(({ title, series }) =>
          Object.entries(series).map(([legend, expr]) => [title, legend, expr]),
        ),
      )('the board shows values: %s, %s', async (_title, _legend, expr) => {
        expect(await valuesOf(expr)).toBeGreaterThan(0);
      });

      test.each(alerts().map(({ alert, expr }) => [alert, expr]))(
        'what %s compares has values',
        async (_alert, expr) => {
          // Without its comparison, each side of `or` by itself.
          for (const side of expr.split(' or ')) {
            const compared = side.replace(/\s(?:==|>) [\d.]+\s*$/, '');
            expect(compared).not.toBe(side);
            expect(await valuesOf(compared)).toBeGreaterThan(0);
          }
        },
      );
    });
  },
);

/** They compare values that the recording has, and do not fire in it. */
const notProvoked: Readonly<Record<string, string>> = {
  TailraceSlowFirstToken: 'a first token after more than ten seconds takes ten seconds',
  TailraceOverhead: 'it takes a machine that has too much to do',
  TailraceEngineDown: 'an engine that crashes is up again after a moment',
  TailraceEngineQueue: 'it takes a queue at each of many scrapes',
  TailraceSpoolFills: 'the smallest spool takes long to fill',
  TailraceRedisAway: 'this service has none; test/ledger and test/replicas take Redis away',
  TailraceLoopLate: 'it takes a machine that has too much to do',
  TailraceRestarts: 'three starts of the server take ten seconds',
};

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

function alerts(): readonly Alert[] {
  const { document } = parseYaml(readFileSync(alertsFile, 'utf8'), new Set(), () => {});
  const file = document?.toJS() as { readonly groups: readonly { rules: readonly Alert[] }[] } | undefined;
  return (file?.groups ?? []).flatMap(({ rules }) => rules);
}

test('each alert has its paragraph on the page', () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const headings = [...page.matchAll(/^#### (\w+)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(alerts().map(({ alert }) => alert));
  expect(alerts().map(({ annotations }) => annotations.runbook_url)).toEqual(
    headings.map((heading) => `/docs/metrics.md#${heading?.toLowerCase()}`),
  );
});

test('requests that fail are those with a code of the server, not of the client', () => {
  const expr = alerts().find(({ alert }) => alert === 'TailraceRequestsFail')?.expr ?? '';
  const codes = new RegExp(`^(?:${/code=~"([^"]+)"/.exec(expr)?.[1]})$`);
  for (const code of errorCodes)
    expect([code, codes.test(code)]).toEqual([code, errorKind(code).status >= 500]);
});
