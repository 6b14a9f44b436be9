import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';

/** A port of this machine at which every connection is refused, for as long as it is held. */
export interface RefusePort {
  readonly port: number;
  /** Gives the port back to the system; resolves when it is done. */
  release(): Promise<void>;
}

/**
 * Reserves such a port. A port that is only free may be taken by another process at any moment. This one stays in use by a
 * connection from the process to itself, while nothing listens on it.
 */
export async function holdRefusePort(host: string): Promise<RefusePort> {
  const listener = createServer();
  const accepted = once(listener, 'connection');
  listener.listen({ host, port: 0 });
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener without a port');
  const near = createConnection({ host, port: address.port });
  const [far] = (await accepted) as [typeof near];
  for (const socket of [near, far]) {
    socket.on('error', () => {});
    socket.unref();
  }
  // From this call on nothing listens; 'close' comes when the connection has ended too.
  const closed = new Promise<void>((resolve) => {
    listener.close(() => resolve());
  });
  return {
    port: address.port,
    async release() {
      near.destroy();
      far.destroy();
      await closed;
    },
  };
}
