import type { Socket } from 'node:net';
import { stopFeeding } from './parser-feed.ts';

const maxDiscardedBytes = 1024 * 1024;
const lingerMs = 2_000;

/** A socket that the HTTP parser does not read any more. */
export interface DetachedSocket {
  /** Sends what has been written, then FIN. The socket closes when the client closes its side too, or 2 s later. */
  close(): void;
}

/**
 * Takes a socket away from the HTTP parser. Answers under way on it are still sent. What the client sends from now on is
 * read and thrown away, up to 1 MiB; more waits unread until the socket closes. Where a socket closes with unread bytes the
 * system resets the connection, and a client that gets a reset may lose the answer before it: so it has 2 s to read it.
 */
export function detachFromParser(socket: Socket): DetachedSocket {
  let discarded = 0;
  let closing = false;
  stopFeeding(socket);
  // Node's own listeners would feed the stopped parser, and would end the socket at the client's FIN in the middle of answers.
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.on('data', (bytes: Buffer) => {
    discarded += bytes.length;
    if (discarded > maxDiscardedBytes) socket.pause();
  });
  socket.resume();

  const close = () => {
    if (closing) return;
    closing = true;
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
    socket.end();
  };
  // Node calls `destroySoon` after the last answer of a connection, and its own would close without waiting for the client.
  socket.destroySoon = close;
  return { close };
}

/** For an answer after which the connection closes while the client may still be sending: then {@link detachFromParser}. */
export function closeGentlyAfterAnswer(socket: Socket): void {
  socket.destroySoon = () => detachFromParser(socket).close();
}
