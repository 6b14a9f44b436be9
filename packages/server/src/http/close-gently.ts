import type { Socket } from 'node:net';
import { stopFeeding } from './parser-feed.ts';

const maxDiscardedBytes = 1024 * 1024;
const lingerMs = 2_000;

/** A connection of which nothing more is read as HTTP. */
export interface LastWords {
  /** Sends what has been written, then FIN; the socket is gone when the client closes too, or 2 s later. */
  close(): void;
}

/**
 * Takes a socket away from the HTTP parser; what was being answered on it is still answered. What the client
 * sends from here on is thrown away, up to 1 MiB: bytes that lie unread when a socket closes make the system
 * reset the connection, and a reset overtakes the answer.
 */
export function stopReading(socket: Socket): LastWords {
  let discarded = 0;
  let closing = false;
  stopFeeding(socket);
  // Node's own listeners would feed the dead parser, and would end the socket at the client's FIN in the midst of answers.
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.on('data', (bytes: Buffer) => {
    discarded += bytes.length;
    if (discarded <= maxDiscardedBytes) return;
    socket.pause();
    if (closing) socket.destroy();
  });
  socket.resume();

  const close = () => {
    if (closing) return;
    closing = true;
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
    socket.end(() => {
      if (discarded > maxDiscardedBytes) socket.destroy();
    });
  };
  // Node calls this behind the last answer of a connection, and would close without waiting for the client.
  socket.destroySoon = close;
  return { close };
}

/** For an answer that closes the connection while the client may still be sending: {@link stopReading} follows it. */
export function closeGentlyBehind(socket: Socket): void {
  socket.destroySoon = () => stopReading(socket).close();
}
