import type { Failure } from '../domain/failure.ts';

/**
 * Where the payloads of a run go, in this order:
 *
 *     begin  event*  ( end | fail )          fail alone, where nothing was said
 *
 * A connection, a log that many connections read, an array in a test. What belongs to one connection (the
 * head that is held back, keepalives, framing, a client that does not read) is the reader's own and never the run's.
 */
export interface Reader {
  /** The run has committed; its first event follows at once. */
  begin(head: Head): void;
  /** One event, one write. False asks for a pause until {@link Reader.drained}. */
  event(payload: string): boolean;
  /** Resolves when the reader takes more, or when `signal` aborts. */
  drained(signal: AbortSignal): Promise<void>;
  /** The answer is whole: its last payload, where there is one, and the end in one write. */
  end(payload: string | undefined): void;
  /** There is no answer, or it is torn. `payload`: what says so behind a head that has left. */
  fail(reason: Failure, payload: () => string): void;
  /** Nothing more comes, and there is nothing to say of it: the reader has left, or a bug is in the way. */
  abandon(): void;
}

/** What is known at the commit. */
export interface Head {
  /** Upstream and model there. */
  readonly target: string | undefined;
  /** An event that says nothing, at any time from here on; undefined where the surface has none. */
  keepalive(): string | undefined;
}
