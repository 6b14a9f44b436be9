import type { Failure } from '../domain/failure.ts';

/** Each {@link AnswerBody.pull} is followed by exactly one of these calls, within it or later. Neither may throw. */
export interface BytesReceiver {
  /** The bytes of one read of the socket: `buffer` from `from` up to `to`, valid only during the call. */
  bytes(buffer: Buffer, from: number, to: number): void;
  /** The body is over. `reason` says why it ended too early; undefined where it ended as HTTP says. */
  ended(reason: Failure | undefined): void;
}

/**
 * The bytes of an answer's body. One pull or `next()` returns the bytes of one read of the socket; between two pulls the
 * socket is not read, except for a bounded amount ({@link createBodyQueue}).
 *
 * The iterator's last value is why the body ended too early, or undefined where it ended as HTTP says.
 */
export interface AnswerBody extends AsyncIterator<Uint8Array, Failure | undefined, undefined> {
  next(): Promise<IteratorResult<Uint8Array, Failure | undefined>>;
  /** Does what `next()` does, without a promise and without a copy of the bytes. One pull or `next()` at a time. */
  pull(receiver: BytesReceiver): void;
  /** Destroys the connection unless the body has ended or was released. May be called at any time, more than once. */
  return(): Promise<IteratorResult<Uint8Array, Failure | undefined>>;
  /**
   * The caller needs no more bytes. A pending `next()` ends. The rest of the body is read and dropped, so that the connection
   * can be used again; after 64 KiB or 1 s of that it is destroyed. An abort of the request has no effect any more.
   */
  release(): void;
}

/** What a body calls of its connection. */
export interface BodySource {
  resume(): void;
  pause(): void;
  destroy(): void;
  /** The body was released: an abort of the request must not destroy the connection any more. */
  detach(): void;
}

/** The side of a body that its connection uses. */
export interface BodyQueue {
  readonly body: AnswerBody;
  /** Adds bytes of the body. They are not copied: {@link BodyQueue.flush} must be called before `buffer` changes. */
  push(buffer: Buffer, from: number, to: number): void;
  /** Called after each read of the socket: hands its bytes on together, though several chunks of the body were pushed. */
  flush(): void;
  /** The body is over; with a failure, too early. */
  end(failure: Failure | undefined): void;
}

const maxDrainBytes = 64 * 1024;
const maxDrainMs = 1_000;

/**
 * A queue between a connection that pushes and a reader that pulls. It holds at most two reads of the socket (64 KiB each):
 * the first read that comes without a pull pauses the socket.
 */
export function createBodyQueue(source: BodySource): BodyQueue {
  return new QueuedBody(source);
}

/** One object for both sides: an event costs as much as the objects that it touches (decisions/0006). */
class QueuedBody implements BodyQueue, AnswerBody {
  private readonly source: BodySource;
  /** Copies of bytes that came in several pieces or without a pull; undefined where there are none. */
  private pieces: Buffer[] | undefined;
  /** The only piece of the current read, still in the socket's buffer. This is the usual case; it needs no copy. */
  private live: Buffer | undefined;
  private liveFrom = 0;
  private liveTo = 0;
  private waiting: BytesReceiver | undefined;
  private paused = false;
  private ended = false;
  private reason: Failure | undefined;
  /** Bytes dropped since `release()`; undefined before it. */
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
    // Node takes small buffers, as for one event, from its pool.
    this.keep(Buffer.from(buffer.subarray(from, to)));
  }

  flush(): void {
    const receiver = this.waiting;
    if (receiver === undefined) {
      // After the body's end the connection may serve another request already: it must not be paused.
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
    this.drainTimer = setTimeout(destroySource, maxDrainMs, this.source);
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

function destroySource(source: BodySource): void {
  source.destroy();
}
