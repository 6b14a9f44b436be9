import { createServer, type Socket } from 'node:net';

/** A server that answers every command of RESP with the same line, as a Redis in trouble does. */
export interface FakeRedis {
  /** `redis://127.0.0.1:PORT`. */
  readonly url: string;
  /** The line of the answer, such as `-READONLY You can't write`; undefined: no answer comes. */
  answer: string | undefined;
  /** Milliseconds before each answer. */
  delayMs: number;
  /** Commands that have come. */
  readonly commands: number;
  close(): Promise<void>;
}

/** Starts it on a free port; the caller closes it. */
export async function startFakeRedis(): Promise<FakeRedis> {
  const sockets = new Set<Socket>();
  let commands = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = commandEnd(text); end > 0; end = commandEnd(text)) {
        text = text.slice(end);
        commands += 1;
        const { answer, delayMs } = fake;
        if (answer === undefined) continue;
        if (delayMs === 0) socket.write(`${answer}\r\n`);
        else setTimeout(() => socket.write(`${answer}\r\n`), delayMs);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const fake: FakeRedis = {
    url: `redis://127.0.0.1:${port}`,
    answer: '+OK',
    delayMs: 0,
    get commands() {
      return commands;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return fake;
}

/** Where the first command ends; 0 while it is not whole. A command is `*2`, then `$4`, `PING`, … on lines of their own. */
function commandEnd(text: string): number {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return 0;
  let at = head[0].length;
  for (let left = Number(head[1]); left > 0; left -= 1) {
    const length = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20));
    if (length === null) return 0;
    at += length[0].length + Number(length[1]) + 2;
  }
  return at <= text.length ? at : 0;
}
