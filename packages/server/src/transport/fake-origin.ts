import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server for tests that reads requests and lets the test write every byte of the answer itself. */
export interface FakeOrigin {
  readonly url: URL;
  readonly port: number;
  /** Sockets accepted so far. */
  readonly accepted: number;
  /** Sockets that are open now. */
  readonly open: number;
  /** Resolves when no socket is open. */
  allClosed(): Promise<void>;
  close(): Promise<void>;
}

export interface FakeExchange {
  /** Request line and headers, as they came. */
  readonly head: string;
  readonly body: string;
  readonly socket: Socket;
  /** Which request this is on its socket, from 1. */
  readonly onSocket: number;
}

/** Calls `answer` for each whole request. The test closes it. */
export async function startFakeOrigin(answer: (exchange: FakeExchange) => void): Promise<FakeOrigin> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  let waiting: (() => void)[] = [];
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    let received = '';
    let onSocket = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      for (;;) {
        const headEnd = received.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const head = received.slice(0, headEnd);
        const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
        if (received.length < headEnd + 4 + length) return;
        const body = received.slice(headEnd + 4, headEnd + 4 + length);
        received = received.slice(headEnd + 4 + length);
        onSocket += 1;
        answer({ head, body: Buffer.from(body, 'latin1').toString('utf8'), socket, onSocket });
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) {
        for (const resolve of waiting) resolve();
        waiting = [];
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    port,
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
    allClosed: () =>
      sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An answer with these pieces as the chunks of its body. `end` false: the last chunk is missing. */
export function chunked(pieces: readonly string[], end = true, type = 'text/event-stream'): string {
  const body = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`).join('');
  return `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n${body}${end ? '0\r\n\r\n' : ''}`;
}
