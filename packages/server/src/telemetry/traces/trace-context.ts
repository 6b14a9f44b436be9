import type { IncomingTrace, SpanContext, TraceHeaders } from './contract.ts';

/*
 * W3C Trace Context and Baggage. What a client sends is not trusted: a header that is not valid is as if it had not come, and
 * every length is bounded.
 */

/** The trace that a request belongs to, as its client says. */
export interface RemoteTrace extends SpanContext {
  readonly tracestate: string | undefined;
}

const traceparentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = /^0+$/;

/** The caller's span; undefined where the request belongs to no trace, or says so in a form that is not valid. */
export function readRemoteTrace({ traceparent, tracestate }: IncomingTrace): RemoteTrace | undefined {
  const [given] = traceparent ?? [];
  // Two of them contradict each other.
  if (given === undefined || traceparent?.length !== 1 || given.length > 256) return undefined;
  const [, version, traceId = '', spanId = '', flags = '00', more] = traceparentForm.exec(given.trim()) ?? [];
  // Version 00 has four parts; a later one may have more, and its first four mean the same.
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (noTrace.test(traceId) || noTrace.test(spanId)) return undefined;
  return {
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
    tracestate: readTracestate(tracestate),
  };
}

const mostTracestate = 512;
const tracestateMember = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;

/** All of it, or nothing: to shorten it would need to know whose members matter. */
function readTracestate(values: readonly string[] | undefined): string | undefined {
  const members = (values ?? [])
    .join(',')
    .split(',', 65)
    .map((member) => member.trim())
    .filter((member) => member !== '');
  const joined = members.join(',');
  const valid = members.length <= 32 && joined.length <= mostTracestate;
  return joined !== '' && valid && members.every((member) => tracestateMember.test(member))
    ? joined
    : undefined;
}

const mostBaggage = 8_192;
const baggageMember =
  /^[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256})[ \t]*=[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e \t]{0,4096}$/;

/** The members of a `baggage` header whose names are in `names`, as they came; undefined where there are none. */
export function readBaggage(
  values: readonly string[] | undefined,
  names: ReadonlySet<string>,
): string | undefined {
  if (names.size === 0 || values === undefined) return undefined;
  const joined = values.join(',');
  if (joined.length > mostBaggage) return undefined;
  const passed = joined.split(',', 180).filter((member) => {
    const name = baggageMember.exec(member)?.[1];
    return name !== undefined && names.has(name);
  });
  return passed.length === 0 ? undefined : passed.map((member) => member.trim()).join(',');
}

function traceparentOf({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** The headers of a request that is sent for a span. */
export function traceHeaders(
  span: SpanContext,
  tracestate: string | undefined,
  baggage: string | undefined,
): TraceHeaders {
  return {
    traceparent: traceparentOf(span),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(baggage === undefined ? {} : { baggage }),
  };
}

/** The span that a `traceparent` names; undefined where it names none. */
export function spanOfTraceparent(text: string): SpanContext | undefined {
  return readRemoteTrace({ traceparent: [text], tracestate: undefined, baggage: undefined });
}
