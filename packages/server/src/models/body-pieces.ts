import type { Readable } from 'node:stream';

// Bytes that are read from the network before they are written to the disk.
const maxQueuedBytes = 1024 * 1024;

export interface BodyPieces extends AsyncIterable<Buffer> {
  /** Set when the iteration has ended: why the body ended early; undefined where it was complete. */
  readonly error: unknown;
}

/**
 * The pieces of a body, with all that arrived before an error. The stream's own iteration drops its buffer at an error, and
 * a resumed download would have to fetch those bytes again. Call it before anything else is awaited, and iterate once. The
 * iteration never rejects.
 */
export function bodyPieces(body: Readable): BodyPieces {
  const queue: Buffer[] = [];
  let queuedBytes = 0;
  let ended = body.destroyed;
  let error: unknown = body.errored ?? undefined;
  let wake = (): void => {};

  body.on('data', (piece: Buffer) => {
    queue.push(piece);
    queuedBytes += piece.length;
    if (queuedBytes > maxQueuedBytes) body.pause();
    wake();
  });
  body.once('error', (reason) => {
    error = reason;
  });
  // After `end` and after `error`: the last event of every stream.
  body.once('close', () => {
    ended = true;
    wake();
  });

  async function* pieces(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const piece = queue.shift();
      if (piece !== undefined) {
        yield piece;
        queuedBytes -= piece.length;
        if (body.isPaused() && queuedBytes <= maxQueuedBytes) body.resume();
      } else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  return {
    get error() {
      return error;
    },
    [Symbol.asyncIterator]: pieces,
  };
}
