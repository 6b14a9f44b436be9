/**
 * Writes to a socket without the machinery of a stream. Node's `socket.write` makes some ten objects for each write, and plans
 * a turn of its own in which the stream learns that the write is done: 8 µs of the 55 that a relayed event costs. A frame of an
 * answer needs none of it where nothing else waits to be written: the kernel takes the frame at once, or the stream gets it.
 *
 *     the stream holds nothing, the frame is small ──▶ handle.writeLatin1String
 *        │ no                                            ├ the kernel took all of it ─▶ done, true
 *        ▼                                               ├ a part of it ─▶ the stream counts the frame as a write under way
 *     socket.write ◀── an error: nothing was written ────┘
 *
 * So the state of the stream is that of `socket.write` in every case that can be seen: what it holds, 'drain', errors, the
 * order with what is written before and after. `direct-write.test.ts` compares both ways on random frames and readers.
 *
 * The handle and its requests are internals of Node (decisions/0005 has the same for a library). They are looked up once; where
 * they have another shape, every frame is written by `socket.write`.
 */
import { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** Node's request for one write to a handle. The write uses it only where the kernel does not take all bytes at once. */
interface WriteRequest {
  /** Called when the rest is written, or with a negative error number. */
  oncomplete?: (status: number) => void;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

interface Handle {
  /** Returns 0 or a negative error number. */
  writeLatin1String(request: WriteRequest, text: string): number;
}

type WriteCallback = (error?: Error | null) => void;

interface SocketInternals {
  readonly _handle: Handle | null;
  _write(text: unknown, encoding: BufferEncoding, done: WriteCallback): void;
  /** Begins the socket's timeout again. */
  _unrefTimer(): void;
}

/** A longer frame is written by the stream: Node writes it only after it has copied it, and its progress has to be seen. */
const maxLength = 16_000;

const binding = lookUpBinding();
let unused = binding === undefined ? undefined : new binding.WriteWrap();

/** Whether this version of Node has the internals that {@link writeDirectly} uses. */
export const writesDirectly = binding !== undefined;

/** Does what `socket.write(text, 'latin1')` does, for text of latin1 only. */
export function writeDirectly(socket: Socket, text: string): boolean {
  if (binding === undefined || unused === undefined || text.length > maxLength || !isIdle(socket)) {
    return socket.write(text, 'latin1');
  }
  const { _handle: handle } = socket as unknown as SocketInternals;
  if (handle === null || typeof handle?.writeLatin1String !== 'function') return socket.write(text, 'latin1');
  const failed = handle.writeLatin1String(unused, text) !== 0;
  // Nothing was written: the stream meets the same error, and handles it.
  if (failed) return socket.write(text, 'latin1');
  if (binding.streamBaseState[binding.kLastWriteWasAsync] === 0) return true;
  const request = unused;
  unused = new binding.WriteWrap();
  return countAsWrite(socket, text, request);
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

function lookUpBinding(): StreamBinding | undefined {
  const { binding: get } = process as unknown as {
    readonly binding?: (name: string) => Partial<StreamBinding>;
  };
  try {
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = get?.call(process, 'stream_wrap') ?? {};
    if (typeof WriteWrap !== 'function' || typeof kLastWriteWasAsync !== 'number') return undefined;
    if (!(streamBaseState instanceof Int32Array) || !('_write' in Socket.prototype)) return undefined;
    return { WriteWrap, streamBaseState, kLastWriteWasAsync };
  } catch {
    return undefined;
  }
}
