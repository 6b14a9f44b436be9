import { type MetricGroup, metricGroups } from '../../packages/server/src/telemetry/metrics/metric.ts';

/* The board for Grafana, deploy/grafana/tailrace.json: its rows are the questions of docs/metrics.md, in their order. */

type Unit = 's' | 'bytes' | 'percentunit' | 'reqps' | 'currencyUSD' | 'short' | 'dtdurations';

interface Panel {
  readonly title: string;
  readonly group: MetricGroup;
  readonly unit: Unit;
  /** The expressions by the legends of their series. */
  readonly series: Readonly<Record<string, string>>;
}

const job = 'job="tailrace", instance=~"$instance"';

/** The sum of the rates of a counter. */
function rate(counter: string, by = '', labels = ''): string {
  return `sum${by === '' ? '' : ` by (${by})`} (rate(${counter}{${job}${labels}}[$__rate_interval]))`;
}

function quantile(share: number, histogram: string, by = ''): string {
  const labels = by === '' ? 'le' : `${by}, le`;
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${histogram}_bucket{${job}}[$__rate_interval])))`;
}

const quantiles = (histogram: string) => ({
  p50: quantile(0.5, histogram),
  p95: quantile(0.95, histogram),
  p99: quantile(0.99, histogram),
});

const mean = (histogram: string) => `${rate(`${histogram}_sum`)} / ${rate(`${histogram}_count`)}`;

const gauge = (name: string, by = '') => `sum${by === '' ? '' : ` by (${by})`} (${name}{${job}})`;

export const panels: readonly Panel[] = [
  {
    ...{ group: 'served', title: 'Requests that fail or break off', unit: 'percentunit' },
    series: {
      failed: `${rate('tailrace_requests_total', '', ', outcome="failed"')} / ${rate('tailrace_requests_total')}`,
      cut: `${rate('tailrace_requests_total', '', ', outcome="cut"')} / ${rate('tailrace_requests_total')}`,
    },
  },
  {
    ...{ group: 'served', title: 'Requests by outcome', unit: 'reqps' },
    series: { '{{outcome}}': rate('tailrace_requests_total', 'outcome') },
  },
  {
    ...{ group: 'served', title: 'Errors by code', unit: 'reqps' },
    series: { '{{code}}': rate('tailrace_request_errors_total', 'code') },
  },
  {
    ...{ group: 'served', title: 'Streams that run', unit: 'short' },
    series: { running: gauge('tailrace_streams_live'), 'may run': gauge('tailrace_streams_limit') },
  },
  {
    ...{ group: 'served', title: 'Answers by route and status', unit: 'reqps' },
    series: { '{{route}} {{status}}': rate('tailrace_http_requests_total', 'route, status') },
  },
  {
    ...{ group: 'served', title: 'Servers that answer', unit: 'short' },
    series: { answering: `sum(up{${job}})`, known: `count(up{${job}})` },
  },
  {
    ...{ group: 'speed', title: 'Time to the first token', unit: 's' },
    series: quantiles('tailrace_ttft_seconds'),
  },
  {
    ...{ group: 'speed', title: 'Time to the first token by model (p95)', unit: 's' },
    series: { '{{model}}': quantile(0.95, 'tailrace_ttft_seconds', 'model') },
  },
  {
    ...{ group: 'speed', title: 'Gaps between events', unit: 's' },
    series: quantiles('tailrace_event_gap_seconds'),
  },
  {
    ...{ group: 'speed', title: 'Overhead: what this server adds', unit: 's' },
    series: quantiles('tailrace_overhead_seconds'),
  },
  {
    ...{ group: 'speed', title: 'Length of requests', unit: 's' },
    series: quantiles('tailrace_request_duration_seconds'),
  },
  {
    ...{ group: 'targets', title: 'Breakers (1: tries again, 2: open)', unit: 'short' },
    series: { '{{target}}': `max by (target) (tailrace_target_breaker_state{${job}})` },
  },
  {
    ...{ group: 'targets', title: 'Failures by target and code', unit: 'reqps' },
    series: { '{{target}} {{code}}': rate('tailrace_attempt_failures_total', 'target, code') },
  },
  {
    ...{ group: 'targets', title: 'First output by target (p95)', unit: 's' },
    series: { '{{target}}': quantile(0.95, 'tailrace_target_first_output_seconds', 'target') },
  },
  {
    ...{ group: 'targets', title: 'Requests under way by target', unit: 'short' },
    series: { '{{target}}': gauge('tailrace_target_requests_in_flight', 'target') },
  },
  {
    ...{ group: 'targets', title: 'Failovers, hedges and takeovers', unit: 'reqps' },
    series: { '{{mode}} {{outcome}}': rate('tailrace_attempts_total', 'mode, outcome', ', mode!="first"') },
  },
  {
    ...{ group: 'limits', title: 'Refused by limits and budgets', unit: 'reqps' },
    series: { '{{result}}': rate('tailrace_admissions_total', 'result', ', result!="admitted"') },
  },
  {
    ...{ group: 'limits', title: 'Dollars an hour by model', unit: 'currencyUSD' },
    series: { '{{model}}': `3600 * ${rate('tailrace_spend_dollars_total', 'model')}` },
  },
  {
    ...{ group: 'limits', title: 'Tokens a second', unit: 'short' },
    series: {
      prompts: rate('tailrace_prompt_tokens_total'),
      cached: rate('tailrace_cached_tokens_total'),
      answers: rate('tailrace_completion_tokens_total'),
      thoughts: rate('tailrace_reasoning_tokens_total'),
    },
  },
  {
    ...{ group: 'limits', title: 'Decision on a request', unit: 's' },
    series: quantiles('tailrace_admission_seconds'),
  },
  {
    ...{ group: 'engine', title: 'Requests of the engine', unit: 'short' },
    series: {
      running: gauge('tailrace_engine_requests_running'),
      waiting: gauge('tailrace_engine_queue_length'),
      sequences: gauge('tailrace_engine_sequences'),
      up: gauge('tailrace_engine_up'),
    },
  },
  {
    ...{ group: 'engine', title: 'Wait for a sequence', unit: 's' },
    series: quantiles('tailrace_engine_queue_wait_seconds'),
  },
  {
    ...{ group: 'engine', title: 'Batch size (mean)', unit: 'short' },
    series: { sequences: mean('tailrace_engine_batch_sequences') },
  },
  {
    ...{ group: 'engine', title: 'Cache and contexts in use', unit: 'percentunit' },
    series: {
      'prompts from the cache': `${rate('tailrace_engine_prompt_tokens_total', '', ', source="cached"')} / ${rate('tailrace_engine_prompt_tokens_total')}`,
      contexts: `${gauge('tailrace_engine_context_tokens')} / ${gauge('tailrace_engine_context_limit_tokens')}`,
    },
  },
  {
    ...{ group: 'engine', title: 'Process of the engine: cores, starts', unit: 'short' },
    series: {
      cores: rate('tailrace_engine_cpu_seconds_total'),
      'starts in an hour': `sum(increase(tailrace_engine_starts_total{${job}}[1h]))`,
    },
  },
  {
    ...{ group: 'storage', title: 'Stores that answer', unit: 'short' },
    series: {
      records: `min(tailrace_storage_up{${job}})`,
      limits: `min(tailrace_limiter_up{${job}})`,
      streams: `min(tailrace_journal_up{${job}})`,
    },
  },
  {
    ...{ group: 'storage', title: 'Writes of the store', unit: 's' },
    series: quantiles('tailrace_storage_write_seconds'),
  },
  {
    ...{ group: 'storage', title: 'Decisions of the limiter', unit: 's' },
    series: quantiles('tailrace_limiter_seconds'),
  },
  {
    ...{ group: 'storage', title: 'Spool and kept streams', unit: 'bytes' },
    series: {
      spool: gauge('tailrace_spool_bytes'),
      'spool: bound': gauge('tailrace_spool_limit_bytes'),
      streams: gauge('tailrace_journal_bytes'),
      'streams: bound': gauge('tailrace_journal_limit_bytes'),
    },
  },
  {
    ...{ group: 'storage', title: 'Kept streams, and who comes back', unit: 'short' },
    series: {
      '{{state}}': gauge('tailrace_journal_streams', 'state'),
      'back by {{way}} (a second)': rate('tailrace_resumes_total', 'way'),
      'evicted {{what}} (a second)': rate('tailrace_journal_evictions_total', 'what'),
    },
  },
  {
    ...{ group: 'process', title: 'Delay of event loops', unit: 's' },
    series: quantiles('tailrace_event_loop_delay_seconds'),
  },
  {
    ...{ group: 'process', title: 'Cores', unit: 'short' },
    series: { '{{instance}} {{process}}': rate('tailrace_process_cpu_seconds_total', 'instance, process') },
  },
  {
    ...{ group: 'process', title: 'Memory', unit: 'bytes' },
    series: {
      '{{instance}} {{process}}': gauge('tailrace_process_resident_memory_bytes', 'instance, process'),
      '{{instance}} {{process}}: heap': gauge('tailrace_process_heap_used_bytes', 'instance, process'),
      '{{instance}} engine': gauge('tailrace_engine_resident_memory_bytes', 'instance'),
    },
  },
  {
    ...{ group: 'process', title: 'Open files', unit: 'percentunit' },
    series: {
      '{{instance}} {{process}}': `tailrace_process_open_fds{${job}} / tailrace_process_max_fds{${job}}`,
    },
  },
  {
    ...{ group: 'process', title: 'Runs since', unit: 'dtdurations' },
    series: { '{{instance}} {{process}}': `time() - tailrace_process_start_time_seconds{${job}}` },
  },
  {
    ...{ group: 'process', title: 'Versions', unit: 'short' },
    series: { '{{version}}, Node.js {{node}}': `sum by (version, node) (tailrace_build_info{${job}})` },
  },
];

const columns = 3;
const width = 24 / columns;
const height = 8;

/** The file for the import of Grafana (from version 10). */
export function grafanaBoard(): object {
  const placed: object[] = [];
  let y = 0;
  let id = 0;
  for (const group of Object.keys(metricGroups) as readonly MetricGroup[]) {
    id += 1;
    placed.push({
      ...{ id, type: 'row', title: metricGroups[group], collapsed: false, panels: [] },
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    const own = panels.filter((panel) => panel.group === group);
    for (const [index, panel] of own.entries()) {
      id += 1;
      const gridPos = {
        x: (index % columns) * width,
        y: y + Math.floor(index / columns) * height,
        w: width,
        h: height,
      };
      placed.push(grafanaPanel(panel, id, gridPos));
    }
    y += Math.ceil(own.length / columns) * height;
  }
  return {
    uid: 'tailrace',
    title: 'Tailrace',
    tags: ['tailrace'],
    schemaVersion: 38,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' },
        {
          ...{
            name: 'instance',
            type: 'query',
            label: 'Server',
            multi: true,
            includeAll: true,
            allValue: '.*',
            refresh: 2,
          },
          datasource,
          query: { query: 'label_values(up{job="tailrace"}, instance)', refId: 'instance' },
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: placed,
  };
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana.
const datasource = { type: 'prometheus', uid: '${datasource}' };

function grafanaPanel({ title, unit, series }: Panel, id: number, gridPos: object): object {
  return {
    ...{ id, type: 'timeseries', title, gridPos, datasource },
    fieldConfig: {
      defaults: { unit, min: 0, custom: { fillOpacity: 5, showPoints: 'never' } },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: Object.entries(series).map(([legendFormat, expr], at) => ({
      ...{ refId: String.fromCharCode(65 + at), datasource, expr, legendFormat, range: true },
    })),
  };
}
