import type { Failure } from '../domain/failure.ts';

/** Told by one {@link AnswerBody.pull}, within it or later, by exactly one of the two. Neither may throw. */
export interface BytesReceiver {
  /** What one read of the socket brought: `buffer` from `from` up to `to`, valid only during the call. */
  bytes(buffer: Buffer, from: number, to: number): void;
  /** The body is over; with a failure, too early. */
  ended(reason: Failure | undefined): void;
}

/**
 * The bytes of an answer, as far as somebody pulls them. One `next()` brings everything that one read of
 * the socket brought; while nobody pulls, the socket is not read.
 *
 * The iterator's last value is why the body ended too early, or undefined where it ended as HTTP says.
 */
export interface AnswerBody extends AsyncIterator<Uint8Array, Failure | undefined, undefined> {
  next(): Promise<IteratorResult<Uint8Array, Failure | undefined>>;
  /** What `next()` does, for the hot path: no promise, and no copy of the bytes. One pull or `next()` at a time. */
  pull(receiver: BytesReceiver): void;
  /** Destroys the connection unless the body has ended or was released. May be called at any time, more than once. */
  return(): Promise<IteratorResult<Uint8Array, Failure | undefined>>;
  /**
   * The reader has all it wants: a pending `next()` ends, and what is left of the body is read and dropped
   * so that the connection can serve again, at most 64 KiB and 1 s; then it is destroyed.
   * An abort of the request no longer reaches it.
   */
  release(): void;
}

/** What the body asks of the connection behind it. */
export interface BodySource {
  resume(): void;
  pause(): void;
  destroy(): void;
  /** The reader has let go: its abort is no longer this body's affair. */
  detach(): void;
}

export interface BodyQueue {
  readonly body: AnswerBody;
  /** The bytes are kept until {@link BodyQueue.flush}, which must come before they change. */
  push(buffer: Buffer, from: number, to: number): void;
  /** Behind everything that one read of the socket brought: chunked bodies come piece by piece, and are one batch. */
  flush(): void;
  end(failure: Failure | undefined): void;
}

const maxDrainBytes = 64 * 1024;
const maxDrainMs = 1_000;

/**
 * Joins a connection that pushes to a reader that pulls. Bounded by two reads of the socket (64 KiB
 * each): the source is paused as soon as one has brought something that nobody asked for.
 */
export function createBodyQueue(source: BodySource): BodyQueue {
  return new QueuedBody(source);
}

/** One object for both ends: what an event touches is what it costs (decisions/0006). */
class QueuedBody implements BodyQueue, AnswerBody {
  private readonly source: BodySource;
  /** Copies, made where bytes come in several pieces or before anybody asks; undefined for none. */
  private pieces: Buffer[] | undefined;
  /** The only piece of this read so far, while it lies in the socket's buffer: the usual case, and no copy. */
  private live: Buffer | undefined;
  private liveFrom = 0;
  private liveTo = 0;
  private waiting: BytesReceiver | undefined;
  private paused = false;
  private ended = false;
  private reason: Failure | undefined;
  /** Bytes dropped since the reader let go; undefined while it still reads. */
  private drained: number | undefined;
  private drainTimer: NodeJS.Timeout | undefined;

  constructor(source: BodySource) {
    this.source = source;
  }

  get body(): AnswerBody {
    return this;
  }

  push(buffer: Buffer, from: number, to: number): void {
    if (this.ended) return;
    if (this.drained !== undefined) {
      this.drained += to - from;
      if (this.drained > maxDrainBytes) this.source.destroy();
      return;
    }
    if (this.waiting !== undefined && this.live === undefined && this.pieces === undefined) {
      this.live = buffer;
      this.liveFrom = from;
      this.liveTo = to;
      return;
    }
    this.keepLive();
    // An event's few hundred bytes come out of Node's pool.
    this.keep(Buffer.from(buffer.subarray(from, to)));
  }

  flush(): void {
    const receiver = this.waiting;
    if (receiver === undefined) {
      // An ended body has no claim on the connection any more: it may be serving the next request.
      if (this.pieces === undefined || this.ended) return;
      this.paused = true;
      this.source.pause();
      return;
    }
    if (this.live !== undefined) {
      const buffer = this.live;
      this.live = undefined;
      this.waiting = undefined;
      receiver.bytes(buffer, this.liveFrom, this.liveTo);
    } else if (this.pieces !== undefined) {
      this.waiting = undefined;
      this.hand(this.pieces, receiver);
    } else if (this.ended || this.drained !== undefined) {
      this.waiting = undefined;
      receiver.ended(this.reason);
    }
  }

  end(failure: Failure | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.reason = failure;
    clearTimeout(this.drainTimer);
    this.flush();
  }

  pull(receiver: BytesReceiver): void {
    if (this.drained === undefined && this.pieces !== undefined) this.hand(this.pieces, receiver);
    else if (this.ended || this.drained !== undefined) receiver.ended(this.reason);
    else {
      this.waiting = receiver;
      if (this.paused) this.resume();
    }
  }

  next(): Promise<IteratorResult<Uint8Array, Failure | undefined>> {
    return new Promise((resolve) => {
      this.pull({
        bytes: (buffer, from, to) => resolve({ done: false, value: Buffer.from(buffer.subarray(from, to)) }),
        ended: (value) => resolve({ done: true, value }),
      });
    });
  }

  return(): Promise<IteratorResult<Uint8Array, Failure | undefined>> {
    if (!this.ended && this.drained === undefined) {
      this.pieces = undefined;
      this.live = undefined;
      this.end(undefined);
      this.source.destroy();
    }
    return Promise.resolve({ done: true, value: this.reason });
  }

  release(): void {
    if (this.ended || this.drained !== undefined) return;
    this.keepLive();
    this.drained = (this.pieces ?? []).reduce((sum, piece) => sum + piece.length, 0);
    this.pieces = undefined;
    this.source.detach();
    this.drainTimer = setTimeout(this.source.destroy, maxDrainMs);
    this.drainTimer.unref();
    this.flush();
    if (this.paused) this.resume();
  }

  private keepLive(): void {
    if (this.live === undefined) return;
    this.keep(Buffer.from(this.live.subarray(this.liveFrom, this.liveTo)));
    this.live = undefined;
  }

  private keep(piece: Buffer): void {
    if (this.pieces === undefined) this.pieces = [piece];
    else this.pieces.push(piece);
  }

  private hand(pieces: readonly Buffer[], receiver: BytesReceiver): void {
    this.pieces = undefined;
    const [first] = pieces;
    const bytes = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
    receiver.bytes(bytes, 0, bytes.length);
  }

  private resume(): void {
    this.paused = false;
    this.source.resume();
  }
}
