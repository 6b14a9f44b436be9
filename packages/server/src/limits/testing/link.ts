import { connect, createServer, type Server, type Socket } from 'node:net';

/** A connection to a server that a test can disturb: to its clients the server is then frozen, or gone. */
export interface Link {
  /** The address of the server, through the link. */
  readonly url: string;
  /** Bytes stay where they are, in both directions; connections are still accepted. */
  freeze(): void;
  /** What stayed is carried on. */
  thaw(): void;
  /** Every connection breaks, and no new one is accepted. */
  cut(): Promise<void>;
  /** New connections are accepted again, at the same address. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a link to a server at a URL with host and port; the caller closes it. */
export async function openLink(to: string): Promise<Link> {
  const target = new URL(to);
  const sockets = new Set<Socket>();
  let frozen = false;
  let server: Server | undefined;
  let port = 0;

  function carry(from: Socket, into: Socket): void {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (bytes) => into.write(bytes));
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      into.destroy();
    });
    if (frozen) from.pause();
  }

  function listen(): Promise<void> {
    const opened = createServer((client) => {
      const back = connect(Number(target.port), target.hostname);
      carry(client, back);
      carry(back, client);
    });
    server = opened;
    return new Promise((resolve) => {
      opened.listen(port, '127.0.0.1', () => {
        const address = opened.address();
        if (typeof address === 'object' && address !== null) port = address.port;
        resolve();
      });
    });
  }

  function cut(): Promise<void> {
    const closed = server;
    server = undefined;
    const done = new Promise<void>((resolve) => {
      if (closed === undefined) resolve();
      else closed.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    return done;
  }

  await listen();
  const url = new URL(to);
  url.port = String(port);
  url.hostname = '127.0.0.1';
  return {
    url: url.href,
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    cut,
    mend: listen,
    close: cut,
  };
}
