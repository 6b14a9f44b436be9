import { trace as api, propagation } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRedact } from '../../redact.ts';
import { createSdkTracing } from './sdk-tracing.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const caller = 'b7ad6b7169203331';
const secret = 'sesame-open-4711';
const log = { warn() {}, redact: createRedact({ secrets: [secret] }) };
let exporter: InMemorySpanExporter;

beforeEach(() => {
  exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  api.setGlobalTracerProvider(provider);
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});

afterEach(() => {
  api.disable();
  propagation.disable();
});

it('hands all spans of a request to the SDK that the operator has loaded', async () => {
  const tracing = await createSdkTracing('1.2.3', log);
  const incoming = { traceparent: [`00-${traceId}-${caller}-01`], tracestate: ['a=b'], baggage: undefined };
  const request = tracing?.start(incoming, { name: 'POST /v1/x', attributes: { a: 1, gone: undefined } });
  const attempt = request?.child({ name: 'chat m', attributes: { list: ['x'], part: { fraction: 0.5 } } });
  attempt?.fail('upstream_cut');
  attempt?.link(`00-${traceId}-${caller}-01`);
  const headers = attempt?.headers();
  attempt?.end();
  request?.set({ more: true });
  request?.end();

  const [inner, outer] = exporter.getFinishedSpans();
  expect(outer).toMatchObject({ name: 'POST /v1/x', kind: 1, attributes: { a: 1, more: true } });
  expect(outer?.spanContext()).toMatchObject({ traceId, spanId: request?.spanId });
  expect(outer?.parentSpanContext?.spanId).toBe(caller);
  expect(inner).toMatchObject({
    name: 'chat m',
    kind: 2,
    attributes: { list: ['x'], part: 0.5, 'error.type': 'upstream_cut' },
    status: { code: 2 },
    links: [{ context: { traceId, spanId: caller } }],
    instrumentationScope: { name: 'tailrace', version: '1.2.3' },
  });
  expect(inner?.parentSpanContext?.spanId).toBe(request?.spanId);
  expect(headers).toEqual({ traceparent: `00-${traceId}-${attempt?.spanId}-01`, tracestate: 'a=b' });
});

it('gives the SDK no secret, and bounded parts of huge texts', async () => {
  const tracing = await createSdkTracing('1.2.3', log);
  const incoming = {
    traceparent: [`00-${traceId}-${caller}-01`],
    tracestate: [`a=${secret}`],
    baggage: undefined,
  };
  const attributes = { model: `a ${secret}`, list: Array.from({ length: 100 }, () => secret) };
  const span = tracing?.start(incoming, { name: `chat ${secret}`, attributes });
  span?.set({ long: 'x'.repeat(100_000) });
  const headers = span?.headers();
  span?.end();
  const [got] = exporter.getFinishedSpans();
  expect(got?.name).toBe('chat ***');
  expect(got?.attributes['model']).toBe('a ***');
  expect(got?.attributes['list']).toEqual(Array.from({ length: 32 }, () => '***'));
  expect(got?.attributes['long']).toHaveLength(1_025);
  expect(headers).toEqual({ traceparent: `00-${traceId}-${span?.spanId}-01` });
});
