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

/** What the last request received. It keeps the newest `maxEvents`, so that a long stream does not fill the memory. */
export interface WireLog {
  readonly events: readonly WireEvent[];
  readonly dropped: number;
  add(kind: WireEvent['kind'], id: string, data: string, nowMs: number): void;
}

export const maxWireEvents = 20_000;

export function createWireLog(sentMs: number): WireLog {
  const events: WireEvent[] = [];
  let dropped = 0;
  let lastMs = sentMs;
  return {
    events,
    get dropped() {
      return dropped;
    },
    add(kind, id, data, nowMs) {
      const number = dropped + events.length + 1;
      events.push({ number, kind, id, data, atMs: nowMs - sentMs, gapMs: nowMs - lastMs });
      lastMs = nowMs;
      // A tenth at once: to move the whole list for each event would cost more than the event.
      if (events.length > maxWireEvents) dropped += events.splice(0, maxWireEvents / 10).length;
    },
  };
}
