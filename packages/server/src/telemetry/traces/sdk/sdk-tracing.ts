import type { Context, Attributes as SdkAttributes, Span as SdkSpan } from '@opentelemetry/api';
import type { Log } from '../../log.ts';
import type { Attributes, IncomingTrace, Span, SpanStart, TraceHeaders, Tracing } from '../contract.ts';
import { spanOfTraceparent, traceHeaders } from '../trace-context.ts';

/*
 * Spans through the OpenTelemetry API, for the SDK that the operator has loaded into this process: his exporters, his sampler,
 * his propagators. The API is a package that only this file imports, and only where an SDK is there.
 */

type Api = typeof import('@opentelemetry/api');

/** Undefined where the API package cannot be loaded; the log says so. The operator's SDK sends what is left at the end itself. */
export async function createSdkTracing(version: string, log: Log): Promise<Tracing | undefined> {
  let api: Api;
  try {
    api = await import('@opentelemetry/api');
  } catch {
    log.warn(
      'an OpenTelemetry SDK is loaded, and gets no spans: the package @opentelemetry/api is not installed beside this server',
    );
    return undefined;
  }
  const tracer = api.trace.getTracer('tailrace', version);
  return {
    start(incoming, start) {
      const context = api.propagation.extract(api.ROOT_CONTEXT, carrierOf(incoming));
      return wrap(api, tracer, context, start, api.SpanKind.SERVER);
    },
    close: async () => {},
  };
}

type Tracer = ReturnType<Api['trace']['getTracer']>;

function wrap(api: Api, tracer: Tracer, parent: Context, start: SpanStart, kind: number): Span {
  const inner = tracer.startSpan(start.name, { kind, attributes: plain(start.attributes) }, parent);
  return new WrappedSpan(api, tracer, inner, api.trace.setSpan(parent, inner));
}

class WrappedSpan implements Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  private readonly api: Api;
  private readonly tracer: Tracer;
  private readonly inner: SdkSpan;
  private readonly context: Context;

  constructor(api: Api, tracer: Tracer, inner: SdkSpan, context: Context) {
    const { traceId, spanId } = inner.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.sampled = inner.isRecording();
    this.api = api;
    this.tracer = tracer;
    this.inner = inner;
    this.context = context;
  }

  child(start: SpanStart): Span {
    return wrap(this.api, this.tracer, this.context, start, this.api.SpanKind.CLIENT);
  }

  set(attributes: Attributes): void {
    this.inner.setAttributes(plain(attributes));
  }

  link(traceparent: string): void {
    const to = spanOfTraceparent(traceparent);
    if (to === undefined) return;
    const { traceId, spanId, sampled } = to;
    this.inner.addLink({ context: { traceId, spanId, traceFlags: sampled ? 1 : 0, isRemote: true } });
  }

  fail(errorType: string): void {
    this.inner.setAttribute('error.type', errorType);
    this.inner.setStatus({ code: this.api.SpanStatusCode.ERROR, message: errorType });
  }

  end(): void {
    this.inner.end();
  }

  /** By the operator's propagators; `traceparent` also where they write another form. */
  headers(): TraceHeaders {
    const headers: Record<string, string> = {};
    this.api.propagation.inject(this.context, headers);
    return { ...traceHeaders(this, undefined, undefined), ...headers };
  }
}

/** The propagators read names in lower case. */
function carrierOf({ traceparent, tracestate, baggage }: IncomingTrace): Record<string, string> {
  const carrier: Record<string, string> = {};
  if (traceparent?.length === 1) carrier['traceparent'] = traceparent[0] ?? '';
  if (tracestate !== undefined) carrier['tracestate'] = tracestate.join(',');
  if (baggage !== undefined) carrier['baggage'] = baggage.join(',');
  return carrier;
}

function plain(attributes: Attributes): SdkAttributes {
  const made: SdkAttributes = {};
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (value === undefined) continue;
    if (typeof value !== 'object') made[key] = value;
    else made[key] = 'fraction' in value ? value.fraction : [...value];
  }
  return made;
}
