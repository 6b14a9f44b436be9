import type { Socket } from 'node:net';

/** One socket, to which a fault writes each byte itself. */
export interface WallConnection {
  /** Resolves when the socket takes more bytes; false once the peer has left, and then nothing more can be sent. */
  write(bytes: string | Buffer): Promise<boolean>;
  /** Sends what was written, then FIN. */
  fin(): void;
  /** Ends the connection with RST. */
  reset(): void;
  /** Aborts when the connection is over, ended by either side. */
  readonly left: AbortSignal;
}

export interface OwnedConnection extends WallConnection {
  /** True where the peer ended the connection first. */
  leftByPeer(): boolean;
}

/** `onWritten` is called with the number of bytes of each write. */
export function ownSocket(socket: Socket, onWritten: (bytes: number) => void): OwnedConnection {
  const left = new AbortController();
  let byUs = false;
  let byPeer = false;
  const gone = (): void => {
    byPeer ||= !byUs;
    left.abort();
  };
  socket.setNoDelay(true);
  socket.on('end', gone);
  socket.on('close', gone);
  // 'close' follows and is handled.
  socket.on('error', () => {});

  return {
    left: left.signal,
    leftByPeer: () => byPeer,
    write(bytes) {
      if (left.signal.aborted) return Promise.resolve(false);
      onWritten(Buffer.byteLength(bytes));
      if (socket.write(bytes)) return Promise.resolve(true);
      return new Promise((resolve) => {
        const settle = (): void => {
          socket.off('drain', settle);
          left.signal.removeEventListener('abort', settle);
          resolve(!left.signal.aborted);
        };
        socket.once('drain', settle);
        left.signal.addEventListener('abort', settle);
      });
    },
    fin() {
      byUs = true;
      // Closes also where the peer keeps its side open.
      socket.end(() => socket.destroySoon());
    },
    reset() {
      byUs = true;
      socket.resetAndDestroy();
    },
  };
}
