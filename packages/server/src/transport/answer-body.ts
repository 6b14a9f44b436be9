import type { Failure } from '../domain/failure.ts';

/** Told by one {@link AnswerBody.pull}, within it or later, by exactly one of the two. Neither may throw. */
export interface BytesReceiver {
  /** What one read of the socket brought; valid only during the call. */
  bytes(bytes: Uint8Array): void;
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
  push(bytes: Uint8Array): void;
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
  /** Copies, made where bytes come in several pieces or before anybody asks. */
  let pieces: Uint8Array[] = [];
  /** The only piece of this read so far, while it lies in the socket's buffer: the usual case, and no copy. */
  let live: Uint8Array | undefined;
  let waiting: BytesReceiver | undefined;
  let paused = false;
  let ended: { readonly failure: Failure | undefined } | undefined;
  /** Bytes dropped since the reader let go; undefined while it still reads. */
  let drained: number | undefined;
  let drainTimer: NodeJS.Timeout | undefined;

  function take(): Uint8Array {
    const [first] = pieces;
    const bytes = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
    pieces = [];
    return bytes;
  }

  function flush(): void {
    const receiver = waiting;
    if (receiver === undefined) {
      // An ended body has no claim on the connection any more: it may be serving the next request.
      if (pieces.length === 0 || ended !== undefined) return;
      paused = true;
      source.pause();
      return;
    }
    if (live !== undefined || pieces.length > 0) {
      const bytes = live ?? take();
      live = undefined;
      waiting = undefined;
      receiver.bytes(bytes);
    } else if (ended !== undefined || drained !== undefined) {
      waiting = undefined;
      receiver.ended(ended?.failure);
    }
  }

  function resume(): void {
    if (!paused) return;
    paused = false;
    source.resume();
  }

  function finish(failure: Failure | undefined): void {
    if (ended !== undefined) return;
    ended = { failure };
    clearTimeout(drainTimer);
    flush();
  }

  function pull(receiver: BytesReceiver): void {
    if (drained === undefined && pieces.length > 0) {
      receiver.bytes(take());
    } else if (ended !== undefined || drained !== undefined) {
      receiver.ended(ended?.failure);
    } else {
      waiting = receiver;
      resume();
    }
  }

  return {
    push(bytes) {
      if (ended !== undefined) return;
      if (drained !== undefined) {
        drained += bytes.length;
        if (drained > maxDrainBytes) source.destroy();
        return;
      }
      if (waiting !== undefined && live === undefined && pieces.length === 0) {
        live = bytes;
        return;
      }
      if (live !== undefined) {
        pieces.push(Buffer.from(live));
        live = undefined;
      }
      // An event's few hundred bytes come out of Node's pool.
      pieces.push(Buffer.from(bytes));
    },
    flush,
    end: finish,
    body: {
      pull,
      next() {
        return new Promise((resolve) => {
          pull({
            bytes: (bytes) => resolve({ done: false, value: Buffer.from(bytes) }),
            ended: (value) => resolve({ done: true, value }),
          });
        });
      },
      return() {
        if (ended === undefined && drained === undefined) {
          pieces = [];
          live = undefined;
          finish(undefined);
          source.destroy();
        }
        return Promise.resolve({ done: true, value: ended?.failure });
      },
      release() {
        if (ended !== undefined || drained !== undefined) return;
        drained = pieces.reduce((sum, piece) => sum + piece.length, 0);
        pieces = [];
        live = undefined;
        source.detach();
        drainTimer = setTimeout(source.destroy, maxDrainMs);
        drainTimer.unref();
        flush();
        resume();
      },
    },
  };
}
