import type { Socket } from 'node:net';

/** The wall's hold on one socket: every byte that leaves is a fault's own. */
export interface WallConnection {
  /** Waits for room; false as soon as the peer has left, and then nothing more can be said. */
  write(bytes: string | Buffer): Promise<boolean>;
  /** Sends what was written, then FIN. */
  fin(): void;
  /** Throws the connection away with RST. */
  reset(): void;
  /** Aborted when the connection is over, whoever ended it. */
  readonly left: AbortSignal;
}

export interface OwnedConnection extends WallConnection {
  /** True where the peer ended the connection first. */
  leftByPeer(): boolean;
}

/** `onWritten` hears of every byte handed to the socket. Nothing here outlives the socket. */
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
  // Its meaning is in the `close` that follows.
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
      // A peer that keeps its side open must not keep the wall's.
      socket.end(() => socket.destroySoon());
    },
    reset() {
      byUs = true;
      socket.resetAndDestroy();
    },
  };
}
