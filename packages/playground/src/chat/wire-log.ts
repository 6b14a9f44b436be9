import { type BoundedList, createBoundedList } from './bounded-list.ts';

/** One thing that came over the connection, as it came. */
export interface WireEvent {
  readonly number: number;
  readonly kind: 'event' | 'comment' | 'body';
  /** Milliseconds since the request was sent, and since the thing before. */
  readonly atMs: number;
  readonly gapMs: number;
  /** The `id:` of the event, empty for a comment. */
  readonly id: string;
  readonly data: string;
}

/** The bytes of one read of the connection: an event may come in two of them, and several events in one. */
export interface WirePiece {
  readonly number: number;
  readonly atMs: number;
  readonly gapMs: number;
  readonly bytes: Uint8Array;
}

export type WireHeaders = readonly (readonly [name: string, value: string])[];

/** A request and the head of its answer. A stream that was picked up again has several. */
export interface WireExchange {
  readonly method: string;
  readonly path: string;
  /** As this page has set them, without the key; the browser adds its own. */
  readonly requestHeaders: WireHeaders;
  readonly requestBody: string | undefined;
  readonly sentAtMs: number;
  readonly answer: WireHead | undefined;
}

export interface WireHead {
  readonly status: number;
  readonly atMs: number;
  /** Those that the browser shows to a page. */
  readonly headers: WireHeaders;
  /** The body of a refusal. */
  readonly refusal: string | undefined;
}

/** What the last request sent and received. It keeps the newest, so that a long stream does not fill the memory. */
export interface WireLog {
  readonly events: readonly WireEvent[];
  readonly dropped: number;
  readonly pieces: BoundedList<WirePiece>;
  readonly exchanges: readonly WireExchange[];
  add(kind: WireEvent['kind'], id: string, data: string, nowMs: number): void;
  addBytes(bytes: Uint8Array, nowMs: number): void;
  /** Notes a request; the result notes the head of its answer. */
  addRequest(
    request: Pick<WireExchange, 'method' | 'path' | 'requestHeaders' | 'requestBody'>,
    nowMs: number,
  ): (head: Omit<WireHead, 'atMs'>, nowMs: number) => void;
}

export const maxWireEvents = 20_000;
/** Characters of all events that are kept, and bytes of all reads. */
const maxEventLength = 16_000_000;
const maxBytes = 2_000_000;
/** A stream that breaks off again and again is picked up with a request each time. */
const maxExchanges = 50;

export function createWireLog(startedMs: number): WireLog {
  const events = createBoundedList<WireEvent>({
    maxItems: maxWireEvents,
    maxSize: maxEventLength,
    sizeOf: ({ data }) => data.length,
  });
  const pieces = createBoundedList<WirePiece>({
    maxItems: maxWireEvents,
    maxSize: maxBytes,
    sizeOf: ({ bytes }) => bytes.length,
  });
  const exchanges: WireExchange[] = [];
  let lastEventMs = startedMs;
  let lastPieceMs = startedMs;
  return {
    events: events.items,
    get dropped() {
      return events.dropped;
    },
    pieces,
    exchanges,
    add(kind, id, data, nowMs) {
      const number = events.dropped + events.items.length + 1;
      events.add({ number, kind, id, data, atMs: nowMs - startedMs, gapMs: nowMs - lastEventMs });
      lastEventMs = nowMs;
    },
    addBytes(bytes, nowMs) {
      const number = pieces.dropped + pieces.items.length + 1;
      pieces.add({ number, bytes, atMs: nowMs - startedMs, gapMs: nowMs - lastPieceMs });
      lastPieceMs = nowMs;
    },
    addRequest(request, nowMs) {
      let exchange: WireExchange = { ...request, sentAtMs: nowMs - startedMs, answer: undefined };
      exchanges.push(exchange);
      // The first one has the body of the request.
      if (exchanges.length > maxExchanges) exchanges.splice(1, 1);
      return (head, headMs) => {
        const at = exchanges.indexOf(exchange);
        if (at < 0) return;
        exchange = { ...exchange, answer: { ...head, atMs: headMs - startedMs } };
        exchanges[at] = exchange;
      };
    },
  };
}
