import { asObject, parseJson } from '../http/unknown-json.ts';

/**
 * The sum of a gauge over all its label sets, in Prometheus' text format; undefined where the text has none. It is a sum
 * because the models and engines of one server share its machine.
 */
export function gaugeTotal(text: string, gauge: string): number | undefined {
  let total: number | undefined;
  for (const line of text.split('\n')) {
    if (!line.startsWith(gauge)) continue;
    const rest = line.slice(gauge.length);
    // `name{label="…"} 3 [timestamp]` or `name 3`; a longer name with the same beginning is another gauge.
    const value = rest.startsWith('{') ? rest.slice(rest.lastIndexOf('}') + 1) : rest;
    if (!/^[ \t]/.test(value)) continue;
    const number = Number(value.trim().split(/[ \t]+/)[0]);
    if (Number.isFinite(number) && number >= 0) total = (total ?? 0) + number;
  }
  return total;
}

/**
 * The number of waiting requests, from the response header `endpoint-load-metrics` (ORCA load reports: `TEXT a=1, b.c=2` or
 * `JSON {…}`, vLLM's `named_metrics.num_requests_waiting`); undefined where the header has none.
 */
export function waitingInHeader(header: string): number | undefined {
  const [, format, report = ''] = /^\s*(TEXT|JSON)\s+(.*)$/s.exec(header) ?? [];
  if (format === 'TEXT') {
    for (const pair of report.split(',')) {
      const [name, value] = pair.split('=');
      if (name?.trim() === 'named_metrics.num_requests_waiting') return count(Number(value));
    }
  }
  if (format !== 'JSON') return undefined;
  return count(asObject(asObject(parseJson(report))?.['named_metrics'])?.['num_requests_waiting']);
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}
