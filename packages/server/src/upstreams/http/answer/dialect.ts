import type { Failure } from '../../../domain/failure.ts';
import type { StreamEvent } from '../../../domain/stream-event.ts';

/**
 * One provider's way to answer: what its events mean. It is made for one answer and knows no bytes, sockets or
 * timers; all of these belong to the one reader of HTTP answers (`answer-stream.ts`).
 *
 * A dialect repairs its provider's answer: what it emits passes the contract suite as it is.
 */
export interface Dialect {
  /** Reads one event. `data` is the text that `event` was parsed from. No event is read once the answer has ended. */
  read(event: Readonly<Record<string, unknown>>, data: string): void;
  /**
   * `open` while a choice lacks its finish reason; `unsettled` while only the usage is awaited; `settled` when no
   * later event can change the answer.
   */
  readonly state: 'open' | 'unsettled' | 'settled';
  /** Emits the usage and the finishes that were held until now. Called once, and never while `open`. */
  finish(): void;
  /** Whether an event that cannot be read may have carried output. `evidence` is as much of its text as there is. */
  mayCarryOutput(evidence: string): boolean;
  /**
   * Matches the text of events that hold JSON of others, which is handed on: the numbers in it keep their spelling.
   * Absent: no event does.
   */
  readonly handedOn?: RegExp;
  /** The text of the event that ends the answer, such as `[DONE]`. Absent: the protocol has none. */
  readonly lastEvent?: string;
  /** Reads an event that is named `error`: its JSON, or its text where it is none. Absent: {@link read} does. */
  readError?(value: unknown): void;
  /**
   * Reads an answer that came as one JSON text where a stream was asked for; false where it is no answer. Absent: an
   * answer that is not declared to be an event stream is a refusal.
   */
  readWhole?(answer: unknown, text: string): boolean;
  /** The reader of the next events, where they may be read without the decoder and {@link read}. */
  fastPath?(): FastPath | undefined;
}

/** Where a dialect puts what it has read. */
export interface DialectOutput {
  /** What one event may hold at most. */
  readonly maxEventBytes: number;
  /** The next event of the answer; never `failed`. */
  emit(event: StreamEvent): void;
  /** The answer ends here, torn; ignored where every choice has its finish reason. */
  fail(reason: Failure): void;
  /** An event cannot be read: it tears the answer where it may have carried output, and is dropped elsewhere. */
  unreadable(evidence: string): void;
  /** Drops an event that has no place in the answer; the fourth of an answer ends it. */
  drop(): void;
}

/** Reads events straight from the bytes of a read. */
export interface FastPath {
  /** How many bytes of `buffer`, from `from` up to `to`, it has read; their events are in {@link batch} then. */
  read(buffer: Buffer, from: number, to: number): number;
  /** The events of the last {@link read}; made anew by each that reads any. */
  readonly batch: StreamEvent[];
}
