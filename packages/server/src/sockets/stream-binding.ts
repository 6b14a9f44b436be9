/**
 * What the files of this folder use of Node below its streams: internals, which are looked up once (decisions/0005 has the same
 * for a library). Where they have another shape, everything goes through the streams.
 */
import { Socket } from 'node:net';

/** Node's request for one write to a handle. The write uses it only where the kernel does not take all bytes at once. */
export interface WriteRequest {
  /** Called when the rest is written, or with a negative error number. */
  oncomplete?: (status: number) => void;
}

/** Node's own names, of its binding `stream_wrap`. */
export interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  /** Results of the last read or write of a handle; the members below are the indexes. */
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
  /** The number of bytes read; a negative error number, or that of the end, where nothing was read. */
  readonly kReadBytesOrError: number;
}

/** The object below an open socket. */
export interface Handle {
  /** Returns 0 or a negative error number. */
  writeLatin1String(request: WriteRequest, text: string): number;
  /** Called with the handle as `this` after each read. */
  onread: (this: Handle, bytes?: ArrayBuffer) => unknown;
}

/** Undefined where this version of Node has other internals. */
export const streamBinding = lookUpBinding();

/** The handle of an open socket. Check each member before use: the handle of TLS lacks some. */
export function handleOf(socket: Socket): Partial<Handle> | null {
  return (socket as unknown as { readonly _handle: Partial<Handle> | null })._handle;
}

function lookUpBinding(): StreamBinding | undefined {
  const { binding: get } = process as unknown as {
    readonly binding?: (name: string) => Partial<StreamBinding>;
  };
  try {
    const { WriteWrap, streamBaseState, kLastWriteWasAsync, kReadBytesOrError } =
      get?.call(process, 'stream_wrap') ?? {};
    if (typeof WriteWrap !== 'function' || !(streamBaseState instanceof Int32Array)) return undefined;
    if (typeof kLastWriteWasAsync !== 'number' || typeof kReadBytesOrError !== 'number') return undefined;
    if (!('_write' in Socket.prototype)) return undefined;
    return { WriteWrap, streamBaseState, kLastWriteWasAsync, kReadBytesOrError };
  } catch {
    return undefined;
  }
}
