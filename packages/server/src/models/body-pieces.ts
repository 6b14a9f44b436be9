import type { Readable } from 'node:stream';

// How far the network may be ahead of the disk.
const maxQueuedBytes = 1024 * 1024;

export interface BodyPieces extends AsyncIterable<Buffer> {
  /** Why the body ended early, once the iteration is over; undefined where it ended well. */
  readonly error: unknown;
}

/**
 * The pieces of a body, all that came before it failed included: iterating the stream itself drops what it has
 * buffered when it fails, and that is just what a resume need not fetch again. Call it before anything
 * else is awaited, and iterate once. The iteration never rejects.
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
