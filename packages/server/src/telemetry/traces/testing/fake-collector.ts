import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { readOtlp } from './otlp-form.ts';

/** One span as OTLP's JSON has it, with its attributes as an object. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly flags: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A collector of traces in the test's process: an HTTP server that takes OTLP as JSON. */
export interface FakeCollector {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** The texts of the bodies, in the order in which they came. */
  readonly bodies: readonly string[];
  readonly requests: readonly IncomingMessage[];
  /** What answers from now on instead of 200. */
  answer(with_: (request: IncomingMessage, response: ServerResponse) => void): void;
  close(): Promise<void>;
}

export async function startFakeCollector(): Promise<FakeCollector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const requests: IncomingMessage[] = [];
  let answering: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    requests.push(request);
    if (answering !== undefined) {
      answering(request, response);
      return;
    }
    const body = gunzipSync(Buffer.concat(pieces)).toString();
    bodies.push(body);
    spans.push(...spansIn(body));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    bodies,
    requests,
    answer(with_) {
      answering = with_;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
type WireSpan = Omit<CollectedSpan, 'attributes'> & { readonly attributes: readonly KeyValue[] };
interface WireBody {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

export function spansIn(body: string): readonly CollectedSpan[] {
  const { resourceSpans } = readOtlp(JSON.parse(body)) as WireBody;
  return resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        links: span.links ?? [],
        attributes: Object.fromEntries(span.attributes.map(({ key, value }) => [key, plainValue(value)])),
      })),
    ),
  );
}

function plainValue(value: Readonly<Record<string, unknown>>): unknown {
  const { arrayValue, intValue } = value;
  if (intValue !== undefined) return Number(intValue);
  if (arrayValue === undefined) return Object.values(value)[0];
  const { values } = arrayValue as { readonly values: readonly Readonly<Record<string, unknown>>[] };
  return values.map(plainValue);
}
