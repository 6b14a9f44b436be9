/*
 * What was recorded of one request and its answer. Rules judge these recordings and nothing else, so a rule can be tested with bytes that
 * were written by hand.
 */

export interface WireRequest {
  readonly method: string;
  /** With the base path of the endpoint, and the query. */
  readonly path: string;
  /** HTTP version. Default 1.1. */
  readonly version?: '1.0' | '1.1';
  /** Without the key and without the headers that the user gave: a report may show these. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it was sent. */
  readonly body?: string;
}

/** Bytes of the body that came together: one chunk of the chunked coding, or what one read brought where there is none. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Milliseconds after the request was sent. */
  readonly atMs: number;
  /** The number of the socket's read in which the piece was complete. */
  readonly read: number;
}

export interface WireResponse {
  readonly version: string;
  readonly status: number;
  /** Names in lower case, in the order of the answer. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly pieces: readonly Piece[];
  /** The read in which the body ended; absent where it did not end. */
  readonly endRead?: number;
  /** Milliseconds after the request was sent. */
  readonly endMs?: number;
}

/**
 * How the exchange ended. `whole`: the body ended as HTTP says. `cut`: the connection ended before. `timeout`: it took longer than allowed.
 * `left`: the check closed the connection itself. `too-large`: the answer passed the bound of what is kept.
 */
export type ExchangeEnd = 'whole' | 'cut' | 'timeout' | 'left' | 'too-large';

export interface Exchange {
  /** Unique in a recording: the probe, and the part of it, such as `resume/again`. */
  readonly name: string;
  readonly request: WireRequest;
  /** Absent where not even a head came. */
  readonly response?: WireResponse;
  readonly end: ExchangeEnd;
  /** Why there is no response, or why it was cut: the words of the operating system. */
  readonly problem?: string;
  /** The same connection carried an answer before this one. */
  readonly reusedConnection?: boolean;
  /** Events after which the check left the stream, or stopped to read for a while. */
  readonly interruptedAfter?: number;
  /** What the check saw from outside of this exchange; see the probe. */
  readonly observed?: Readonly<Record<string, number | string>>;
}

/** What a whole check has seen, by the names of the exchanges. */
export type Recording = ReadonlyMap<string, Exchange>;

/** The value of a header; of a repeated one, the values joined by a comma. */
export function headerOf({ headers }: WireResponse, name: string): string | undefined {
  const values = headers.filter(([one]) => one === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}
