import type { IncomingMessage } from 'node:http';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { BodyShare } from './body-budget.ts';
import { brokenBody } from './broken-body.ts';

/** What is taken at first, whatever length a client declares: it may send none of it. */
const firstBytes = 64 * 1024;
/** Of the buffer, each time it is full: of 10 MiB half is copied once more. */
const growth = 4;
/**
 * Each piece of a body costs the parser, the stream and us four microseconds, however little is in it. A body in more
 * pieces than this, with less than that in each, is more frame than body. JSON encoders that write piece by piece are
 * above: they write a text in one.
 */
const fairPieces = 2_048;
const fairPieceBytes = 16;

export interface ReceiveOptions {
  readonly maxBytes: number;
  /** `Content-Length`, at most `maxBytes`; undefined for a chunked body. */
  readonly declaredBytes: number | undefined;
  /** Pays for the buffer; the caller releases it when it has done with the bytes. */
  readonly share: BodyShare;
}

/**
 * Reads a body to its end into one buffer that grows with what has come: reading pieces one by one as objects costs
 * five hundred bytes a piece. Failures: `body_too_large`, `overloaded` where the share has no room,
 * `invalid_value` for a body in crumbs, that of {@link brokenBody} where its framing broke, `invalid_json` where the client
 * stopped half-way. Behind a refusal
 * the socket is paused, and what still comes is dropped.
 */
export function receiveBody(request: IncomingMessage, options: ReceiveOptions): Promise<Result<Uint8Array>> {
  const { maxBytes, declaredBytes, share } = options;
  const mostBytes = declaredBytes ?? maxBytes;
  let buffer: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let pieces = 0;

  function take(piece: Buffer): Failure | undefined {
    pieces += 1;
    const needed = bytes + piece.length;
    if (needed > maxBytes) return tooLarge(maxBytes);
    if (pieces > fairPieces && needed < pieces * fairPieceBytes) return inCrumbs;
    if (needed === declaredBytes && bytes === 0) {
      // The usual one: it has come in one read, whose copy is ours.
      if (!share.resize(needed)) return noRoom;
      buffer = piece;
      bytes = needed;
      return undefined;
    }
    if (needed > buffer.length) {
      const grown = Math.max(needed, Math.min(mostBytes, Math.max(firstBytes, growth * buffer.length)));
      if (!share.resize(grown)) return noRoom;
      const larger = Buffer.allocUnsafe(grown);
      buffer.copy(larger, 0, 0, bytes);
      buffer = larger;
    }
    piece.copy(buffer, bytes);
    bytes = needed;
    return undefined;
  }

  // Refused before it comes, where it is known now that there is no room.
  if (declaredBytes !== undefined && !share.fits(declaredBytes)) return Promise.resolve(fail(noRoom));
  return new Promise((resolve) => {
    const settle = (result: Result<Uint8Array>) => {
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      resolve(result);
    };
    const onData = (piece: Buffer) => {
      const refused = take(piece);
      if (refused === undefined) return;
      // Without a listener the rest of this read would be kept, an object a piece; the pause holds the feed of the
      // parser until the next turn of the loop at least.
      request.on('data', drop);
      request.socket.pause();
      settle(fail(refused));
    };
    const onEnd = () => {
      const broken = brokenBody(request);
      settle(broken === undefined ? ok(buffer.subarray(0, bytes)) : fail(broken.failure));
    };
    const onError = (error: Error) => settle(fail(brokenOff(error.message)));
    const onClose = () => settle(fail(brokenOff('the connection was closed')));
    request.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    if (request.destroyed) onClose();
  });
}

function drop(): void {}

export function tooLarge(maxBytes: number): Failure {
  return failure(
    'body_too_large',
    `The request body is larger than the ${maxBytes} bytes this server takes.`,
  );
}

const noRoom = failure(
  'overloaded',
  'The server receives as many bytes of request bodies as it has room for. Send this request again in a second.',
  { retryAfterMs: 1_000 },
);

const inCrumbs = failure(
  'invalid_value',
  `The request body came in more than ${fairPieces} pieces of less than ${fairPieceBytes} bytes each. ` +
    'Send it in larger chunks, or with Content-Length.',
);

function brokenOff(detail: string): Failure {
  return failure('invalid_json', 'The request body ended before it was complete.', { detail });
}
