import type { Context, Attributes as SdkAttributes, Span as SdkSpan } from '@opentelemetry/api';
import type { ServerLog } from '../../create-log.ts';
import type { Redact } from '../../redact.ts';
import { spanText, spanTexts, withoutSecret } from '../attribute-text.ts';
import type { Attributes, IncomingTrace, Span, SpanStart, TraceHeaders, Tracing } from '../contract.ts';
import { spanOfTraceparent, traceHeaders } from '../trace-context.ts';

/*
 * Spans through the OpenTelemetry API, for the SDK that the operator has loaded into this process: his exporters, his sampler,
 * his propagators. The API is a package that only this file imports, and only where an SDK is there.
 */

type Api = typeof import('@opentelemetry/api');

/** Undefined where the API package cannot be loaded; the log says so. The operator's SDK sends what is left at the end itself. */
export async function createSdkTracing(
  version: string,
  log: Pick<ServerLog, 'warn' | 'redact'>,
): Promise<Tracing | undefined> {
  let api: Api;
  try {
    api = await import('@opentelemetry/api');
  } catch {
    log.warn(
      'an OpenTelemetry SDK is loaded, and gets no spans: the package @opentelemetry/api is not installed beside this server',
    );
    return undefined;
  }
  const { redact } = log;
  const parts = { api, tracer: api.trace.getTracer('tailrace', version), redact };
  return {
    start(incoming, start) {
      const context = api.propagation.extract(api.ROOT_CONTEXT, carrierOf(incoming, redact));
      return wrap(parts, context, start, api.SpanKind.SERVER);
    },
    close: async () => {},
  };
}

/** What all spans share. */
interface SdkParts {
  readonly api: Api;
  readonly tracer: ReturnType<Api['trace']['getTracer']>;
  readonly redact: Redact;
}

function wrap(parts: SdkParts, parent: Context, start: SpanStart, kind: number): Span {
  const { api, tracer, redact } = parts;
  const attributes = plain(start.attributes, redact);
  const inner = tracer.startSpan(spanText(start.name, redact), { kind, attributes }, parent);
  return new WrappedSpan(parts, inner, api.trace.setSpan(parent, inner));
}

class WrappedSpan implements Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  private readonly parts: SdkParts;
  private readonly inner: SdkSpan;
  private readonly context: Context;

  constructor(parts: SdkParts, inner: SdkSpan, context: Context) {
    const { traceId, spanId } = inner.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.sampled = inner.isRecording();
    this.parts = parts;
    this.inner = inner;
    this.context = context;
  }

  child(start: SpanStart): Span {
    return wrap(this.parts, this.context, start, this.parts.api.SpanKind.CLIENT);
  }

  set(attributes: Attributes): void {
    this.inner.setAttributes(plain(attributes, this.parts.redact));
  }

  link(traceparent: string): void {
    const to = spanOfTraceparent(traceparent);
    if (to === undefined) return;
    const { traceId, spanId, sampled } = to;
    this.inner.addLink({ context: { traceId, spanId, traceFlags: sampled ? 1 : 0, isRemote: true } });
  }

  fail(errorType: string): void {
    this.inner.setAttribute('error.type', errorType);
    this.inner.setStatus({ code: this.parts.api.SpanStatusCode.ERROR, message: errorType });
  }

  end(): void {
    this.inner.end();
  }

  /** By the operator's propagators; `traceparent` also where they write another form. */
  headers(): TraceHeaders {
    const headers: Record<string, string> = {};
    this.parts.api.propagation.inject(this.context, headers);
    return { ...traceHeaders(this, undefined, undefined), ...headers };
  }
}

/** The propagators read names in lower case. */
function carrierOf(
  { traceparent, tracestate, baggage }: IncomingTrace,
  redact: Redact,
): Record<string, string> {
  const state = withoutSecret(tracestate?.join(','), redact);
  const carrier: Record<string, string> = {};
  if (traceparent?.length === 1) carrier['traceparent'] = traceparent[0] ?? '';
  if (state !== undefined) carrier['tracestate'] = state;
  if (baggage !== undefined) carrier['baggage'] = baggage.join(',');
  return carrier;
}

function plain(attributes: Attributes, redact: Redact): SdkAttributes {
  const made: SdkAttributes = {};
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (value === undefined) continue;
    if (typeof value === 'string') made[key] = spanText(value, redact);
    else if (typeof value !== 'object') made[key] = value;
    else made[key] = 'fraction' in value ? value.fraction : spanTexts(value, redact);
  }
  return made;
}
