import type { Failure } from '../domain/failure.ts';
import type { PhaseTimes } from '../domain/stream-event.ts';

/**
 * Where the payloads of a run go, in this order:
 *
 *     begin  event*  ( end | fail | abandon )
 *     fail | abandon                             where the run has not committed
 *
 * A reader is a connection, the journal that keeps a stream for its connections, or an array in a test. The reader handles
 * everything that belongs to one connection: the held head, keepalives, framing, numbers, a client that does not read. The run
 * does not.
 */
export interface Reader {
  /** Called once, when the run has committed; the first payload follows in the same turn of the event loop. */
  begin(head: Head): void;
  /**
   * Takes the payload of one event, which is one write except between `gather` and `flush`. False asks for a pause until
   * {@link Reader.drained} resolves.
   */
  event(payload: string): boolean;
  /**
   * Several events follow at once, because one read of the upstream held them: until `flush` the reader may keep them back and
   * write them together. Absent, like `flush`: the reader writes nothing.
   */
  gather?(): void;
  /** Writes what was kept back. False asks for a pause, as {@link Reader.event} does. Follows each `gather`, also behind the end. */
  flush?(): boolean;
  /** No event is there to follow `begin`: the head must not wait for one. Absent: the reader holds no head. */
  idle?(): void;
  /** The events to come have no numbers: the stream is lost, or what follows is no event of it. Absent: the reader writes none. */
  unnumbered?(): void;
  /** Resolves when the reader can take more, or when `signal` aborts. */
  drained(signal: AbortSignal): Promise<void>;
  /** The answer is whole. The last payload, where there is one, and the end of the body are one write. */
  end(payload: string | undefined): void;
  /**
   * There is no answer, or it is torn. `payload` makes the error event. A reader that has sent its head sends this event
   * instead of an HTTP error.
   */
  fail(reason: Failure, payload: () => string): void;
  /** Ends the reader without an error event: its client has left, or a bug prevents any answer. */
  abandon(): void;
}

/** What the reader needs for the head of its answer; known at the commit. */
export interface Head {
  /** The target's name, `upstream/model`. */
  readonly target: string | undefined;
  /** Where that target knows them. */
  readonly phases?: PhaseTimes | undefined;
  /** An event without content, which may be sent at any time after the commit; undefined where the surface has none. */
  keepalive(): string | undefined;
}
