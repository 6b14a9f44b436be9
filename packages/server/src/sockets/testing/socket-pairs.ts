import { once } from 'node:events';
import { connect, createServer, type OnReadOpts, type Socket } from 'node:net';

/** Makes pairs of connected sockets on this machine. */
export interface SocketPairs {
  /** Connects. `read`: how the connecting side is read; default: as a stream. Errors of both sides are left to the test. */
  connect(read?: OnReadOpts): Promise<{ readonly client: Socket; readonly accepted: Socket }>;
  close(): void;
}

/** Listens for the accepting side of each pair. The caller closes it. */
export async function listenForPairs(): Promise<SocketPairs> {
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer({ noDelay: true }, (socket) => waiting.shift()?.(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  return {
    async connect(read) {
      const coming = new Promise<Socket>((resolve) => waiting.push(resolve));
      const client = connect({ port, host: '127.0.0.1', ...(read === undefined ? {} : { onread: read }) });
      client.on('error', () => {});
      await once(client, 'connect');
      const accepted = await coming;
      accepted.on('error', () => {});
      return { client, accepted };
    },
    close: () => server.close(),
  };
}
