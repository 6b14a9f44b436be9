import type { Failure } from '../domain/failure.ts';
import type { PhaseTimes } from '../domain/stream-event.ts';

/**
 * The seam between the runs whose streams outlive their connections and the readers of these streams: where the payloads of a
 * run are kept, once, and read from any position by any number of readers. In memory, or in a store that replicas share. Each
 * journal must pass `contract.suite.ts`.
 *
 *     run ──event──▶ StreamWriter ──append──▶ memory, Redis, …
 *                                                │ acknowledged
 *                                                ▼
 *     follower ◀──more── StreamView ──event(n)──▶ the same event for each follower, at its own position
 *
 * The events of a stream have the numbers 1, 2, 3 …; its ending takes the next number where it has a payload. A view shows
 * only what the store has acknowledged, so no reader has an event that the end of this process takes back.
 */
export interface Journal {
  /**
   * Begins a stream, for a run that is about to start. With `once`, only the first call with this scope and key begins one; the
   * next calls get its stream until it is gone or forgotten. Never rejects.
   */
  begin(facts: StreamFacts, once?: Once): Promise<Begun>;
  /** The stream with this id, on whatever replica its run lives or lived. Never rejects. */
  find(id: string): Promise<Found>;
  /** The stream that `once` has begun; another fingerprint is a conflict. Never rejects. */
  findOnce(once: Once): Promise<Found | { readonly type: 'conflict' }>;
  /** Removes an ended stream before its retention is over. Its followers end in `completion_not_found`. Never rejects. */
  drop(id: string): Promise<void>;
  /** Whether the store answers. While it does not, no stream can begin, and none can be found. */
  available(): boolean;
  /** How it stands. Undefined where another process knows that. */
  figures(): JournalFigures | undefined;
  /** Ends the connections to the store. Streams that have not ended are lost to their followers elsewhere. */
  close(): Promise<void>;
}

/** What a journal has in this process, and what it has removed since its start. */
export interface JournalFigures {
  readonly available: boolean;
  readonly runningStreams: number;
  /** Ended ones, within their retention. A journal in Redis counts there only those that are read here. */
  readonly endedStreams: number;
  readonly bytes: number;
  readonly limitBytes: number;
  /** Streams that were removed before their time, and removals of the oldest events of a stream, for the bounds. */
  readonly evictedStreams: number;
  readonly evictedEvents: number;
}

/** The bounds of a journal. */
export interface JournalLimits {
  /** How long an ended stream can be read, in milliseconds. */
  readonly retentionMs: number;
  /** Bytes of one stream; a longer one drops its oldest events. */
  readonly perStreamBytes: number;
  /** Bytes that this process keeps of all streams. */
  readonly totalBytes: number;
}

/** What is known of a stream when it begins. It never changes. */
export interface StreamFacts {
  /** The id of the completion, never used again. */
  readonly id: string;
  /** That of the POST which began it; error events name it. */
  readonly requestId: string;
  /** Only this key may read and cancel the stream. */
  readonly keyId: string;
  /** The name of the surface by which its payloads are framed. */
  readonly surface: string;
  /** The id or alias that the client asked for. */
  readonly model: string;
  /** False for an answer of one body: it has no events, and its ending carries the body. */
  readonly stream: boolean;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  /** The span of the POST, as a `traceparent`; absent where it was not traced. The spans of its readers name it. */
  readonly traceparent?: string;
}

/** An `Idempotency-Key` of a client. */
export interface Once {
  /** The id of the API key that sent it. */
  readonly keyId: string;
  readonly key: string;
  /** A hash of the request's bytes. */
  readonly fingerprint: string;
}

export type Begun =
  | { readonly type: 'begun'; readonly writer: StreamWriter }
  /** The same request has begun it before. */
  | { readonly type: 'exists'; readonly view: StreamView }
  /** Another request has used this key. */
  | { readonly type: 'conflict' }
  /** The store does not answer. */
  | { readonly type: 'unavailable' };

export type Found =
  | { readonly type: 'found'; readonly view: StreamView }
  | { readonly type: 'unknown' }
  | { readonly type: 'unavailable' };

/** What is known of an answer at its commit. */
export interface StreamHead {
  /** The target's name, `upstream/model`. */
  readonly target?: string;
  /** Where that target knows them. */
  readonly phases?: PhaseTimes;
}

/**
 * How a stream ended. `whole`: with the payload that ends the body, where the surface has one; of an answer of one body it is
 * the body. `torn`: with the payload of the error event; empty for an answer of one body, and for a stream that was discarded:
 * the failure is then the answer of each follower, and no event of the stream.
 */
export type StreamEnding =
  | { readonly type: 'whole'; readonly payload?: string }
  | { readonly type: 'torn'; readonly failure: Failure; readonly payload: string };

/** The one writer of a stream. No method throws or waits; where the store refuses, the stream is lost ({@link StreamOwner.lost}). */
export interface StreamWriter {
  /** The stream for readers in this process. */
  readonly view: StreamView;
  /** Names who is called; at most once. Calls may come at once. */
  own(owner: StreamOwner): void;
  /** The answer has committed; its first event follows in the same turn of the event loop. */
  begin(head: StreamHead): void;
  /** Adds the payload of one event, which is ASCII. */
  event(payload: string): void;
  /** Followers are called only at `flush`, with all events in between. */
  gather(): void;
  flush(): void;
  /** Ends the stream, which is kept for its retention from now on. Later calls change nothing. */
  end(ending: StreamEnding): void;
  /** Ends a stream whose request was refused before it had any output: those who wait for it get the failure, and it is gone. */
  discard(reason: Failure): void;
}

/** The run whose stream is written. */
export interface StreamOwner {
  /** The stream has a reader, here or on another replica. */
  readersCame(): void;
  /** It has none any more. Called also where none came within a moment of {@link StreamWriter.own}. */
  readersLeft(): void;
  /** The stream is lost: the store does not acknowledge it. Only followers with `own` get what follows, without numbers. */
  lost(): void;
  /** Another process has taken the stream over: this one must stop its run. */
  fenced(): void;
}

/** A stream as its readers see it. Its members change only while it is followed; its followers are called after each change. */
export interface StreamView {
  readonly facts: StreamFacts;
  /** Undefined before the commit. */
  readonly head: StreamHead | undefined;
  /** The number of the oldest event that is kept; 1 before there is any. */
  readonly first: number;
  /** The number of the newest event; 0 before there is any. It includes the payload of the ending. */
  readonly last: number;
  /** Undefined while the stream runs. */
  readonly ending: StreamEnding | undefined;
  /**
   * Why the stream can be followed no further: `storage_unavailable`, or `completion_not_found` after {@link Journal.drop}. The
   * first does not concern a follower with `own`. For the others it counts before everything else in this view: from then on
   * `last` and `ending` show what no store has acknowledged.
   */
  readonly broken: Failure | undefined;
  /**
   * The payload of event `number`, between `first` and `last`, not that of the ending; undefined where it is not in this
   * process: then {@link StreamView.load} brings it.
   */
  event(number: number): string | undefined;
  /** The payloads from event `number` on, some hundred kilobytes at most, at least one. Rejects where the store does not answer. */
  load(number: number): Promise<readonly string[]>;
  /** Calls `follower.more()` after each change until the returned function is called. `more` must not throw. */
  follow(follower: StreamFollower): () => void;
}

export interface StreamFollower {
  /** The connection of the request that began the stream: where the stream is lost, only its followers continue. */
  readonly own: boolean;
  /** The view has changed. */
  more(): void;
}
