import { failure } from '../domain/failure.ts';
import type { Refusal } from './broken-body.ts';

/** Node's `clientError`, for bytes that are no request: the system's error, or the parser's. */
export interface ClientError extends NodeJS.ErrnoException {
  /** The parser's own text; it holds nothing that the client sent. */
  readonly reason?: string;
  readonly rawPacket?: Uint8Array;
}

/** The refusal for such an error. Undefined where the connection itself broke: then no client is left to answer. */
export function describeClientError(error: ClientError, maxHeaderBytes: number): Refusal | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return refusal(
        431,
        `The request's headers, or its trailers, are larger than ${maxHeaderBytes} bytes. Send fewer or shorter ones.`,
      );
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return {
        status: 413,
        failure: failure(
          'body_too_large',
          'The chunked body has more chunk extensions than this server takes. Send chunks without them.',
        ),
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusal(408, 'The request did not arrive whole in time. Send it again, and faster.');
    case 'HPE_INVALID_EOF_STATE':
      return { status: 400, failure: failure('invalid_json', 'The request ended before it was complete.') };
    case 'HPE_PAUSED_H2_UPGRADE':
      return refusal(400, 'HTTP/2 came, and this server speaks HTTP/1.1. Set the client to HTTP/1.1.');
    case 'HPE_INVALID_CONSTANT':
      return refusal(
        400,
        "This is not a well-formed HTTP/1.1 request: behind the target 'HTTP/1.1' is expected. A target holds no spaces; write them as %20.",
      );
    default:
      if (error.code?.startsWith('HPE_') !== true) return undefined;
      // A TLS handshake record begins with 22, 3.
      if (error.rawPacket?.[0] === 0x16 && error.rawPacket[1] === 3) {
        return refusal(400, 'This port speaks plain HTTP, and TLS came. Use a URL that begins with http://.');
      }
      return refusal(400, `This is not a well-formed HTTP/1.1 request: ${wordsOf(error.reason)}.`);
  }
}

/** The same for an error inside a body, where the parser's own codes do not fit: it expected a chunk. */
export function describeBodyError(error: ClientError, maxHeaderBytes: number): Refusal | undefined {
  const described = describeClientError(error, maxHeaderBytes);
  if (described?.status !== 400) return described;
  if (error.code !== 'HPE_INVALID_EOF_STATE') return chunksMalformed(error.reason);
  return { status: 400, failure: failure('invalid_json', 'The request body ended before it was complete.') };
}

function chunksMalformed(reason: string | undefined): Refusal {
  const expected = 'its size in hexadecimal, CRLF, its bytes, CRLF, and a chunk of size 0 at the end';
  return refusal(400, `The chunked body is malformed: ${wordsOf(reason)}. Send each chunk as ${expected}.`);
}

function wordsOf(reason: string | undefined): string {
  return reason === undefined || reason === '' ? 'it cannot be read' : reason.replace(/\.$/, '');
}

function refusal(status: number, message: string): Refusal {
  return { status, failure: failure('invalid_value', message) };
}
