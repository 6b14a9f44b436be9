/**
 * Writes to a socket without the machinery of a stream. Node's `socket.write` makes some ten objects for each write, and plans
 * a turn of its own in which the stream learns that the write is done: 8 µs of the 55 that a relayed event costs. A frame of an
 * answer, or a small request to an upstream, needs none of it where nothing else waits to be written: the kernel takes the text
 * at once, or the stream gets it.
 *
 *     the stream holds nothing, the frame is small ──▶ handle.writeLatin1String
 *        │ no                                            ├ the kernel took all of it ─▶ done, true
 *        ▼                                               ├ a part of it ─▶ the stream counts the frame as a write under way
 *     socket.write ◀── an error: nothing was written ────┘
 *
 * So the state of the stream is that of `socket.write` in every case that can be seen: what it holds, 'drain', errors, the
 * order with what is written before and after. `direct-write.test.ts` compares both ways on random frames and readers.
 */
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { streamBinding as binding, type Handle, handleOf, type WriteRequest } from './stream-binding.ts';

type WriteCallback = (error?: Error | null) => void;

interface SocketInternals {
  _write(text: unknown, encoding: BufferEncoding, done: WriteCallback): void;
  /** Begins the socket's timeout again. */
  _unrefTimer(): void;
}

/** A longer frame is written by the stream: Node writes it only after it has copied it, and its progress has to be seen. */
const maxLength = 16_000;

let unused = binding === undefined ? undefined : new binding.WriteWrap();

/** Whether this version of Node has the internals that {@link writeDirectly} uses. */
export const writesDirectly = binding !== undefined;

/** Does what `socket.write(text, 'latin1')` does, for text of latin1 only. */
export function writeDirectly(socket: Socket, text: string): boolean {
  if (binding === undefined || unused === undefined || text.length > maxLength || !isIdle(socket)) {
    return socket.write(text, 'latin1');
  }
  const handle = handleOf(socket);
  if (!canWrite(handle)) return socket.write(text, 'latin1');
  const failed = handle.writeLatin1String(unused, text) !== 0;
  // Nothing was written: the stream meets the same error, and handles it.
  if (failed) return socket.write(text, 'latin1');
  if (binding.streamBaseState[binding.kLastWriteWasAsync] === 0) return true;
  const request = unused;
  unused = new binding.WriteWrap();
  return countAsWrite(socket, text, request);
}

function canWrite(handle: Partial<Handle> | null): handle is Pick<Handle, 'writeLatin1String'> {
  return typeof handle?.writeLatin1String === 'function';
}

/** Whether nothing waits in the stream: what is written now is the next of the socket. */
function isIdle(socket: Socket): boolean {
  return (
    socket.writableLength === 0 &&
    socket.writableCorked === 0 &&
    !socket.writableNeedDrain &&
    socket.writable &&
    !socket.connecting
  );
}

/**
 * The system has taken the text and will write the rest of it; the stream gets it as a write under way, which ends with
 * `request`.
 */
function countAsWrite(socket: Socket, text: string, request: WriteRequest): boolean {
  const internals = socket as unknown as SocketInternals;
  const { _write: write } = internals;
  internals._write = (_text, _encoding, done) => {
    request.oncomplete = (status) => {
      if (status < 0) done(writeError(status));
      else {
        if (!socket.destroyed) internals._unrefTimer();
        done();
      }
    };
  };
  try {
    return socket.write(text, 'latin1');
  } finally {
    internals._write = write;
  }
}

function writeError(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { errno: status, code, syscall: 'write' });
}
