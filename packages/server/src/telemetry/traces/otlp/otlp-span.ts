import { randomBytes } from 'node:crypto';
import type { Redact } from '../../redact.ts';
import { spanText, spanTexts, withoutSecret } from '../attribute-text.ts';
import type {
  Attributes,
  AttributeValue,
  IncomingTrace,
  Span,
  SpanContext,
  SpanStart,
  TraceHeaders,
} from '../contract.ts';
import { readBaggage, readRemoteTrace, spanOfTraceparent, traceHeaders } from '../trace-context.ts';

/** What all spans of one process share. */
export interface SpanSurroundings {
  /** Takes an ended span as JSON. */
  add(spanJson: string): void;
  isSampled(traceId: string): boolean;
  /** The members of the client's baggage that are sent on to upstreams. */
  readonly baggage: ReadonlySet<string>;
  /** Applied to each text of an attribute. */
  readonly redact: Redact;
  /** Unix milliseconds. */
  clock(): number;
  /** Monotonic milliseconds, with their fractions. */
  now(): number;
}

const server = 2;
const client = 3;
const statusError = 2;
/** `flags` of a span: whether its parent is remote is known. */
const remoteKnown = 0x100;
const remoteParent = 0x200;

/** Starts the server span of one request. */
export function startServerSpan(shared: SpanSurroundings, incoming: IncomingTrace, start: SpanStart): Span {
  const remote = readRemoteTrace(incoming);
  const traceId = remote?.traceId ?? randomBytes(16).toString('hex');
  return new OtlpSpan(shared, start, {
    traceId,
    sampled: remote?.sampled ?? shared.isSampled(traceId),
    parentId: remote?.spanId,
    isRemote: remote !== undefined,
    tracestate: withoutSecret(remote?.tracestate, shared.redact),
    baggage: readBaggage(incoming.baggage, shared.baggage),
    kind: server,
    epochMs: shared.clock() - shared.now(),
  });
}

/** What a span has of its trace. */
interface Origin {
  readonly traceId: string;
  readonly sampled: boolean;
  readonly parentId: string | undefined;
  readonly isRemote: boolean;
  readonly tracestate: string | undefined;
  readonly baggage: string | undefined;
  readonly kind: typeof server | typeof client;
  /** What to add to the monotonic clock for Unix time: the same for all spans of a request, so that their order is kept. */
  readonly epochMs: number;
}

class OtlpSpan implements Span {
  readonly traceId: string;
  readonly spanId = randomBytes(8).toString('hex');
  readonly sampled: boolean;
  private readonly shared: SpanSurroundings;
  private readonly start: SpanStart;
  private readonly origin: Origin;
  private readonly startedMs: number;
  private more: Attributes | undefined;
  private errorType: string | undefined;
  private links: readonly SpanContext[] = [];
  private ended = false;

  constructor(shared: SpanSurroundings, start: SpanStart, origin: Origin) {
    this.shared = shared;
    this.start = start;
    this.origin = origin;
    this.traceId = origin.traceId;
    this.sampled = origin.sampled;
    this.startedMs = shared.now();
  }

  child(start: SpanStart): Span {
    return new OtlpSpan(this.shared, start, {
      ...this.origin,
      parentId: this.spanId,
      isRemote: false,
      kind: client,
    });
  }

  set(attributes: Attributes): void {
    if (!this.sampled || this.ended) return;
    this.more = this.more === undefined ? attributes : { ...this.more, ...attributes };
  }

  link(traceparent: string): void {
    const to = spanOfTraceparent(traceparent);
    if (to !== undefined && this.links.length < mostLinks) this.links = this.links.concat(to);
  }

  fail(errorType: string): void {
    this.errorType ??= errorType;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.sampled) this.shared.add(this.json());
  }

  headers(): TraceHeaders {
    return traceHeaders(this, this.origin.tracestate, this.origin.baggage);
  }

  /** One span in OTLP's JSON form: ids as hexadecimal digits, 64-bit numbers as texts, enumerations as numbers. */
  private json(): string {
    const { origin, start, errorType, shared } = this;
    const attributes = errorType === undefined ? this.more : { ...this.more, 'error.type': errorType };
    return JSON.stringify({
      traceId: this.traceId,
      spanId: this.spanId,
      traceState: origin.tracestate,
      parentSpanId: origin.parentId,
      flags: remoteKnown | (origin.isRemote ? remoteParent : 0) | 1,
      name: spanText(start.name, shared.redact),
      kind: origin.kind,
      startTimeUnixNano: nanoseconds(origin.epochMs + this.startedMs),
      endTimeUnixNano: nanoseconds(origin.epochMs + shared.now()),
      attributes: keyValues({ ...start.attributes, ...attributes }, shared.redact),
      links: this.links.map(({ traceId, spanId, sampled }) => ({
        traceId,
        spanId,
        flags: remoteKnown | remoteParent | (sampled ? 1 : 0),
      })),
      status: errorType === undefined ? {} : { code: statusError, message: errorType },
    });
  }
}

const mostLinks = 8;

/** OTLP's list of attributes. */
export function keyValues(attributes: Attributes, redact: Redact): readonly object[] {
  const listed: object[] = [];
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (value !== undefined) listed.push({ key, value: anyValue(value, redact) });
  }
  return listed;
}

function anyValue(value: AttributeValue, redact: Redact): object {
  switch (typeof value) {
    case 'string':
      return { stringValue: spanText(value, redact) };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: String(value) } : fraction(value);
    default: {
      if ('fraction' in value) return fraction(value.fraction);
      const values = spanTexts(value, redact).map((stringValue) => ({ stringValue }));
      return { arrayValue: { values } };
    }
  }
}

/** JSON has no infinite numbers; OTLP writes them as texts. */
function fraction(value: number): object {
  return { doubleValue: Number.isFinite(value) ? value : String(value) };
}

/** A double has no room for nanoseconds since 1970, so milliseconds and their fraction are written one after the other. */
function nanoseconds(unixMs: number): string {
  const whole = Math.floor(unixMs);
  const rest = Math.floor((unixMs - whole) * 1_000_000);
  return `${whole}${String(rest).padStart(6, '0')}`;
}
