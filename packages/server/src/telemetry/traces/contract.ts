/*
 * The seam between the places where something takes time and those who collect spans of it. A place gets a span, gives it
 * attributes and ends it; it knows neither the collector nor whether the trace is sampled. Two implementations: `otlp/` sends
 * spans to a collector itself, `sdk/` hands them to the OpenTelemetry SDK that the operator has loaded into this process.
 *
 *     server span: one request of a client ──▶ client span: one attempt, with its target and its outcome
 *                                          └─▶ client span: the hedge beside it, or the target that took over
 */

/** Absent and undefined are the same. A list of texts is bounded by the caller. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;
export type AttributeValue = string | number | boolean | readonly string[] | Fraction;
/** A number that is a fraction by its meaning, also where it happens to be whole. A plain number is whole. */
export interface Fraction {
  readonly fraction: number;
}

/** What identifies a span in other processes (W3C Trace Context). */
export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether the spans of this trace are collected. */
  readonly sampled: boolean;
}

/** The headers by which a client or an upstream takes part in a trace; names in lower case. */
export type TraceHeaders = Readonly<Record<string, string>> & { readonly traceparent: string };

/** The headers of a request that say to which trace it belongs, each value as it came. */
export interface IncomingTrace {
  readonly traceparent: readonly string[] | undefined;
  readonly tracestate: readonly string[] | undefined;
  readonly baggage: readonly string[] | undefined;
}

export interface SpanStart {
  /** Of low cardinality: without ids. */
  readonly name: string;
  readonly attributes: Attributes;
}

/** One span. No method throws or waits. A span that is not sampled takes everything and keeps nothing. */
export interface Span extends SpanContext {
  /** Starts a client span inside this one. It may end later than this one. */
  child(start: SpanStart): Span;
  /** Adds attributes; those of the same name are replaced. */
  set(attributes: Attributes): void;
  /** Names a span of another trace that this one has to do with, by its `traceparent`. */
  link(traceparent: string): void;
  /** The work has failed: `errorType` is an error code, never a message. */
  fail(errorType: string): void;
  /** Ends the span. Later calls change nothing. */
  end(): void;
  /** The headers with which a request of this span is sent on. */
  headers(): TraceHeaders;
}

export interface Tracing {
  /** Starts the server span of one request; a valid `traceparent` makes it a part of the client's trace. */
  start(incoming: IncomingTrace, start: SpanStart): Span;
  /** Sends what waits, for at most `withinMs`, and lets go of everything. Never rejects. */
  close(withinMs: number): Promise<void>;
}
