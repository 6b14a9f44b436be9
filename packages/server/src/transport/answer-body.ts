import type { Failure } from '../domain/failure.ts';

/**
 * The bytes of an answer, as far as somebody pulls them. One `next()` brings everything that one read of
 * the socket brought; while nobody pulls, the socket is not read.
 *
 * The iterator's last value is why the body ended too early, or undefined where it ended as HTTP says.
 */
export interface AnswerBody extends AsyncIterator<Uint8Array, Failure | undefined, undefined> {
  next(): Promise<IteratorResult<Uint8Array, Failure | undefined>>;
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
  /** Takes a copy. */
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
  let pieces: Uint8Array[] = [];
  let waiting: ((result: IteratorResult<Uint8Array, Failure | undefined>) => void) | undefined;
  let ended: { readonly failure: Failure | undefined } | undefined;
  /** Bytes dropped since the reader let go; undefined while it still reads. */
  let drained: number | undefined;
  let drainTimer: NodeJS.Timeout | undefined;

  const done = (): IteratorResult<Uint8Array, Failure | undefined> => ({ done: true, value: ended?.failure });

  function take(): Uint8Array {
    const [first] = pieces;
    const bytes = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
    pieces = [];
    return bytes;
  }

  function flush(): void {
    const resolve = waiting;
    if (resolve === undefined) {
      // An ended body has no claim on the connection any more: it may be serving the next request.
      if (pieces.length > 0 && ended === undefined) source.pause();
      return;
    }
    if (pieces.length > 0) {
      waiting = undefined;
      resolve({ done: false, value: take() });
    } else if (ended !== undefined || drained !== undefined) {
      waiting = undefined;
      resolve(done());
    }
  }

  function finish(failure: Failure | undefined): void {
    if (ended !== undefined) return;
    ended = { failure };
    clearTimeout(drainTimer);
    flush();
  }

  return {
    push(bytes) {
      if (ended !== undefined) return;
      if (drained !== undefined) {
        drained += bytes.length;
        if (drained > maxDrainBytes) source.destroy();
        return;
      }
      // The bytes are valid only now. An event's few hundred come out of Node's pool.
      pieces.push(Buffer.from(bytes));
    },
    flush,
    end: finish,
    body: {
      next() {
        if (drained === undefined && pieces.length > 0) {
          return Promise.resolve({ done: false, value: take() });
        }
        if (ended !== undefined || drained !== undefined) return Promise.resolve(done());
        return new Promise((resolve) => {
          waiting = resolve;
          source.resume();
        });
      },
      return() {
        if (ended === undefined && drained === undefined) {
          pieces = [];
          finish(undefined);
          source.destroy();
        }
        return Promise.resolve(done());
      },
      release() {
        if (ended !== undefined || drained !== undefined) return;
        drained = pieces.reduce((sum, piece) => sum + piece.length, 0);
        pieces = [];
        source.detach();
        drainTimer = setTimeout(source.destroy, maxDrainMs);
        drainTimer.unref();
        flush();
        source.resume();
      },
    },
  };
}
