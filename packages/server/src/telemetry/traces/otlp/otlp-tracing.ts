import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Log } from '../../log.ts';
import type { Redact } from '../../redact.ts';
import type { Tracing } from '../contract.ts';
import { createSampler } from '../sampler.ts';
import { keyValues, type SpanSurroundings, startServerSpan } from './otlp-span.ts';
import { createSpanPoster } from './post-spans.ts';
import { createSpanExporter } from './span-exporter.ts';

export interface OtlpTracingOptions {
  /** The collector; without a path its `/v1/traces`. */
  readonly endpoint: string;
  /** The share of new traces that is collected, from 0 to 1. */
  readonly sample: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The names of the members of a client's baggage that are sent on. */
  readonly baggage: readonly string[];
  readonly version: string;
  readonly log: Log;
  readonly redact: Redact;
}

/** Makes spans and sends them to a collector by OTLP/HTTP, as JSON. The caller closes it. */
export function createOtlpTracing(options: OtlpTracingOptions): Tracing {
  const { endpoint, sample, headers, baggage, version, log, redact } = options;
  const poster = createSpanPoster({ url: tracesUrl(endpoint), headers });
  const [before, after] = envelope(version, redact);
  const exporter = createSpanExporter({
    post: poster.post,
    bodyOf: (spans) => `${before}${spans.join(',')}${after}`,
    log,
    now: () => performance.now(),
    random: Math.random,
    after: (ms, work) => {
      const timer = setTimeout(work, ms).unref();
      return () => clearTimeout(timer);
    },
  });
  const surroundings: SpanSurroundings = {
    add: (spanJson) => exporter.add(spanJson),
    isSampled: createSampler(sample),
    baggage: new Set(baggage),
    redact,
    clock: Date.now,
    now: () => performance.now(),
  };
  return {
    start: (incoming, start) => startServerSpan(surroundings, incoming, start),
    async close(withinMs) {
      await exporter.close(withinMs);
      poster.close();
    },
  };
}

export function tracesUrl(endpoint: string): URL {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url;
}

/** What stands around the spans of a request: the resource and the scope, which are always the same. */
function envelope(version: string, redact: Redact): readonly [string, string] {
  const resource = {
    attributes: keyValues(
      {
        'service.name': 'tailrace',
        'service.version': version,
        'service.instance.id': randomUUID(),
        'process.pid': process.pid,
      },
      redact,
    ),
  };
  const scope = JSON.stringify({ name: 'tailrace', version });
  return [
    `{"resourceSpans":[{"resource":${JSON.stringify(resource)},"scopeSpans":[{"scope":${scope},"spans":[`,
    ']}]}]}',
  ];
}
