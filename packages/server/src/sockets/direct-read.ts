/**
 * Reads sockets into one buffer that all of them share, without the machinery of a stream. Even for a socket with the option
 * `onread` Node touches five of its objects at each read, and these are cold where many streams are open (decisions/0021).
 *
 *     a read of bytes ──▶ reader
 *     the end, an error ──▶ Node's own function, as without this file
 */
import type { OnReadOpts, Socket } from 'node:net';
import { streamBinding as binding, type Handle, handleOf } from './stream-binding.ts';

/** Gets the bytes that a socket has read. */
export interface SocketReader {
  /** The first `length` bytes of `buffer`, which is used again after the call. */
  bytesRead(buffer: Buffer, length: number): void;
}

const readBytes = 64 * 1024;
/** On Windows the kernel writes into a buffer between the calls, so there each socket has its own buffer. */
const sharesBuffer = process.platform !== 'win32';
/**
 * One buffer for the reads of all sockets, because a reader uses the bytes within the call. Without it Node would allocate a
 * buffer of this size for each read and shrink it again.
 */
const sharedBuffer = Buffer.allocUnsafeSlow(sharesBuffer ? readBytes : 0);

/** The value of the option `onread` for a new socket. The callback keeps the reader and the buffer alive, and no variable of the caller. */
export function readOptions(reader: SocketReader): OnReadOpts {
  const buffer = sharesBuffer ? sharedBuffer : Buffer.allocUnsafeSlow(readBytes);
  const callback = (length: number) => {
    reader.bytesRead(buffer, length);
    return true;
  };
  return { buffer, callback };
}

const readerOf = Symbol('reader');

interface ReadHandle extends Handle {
  [readerOf]: SocketReader;
}

/** Node's own function for each read. It is the same for all handles. */
let nodeRead: Handle['onread'] | undefined;

/**
 * Gives an open socket that was made with {@link readOptions} of this reader a shorter way to it. Changes nothing where Node has
 * other internals.
 */
export function readDirectly(socket: Socket, reader: SocketReader): void {
  const handle = handleOf(socket);
  if (!sharesBuffer || binding === undefined || typeof handle?.onread !== 'function') return;
  nodeRead ??= handle.onread;
  if (handle.onread !== nodeRead) return;
  (handle as ReadHandle)[readerOf] = reader;
  handle.onread = takeRead;
}

/** One function for all handles: a closure for each would take 60 bytes of a stream. A paused or closed handle reads nothing. */
function takeRead(this: Handle, bytes?: ArrayBuffer): unknown {
  const length = binding?.streamBaseState[binding.kReadBytesOrError] ?? 0;
  if (length <= 0) return nodeRead?.call(this, bytes);
  (this as ReadHandle)[readerOf].bytesRead(sharedBuffer, length);
  return undefined;
}
