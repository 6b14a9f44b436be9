import type { Duplex } from 'node:stream';
import type { ByteChannel } from './contract.ts';

/**
 * Many channels over one socket between two processes. A message is a frame; messages of one channel arrive in their order, and
 * those that are sent in one callback of the event loop leave in one write.
 *
 *     frame:  length (4 bytes) | channel (4 bytes) | kind (1 byte): message, close | payload
 */
export interface Link {
  /**
   * The channel with this number. The first side that has something to say opens it by a message; messages wait for the
   * listener. A number is used once: a channel that is closed cannot be opened again.
   */
  channel(number: number): ByteChannel;
  /** Bytes that the other process has not read yet. */
  readonly waitingBytes: number;
  /** Resolves when the other process has ended or either side has closed the link; its channels are closed then. */
  readonly closed: Promise<void>;
  close(): void;
}

const headBytes = 9;
const kinds = { message: 0, close: 1 } as const;

/** Takes the socket over. */
export function createLink(socket: Duplex): Link {
  const channels = new Map<number, LinkChannel>();
  let leaving: Uint8Array[] = [];
  let open = true;
  const ended = Promise.withResolvers<void>();

  function flush(): void {
    const frames = leaving;
    leaving = [];
    if (open) socket.write(frames.length === 1 ? frames[0] : Buffer.concat(frames));
  }

  function write(channel: number, kind: number, payload: Uint8Array): void {
    if (!open) return;
    const frame = Buffer.allocUnsafe(headBytes + payload.length);
    frame.writeUInt32LE(payload.length, 0);
    frame.writeUInt32LE(channel, 4);
    frame[8] = kind;
    frame.set(payload, headBytes);
    if (leaving.push(frame) === 1) queueMicrotask(flush);
  }

  function channelOf(number: number): LinkChannel {
    const known = channels.get(number);
    if (known !== undefined) return known;
    const fresh = new LinkChannel((kind, payload) => write(number, kind, payload));
    channels.set(number, fresh);
    if (!open) fresh.ended();
    return fresh;
  }

  function end(): void {
    if (!open) return;
    open = false;
    socket.destroy();
    for (const channel of channels.values()) channel.ended();
    ended.resolve();
  }

  readFrames(socket, (number, kind, payload) => {
    if (kind === kinds.close) channelOf(number).ended();
    else channelOf(number).came(payload);
  });
  socket.on('error', end);
  socket.on('end', end);
  socket.on('close', end);

  return {
    channel: channelOf,
    get waitingBytes() {
      return socket.writableLength;
    },
    closed: ended.promise,
    close: end,
  };
}

class LinkChannel implements ByteChannel {
  private readonly write: (kind: number, payload: Uint8Array) => void;
  private listener: ((message: Uint8Array<ArrayBuffer>) => void) | undefined;
  private waiting: Uint8Array<ArrayBuffer>[] = [];
  private onEnd: (() => void)[] = [];
  private open = true;

  constructor(write: (kind: number, payload: Uint8Array) => void) {
    this.write = write;
  }

  readonly send = (message: Uint8Array): void => {
    if (this.open) this.write(kinds.message, message);
  };

  readonly onMessage = (listener: (message: Uint8Array<ArrayBuffer>) => void): void => {
    this.listener = listener;
    const { waiting } = this;
    this.waiting = [];
    for (const message of waiting) listener(message);
  };

  readonly onClose = (listener: () => void): void => {
    if (this.open) this.onEnd.push(listener);
    else listener();
  };

  readonly close = (): void => {
    if (!this.open) return;
    this.write(kinds.close, nothing);
    this.ended();
  };

  came(message: Uint8Array<ArrayBuffer>): void {
    if (!this.open) return;
    if (this.listener === undefined) this.waiting.push(message);
    else this.listener(message);
  }

  ended(): void {
    if (!this.open) return;
    this.open = false;
    for (const listener of this.onEnd) listener();
    this.onEnd = [];
  }
}

const nothing = new Uint8Array(0);

/** Calls `take` for each frame. Each payload has a buffer of its own, so it can be transferred to a thread. */
function readFrames(
  socket: Duplex,
  take: (channel: number, kind: number, payload: Uint8Array<ArrayBuffer>) => void,
): void {
  const head = Buffer.alloc(headBytes);
  let headLength = 0;
  let payload: Uint8Array<ArrayBuffer> = nothing;
  /** Bytes of the payload that have come; undefined while the head comes. */
  let filled: number | undefined;
  socket.on('data', (piece: Buffer) => {
    for (let at = 0; at < piece.length; ) {
      if (filled === undefined) {
        const part = piece.subarray(at, at + headBytes - headLength);
        head.set(part, headLength);
        headLength += part.length;
        at += part.length;
        if (headLength < headBytes) return;
        payload = new Uint8Array(head.readUInt32LE(0));
        filled = 0;
      }
      const part = piece.subarray(at, at + payload.length - filled);
      payload.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < payload.length) return;
      headLength = 0;
      filled = undefined;
      take(head.readUInt32LE(4), head[8] ?? kinds.message, payload);
    }
  });
}
