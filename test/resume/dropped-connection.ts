import { createConnection, type Socket } from 'node:net';
import { parseResponses, type RawResponse } from '../support/http-bytes.ts';

/** How a client loses its connection. */
export interface Drop {
  /**
   * `close`: it closes in order. `reset`: the connection breaks. `half-open`: the client stops to read and does not close,
   * as one whose network is gone.
   */
  readonly how: 'close' | 'reset' | 'half-open';
  /** Bytes of the answer, its head included, that the client has received: what comes later counts as lost. */
  readonly afterBytes: number;
  /** Milliseconds that a client waits which receives nothing at all (`afterBytes` of 0). */
  readonly afterMs: number;
}

/** What a client has of an answer. */
export interface Received {
  /** Undefined where it has no whole head. */
  readonly response: RawResponse | undefined;
  /** How the connection ended. */
  readonly ended: 'dropped' | 'end' | 'reset';
  /** Closes a half-open connection. */
  release(): void;
}

export interface Sent {
  readonly port: number;
  /** The request; it asks for a connection of its own (`Connection: close`). */
  readonly bytes: Buffer;
  /** Undefined: the connection holds until the server ends it. */
  readonly drop: Drop | undefined;
  /** Called with the head as soon as it is there. */
  onHead?(response: RawResponse): void;
}

/** Sends a request and reads its answer, to its end or to the loss of the connection. Rejects where nothing listens. */
export function readDropped({ port, bytes, drop, onHead }: Sent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const pieces: Buffer[] = [];
    let received = 0;
    let settled = false;
    let headSeen = onHead === undefined;

    const settle = (ended: Received['ended']): void => {
      if (settled) return;
      settled = true;
      const all = Buffer.concat(pieces);
      const had = ended === 'dropped' ? all.subarray(0, drop?.afterBytes) : all;
      const [response] = parseResponses(had, { closed: ended === 'end' });
      resolve({ response, ended, release: () => socket.destroy() });
    };

    socket.once('connect', () => {
      socket.write(bytes);
      if (drop?.afterBytes === 0) setTimeout(() => lose(), drop.afterMs);
    });
    socket.on('data', (piece) => {
      if (settled) return;
      pieces.push(piece);
      received += piece.length;
      if (!headSeen && Buffer.concat(pieces).includes('\r\n\r\n')) {
        headSeen = true;
        const [response] = parseResponses(Buffer.concat(pieces), { closed: false });
        if (response !== undefined) onHead?.(response);
      }
      if (drop !== undefined && drop.afterBytes > 0 && received >= drop.afterBytes) lose();
    });
    socket.once('end', () => settle('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error);
      else settle('reset');
    });
    socket.once('close', () => settle('reset'));

    function lose(): void {
      settle('dropped');
      leave(socket, drop?.how ?? 'close');
    }
  });
}

function leave(socket: Socket, how: Drop['how']): void {
  if (how === 'half-open') socket.pause();
  else if (how === 'reset') socket.resetAndDestroy();
  else socket.destroy();
}
