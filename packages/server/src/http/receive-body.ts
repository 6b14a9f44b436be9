import type { IncomingMessage } from 'node:http';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { BodyShare } from './body-budget.ts';
import { brokenBody } from './broken-body.ts';

/** The first buffer, whatever length a client declares: the client may send none of it. */
const firstBytes = 64 * 1024;
/** Factor by which a full buffer grows: on the way to 10 MiB half of the bytes are copied once more. */
const growth = 4;
/**
 * Each piece of a body costs four microseconds in parser, stream and here, however small it is. A body in more pieces than
 * this, with fewer bytes than that in each on average, is refused. JSON encoders that write piece by piece stay above it:
 * they write each text in one piece.
 */
const fairPieces = 2_048;
const fairPieceBytes = 16;

export interface ReceiveOptions {
  readonly maxBytes: number;
  /** `Content-Length`, at most `maxBytes`; undefined for a chunked body. */
  readonly declaredBytes: number | undefined;
  /** The account of the buffer; the caller releases it when it does not need the bytes any more. */
  readonly share: BodyShare;
}

/**
 * Reads a body to its end into one buffer that grows with it: a list of its pieces would cost five hundred bytes a piece.
 * Failures: `body_too_large`, `overloaded` where the share has no room, `invalid_value` for a body in too many tiny
 * pieces, that of {@link brokenBody} where its framing broke, `invalid_json` where the client stopped half-way. After a
 * refusal the socket is paused, and what still comes is dropped.
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
    if (pieces > fairPieces && needed < pieces * fairPieceBytes) return tooSmallPieces;
    if (needed === declaredBytes && bytes === 0) {
      // The usual case: the body came in one read, into a buffer that only this body uses.
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

  // Refused before it comes, where its declared length already has no room.
  if (declaredBytes !== undefined && !share.fits(declaredBytes)) return Promise.resolve(fail(noRoom));
  return new Promise((resolve) => {
    const settle = (result: Result<Uint8Array>) => {
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      resolve(result);
    };
    const onData = (piece: Buffer) => {
      const refused = take(piece);
      if (refused === undefined) return;
      // Without a listener Node would keep what is left of this read, an object a piece. The pause stops the feed of the
      // parser at least until the next turn of the loop.
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

const tooSmallPieces = failure(
  'invalid_value',
  `The request body came in more than ${fairPieces} pieces of less than ${fairPieceBytes} bytes each. ` +
    'Send it in larger chunks, or with Content-Length.',
);

function brokenOff(detail: string): Failure {
  return failure('invalid_json', 'The request body ended before it was complete.', { detail });
}
