import { createServer, type Socket } from 'node:net';
import type { ListenAddress } from '../../config/config.ts';
import type { ConnectionNotes } from '../between/connection-notes.ts';

/**
 * Accepts the connections of the service, reads nothing of them, and gives each to the worker that has the fewest. The parent
 * keeps its own descriptor until the worker has taken over: where it dies before that, another one gets the connection.
 *
 *     accepted ──▶ waiting ──give──▶ on its way ──took──▶ open ──closed──▶
 *                     ▲                  │
 *                     └──the worker died─┘
 */
export interface Spread {
  /** Rejects with the system's error. Resolves with the real port. */
  listen(address: ListenAddress): Promise<number>;
  /** A worker takes connections from now on, by `give`. */
  add(give: (id: number, socket: Socket) => void): Taker;
  /** Closes the port, and the connections that no worker has. */
  destroy(): void;
}

export interface Taker {
  heard(notes: ConnectionNotes): void;
  /** The worker has ended. */
  gone(): void;
}

/**
 * One worker has so many connections on their way at most: one whose event loop is late gets no more meanwhile. Node's channel
 * carries one in each turn of the receiver's loop.
 */
const mostOnTheirWay = 8;

interface TakerState {
  readonly give: (id: number, socket: Socket) => void;
  readonly onTheirWay: Map<number, Socket>;
  open: number;
}

export function spreadConnections(): Spread {
  const takers = new Set<TakerState>();
  let waiting: Socket[] = [];
  let lastId = 0;
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    // Of a connection that has an error here the worker hears by itself.
    socket.on('error', () => {});
    waiting.push(socket);
    giveSome();
  });

  function giveSome(): void {
    while (waiting.length > 0) {
      const taker = leastBusy();
      if (taker === undefined) return;
      const socket = waiting.shift();
      if (socket === undefined || socket.destroyed) continue;
      // Of several with as few, the next one is another.
      takers.delete(taker);
      takers.add(taker);
      lastId += 1;
      taker.onTheirWay.set(lastId, socket);
      taker.give(lastId, socket);
    }
  }

  function leastBusy(): TakerState | undefined {
    let least: TakerState | undefined;
    for (const taker of takers) {
      if (taker.onTheirWay.size >= mostOnTheirWay) continue;
      if (least === undefined || connectionsOf(taker) < connectionsOf(least)) least = taker;
    }
    return least;
  }

  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => {
          server.off('error', reject);
          // From now on an error concerns one accepted connection (too many open files), and only that one is lost.
          server.on('error', () => {});
          const bound = server.address();
          resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
        });
      }),
    add(give) {
      const taker: TakerState = { give, onTheirWay: new Map(), open: 0 };
      takers.add(taker);
      giveSome();
      return {
        heard({ took, closed }) {
          for (const id of took) {
            taker.onTheirWay.get(id)?.destroy();
            if (taker.onTheirWay.delete(id)) taker.open += 1;
          }
          taker.open -= closed;
          giveSome();
        },
        gone() {
          if (!takers.delete(taker)) return;
          waiting = [...taker.onTheirWay.values(), ...waiting];
          taker.onTheirWay.clear();
          giveSome();
        },
      };
    },
    destroy() {
      server.close();
      for (const socket of waiting) socket.destroy();
      for (const { onTheirWay } of takers) for (const socket of onTheirWay.values()) socket.destroy();
    },
  };
}

function connectionsOf({ open, onTheirWay }: TakerState): number {
  return open + onTheirWay.size;
}
