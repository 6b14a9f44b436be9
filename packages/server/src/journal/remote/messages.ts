import type { Failure } from '../../domain/failure.ts';
import type { Once, StreamEnding, StreamFacts, StreamHead } from '../contract.ts';

/*
 * The messages between the process that has the journal and one whose runs and connections use it. Those of one turn of the event
 * loop leave together.
 *
 *     worker   append ──▶            ◀── acknowledged    the streams that its runs write
 *              follow ──▶            ◀── frames          the streams that its connections read, whoever writes them
 *                         got ──▶                        the next frames may come
 */

export type ToJournal =
  /** `lastWords`: how the stream ends where the process that writes it dies. */
  | {
      readonly type: 'begin';
      readonly call: number;
      readonly facts: StreamFacts;
      readonly once: Once | undefined;
      readonly lastWords: StreamEnding;
    }
  | { readonly type: 'find'; readonly call: number; readonly id: string }
  | { readonly type: 'find-once'; readonly call: number; readonly once: Once }
  | { readonly type: 'drop'; readonly call: number; readonly id: string }
  | { readonly type: 'load'; readonly call: number; readonly id: string; readonly number: number }
  /** What a run has added to its stream in one turn. */
  | ({ readonly type: 'append'; readonly id: string } & Frames)
  /** The run wants to know of its readers. */
  | { readonly type: 'own'; readonly id: string }
  /** A connection of this process follows; it has what comes before event `from`. Of a stream of its own it gets no frames. */
  | { readonly type: 'follow'; readonly id: string; readonly from: number }
  | { readonly type: 'leave'; readonly id: string }
  | { readonly type: 'got'; readonly id: string };

/** In the order of a stream: its head, events, and its end. */
export interface Frames {
  readonly head?: StreamHead | undefined;
  readonly payloads: readonly string[];
  readonly ending?: StreamEnding | undefined;
  /** The ending is that of a request that was refused: the stream is gone. */
  readonly discard?: boolean;
}

export type FromJournal =
  | { readonly type: 'begun' | 'conflict' | 'unknown' | 'dropped'; readonly call: number }
  | { readonly type: 'found'; readonly call: number; readonly stream: StreamState }
  /** `first`: the oldest event that is kept. Undefined: the stream is not. */
  | {
      readonly type: 'loaded';
      readonly call: number;
      readonly kept: { readonly payloads: readonly string[]; readonly first: number } | undefined;
    }
  /** What was appended first, and not acknowledged before, is in the journal. `first`: the oldest event that is kept. */
  | { readonly type: 'acknowledged'; readonly id: string; readonly first: number }
  | { readonly type: 'readers'; readonly id: string; readonly came: boolean }
  | ({
      readonly type: 'frames';
      readonly id: string;
      /** The number of the first payload. */
      readonly from: number;
      readonly first: number;
      readonly broken: Failure | undefined;
    } & Frames);

/** A stream as it is when it is found. */
export interface StreamState {
  readonly facts: StreamFacts;
  readonly head: StreamHead | undefined;
  readonly first: number;
  /** The newest event, without the ending. */
  readonly lastEvent: number;
  readonly ending: StreamEnding | undefined;
  readonly broken: Failure | undefined;
}
