import type { RequestRecord } from '../telemetry/request-log.ts';
import type { Span, Tracing } from '../telemetry/traces/contract.ts';
import type { Exchange } from './exchange.ts';
import { completionIdHeader } from './kept-stream.ts';
import type { Route } from './route.ts';

/** Requests of clients are traced; those of the console, of administrators and of probes are not. */
const traced = '/v1/';

/** Starts the server span of a request; undefined for a route that is not traced. */
export function startRequestSpan(
  tracing: Tracing,
  { path }: Route,
  { request, requestId }: Pick<Exchange, 'request' | 'requestId'>,
): Span | undefined {
  if (!path.startsWith(traced)) return undefined;
  const { method = '-', headersDistinct: headers } = request;
  return tracing.start(
    {
      traceparent: headers['traceparent'],
      tracestate: headers['tracestate'],
      baggage: headers['baggage'],
    },
    {
      name: `${method} ${path}`,
      attributes: {
        'http.request.method': method,
        'http.route': path,
        'url.scheme': 'http',
        'network.protocol.version': request.httpVersion,
        'tailrace.request_id': requestId,
      },
    },
  );
}

/** Ends the span of a request whose answer is over, with what its log line says. */
export function endRequestSpan({ span, principal, headers }: Exchange, record: RequestRecord): void {
  if (span === undefined) return;
  const { status, outcome, code, model } = record;
  span.set({
    'http.response.status_code': status,
    'tailrace.outcome': outcome,
    'tailrace.key_id': principal.keyId,
    'tailrace.owner': principal.owner,
    'gen_ai.operation.name': model === undefined ? undefined : 'chat',
    'gen_ai.request.model': model,
    'gen_ai.request.stream': record.stream === true ? true : undefined,
    'gen_ai.response.id': headers[completionIdHeader],
    'gen_ai.response.time_to_first_chunk':
      record.ttftMs === undefined || record.stream !== true ? undefined : { fraction: record.ttftMs / 1_000 },
    'gen_ai.usage.input_tokens': record.promptTokens,
    'gen_ai.usage.output_tokens': record.completionTokens,
    'tailrace.attempts': record.attempts,
    'tailrace.target': record.target,
  });
  // By the conventions of HTTP a mistake of the client is no error of the server. A torn stream is one, whatever its status was.
  if (code !== undefined) {
    if (outcome === 'cut' || outcome === 'failed' || (status ?? 0) >= 500) span.fail(code);
    else span.set({ 'error.type': code });
  }
  span.end();
}

/** The ids of a span for the log; none where the span is not collected. */
export function traceIdsOf(span: Span | undefined): Pick<RequestRecord, 'traceId' | 'spanId'> {
  return span?.sampled === true ? { traceId: span.traceId, spanId: span.spanId } : {};
}
