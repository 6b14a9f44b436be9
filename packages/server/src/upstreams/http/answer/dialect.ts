import type { Failure } from '../../../domain/failure.ts';
import type { JsonObject } from '../../../domain/json.ts';
import type { StreamEvent } from '../../../domain/stream-event.ts';
import type { EventOutput } from '../../choice-writer.ts';
import type { AnswerState } from './held-finish.ts';

/**
 * What the events of one provider mean. A dialect is created for one answer. It knows no bytes, sockets or timers: these belong
 * to the one stream over all HTTP answers (`answer-stream.ts`).
 *
 * A dialect repairs its provider's answer: the events that it emits pass the contract suite.
 */
export interface Dialect {
  /** Reads one event. `data` is the text from which `event` was parsed. Not called after the end of the answer. */
  read(event: JsonObject, data: string): void;
  /** How certain the end of the answer is; `settled` after the protocol's own end, where that is an event of its own. */
  readonly state: AnswerState | 'settled';
  /**
   * Ends the calls, and emits the output that is held back, the usage and the finishes. Returns the failure where the answer is
   * torn: then it has emitted no finish. Called once, and never while `open`.
   */
  finish(): Failure | undefined;
  /**
   * Whether an event that cannot be read may carry output. `evidence`: its text, or the part of it that has come. Undefined where
   * that does not show it.
   */
  mayCarryOutput(evidence: string): boolean | undefined;
  /**
   * Matches the text of an event with JSON that is passed on unchanged. Such an event is parsed so that its numbers keep their
   * spelling. Absent: no event has such JSON.
   */
  readonly passesJsonOn?: RegExp;
  /** The text of the event that ends the answer, such as `[DONE]`. Absent: the protocol has none. */
  readonly lastEvent?: string;
  /** Reads an event with the name `error`: its JSON, or its text where that is not JSON. Absent: {@link read} reads it. */
  readError?(value: unknown): void;
  /**
   * Reads an answer that came as one JSON object although a stream was requested: the answer, or an error. Returns false where it
   * is neither. A list is read as events, one for each object in it. Absent: an answer whose content type is no event stream is
   * a refusal.
   */
  readWhole?(answer: JsonObject, text: string): boolean;
  /** Returns a reader for the next bytes where these need neither the decoder nor {@link read}. */
  fastPath?(): FastPath | undefined;
}

/** The last event of OpenAI's protocol. Gateways write it after streams of other protocols too. */
export const doneEvent = '[DONE]';

/** Takes what a dialect has read. */
export interface DialectOutput extends EventOutput {
  /** The largest event that is read, in bytes. */
  readonly maxEventBytes: number;
  /** Ends the answer as torn: output is missing, or our events cannot represent it. */
  fail(reason: Failure): void;
  /** Ends the answer with the provider's own error. Ignored where the answer is whole already: its state is `held`. */
  refuse(reason: Failure): void;
  /** Reports an event that cannot be read. One that may carry output tears the answer; any other is dropped. */
  unreadable(evidence: string): void;
  /** Drops an event that does not belong to the answer. The fourth dropped event tears the answer. */
  drop(): void;
}

/** Reads events directly from the bytes of a read. */
export interface FastPath {
  /**
   * Reads events from `buffer`, from `from` up to `to`. Returns them, or undefined where it can read none. It keeps none of them:
   * each of their texts holds the whole read, and V8 has to note each place where an old object holds a young one.
   */
  read(buffer: Buffer, from: number, to: number): StreamEvent[] | undefined;
  /** How many bytes the last {@link read} has taken. */
  readonly taken: number;
}
