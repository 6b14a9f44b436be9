import { connect, type Socket } from 'node:net';
import { requestBytes } from '../support/raw-connection.ts';

/** What a server has answered to one of many requests. */
export interface Answer {
  readonly status: number;
  /** The head, with the names of its headers in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The code of an error; undefined where the answer is none. */
  readonly code: string | undefined;
  /** Resolves when the answer has ended. */
  readonly ended: Promise<void>;
  /** Ends the connection, as a client that leaves. */
  leave(): void;
}

export interface Answered {
  readonly answers: readonly Answer[];
  /** From the first request to the last head. */
  readonly withinMs: number;
}

export interface AtOnce {
  /** Request number n goes to the port n modulo their number. */
  readonly ports: readonly number[];
  readonly count: number;
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Sends the same completion many times, each on a connection of its own. All connections stand before the first request is
 * sent. Resolves when each request has the head of its answer, and of an error all of it.
 */
export async function askAtOnce({ ports, count, key, body }: AtOnce): Promise<Answered> {
  const bytes = requestBytes({
    path: '/v1/chat/completions',
    headers: {
      Authorization: `Bearer ${key}`,
      'Content-Type': 'application/json',
      Connection: 'close',
    },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Say something.' }], ...body }),
  });
  const sockets = await Promise.all(Array.from({ length: count }, (_, n) => open(ports[n % ports.length])));
  const beganMs = performance.now();
  const answers = await Promise.all(sockets.map((socket) => answerOf(socket, bytes)));
  return { answers, withinMs: performance.now() - beganMs };
}

function open(port = 0): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

function answerOf(socket: Socket, bytes: Buffer): Promise<Answer> {
  let text = '';
  socket.setEncoding('latin1');
  socket.removeAllListeners('error');
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (piece) => {
      text += piece;
      const [head = '', ...rest] = text.split('\r\n\r\n');
      if (rest.length > 0 && head.startsWith('HTTP/1.1 200')) answer(head, undefined);
    });
    socket.on('end', () => answer(text, /"code":"([a-z_]+)"/.exec(text)?.[1]));
    socket.write(bytes);

    function answer(head: string, code: string | undefined): void {
      socket.removeAllListeners('data').resume();
      const [line = '', ...lines] = (head.split('\r\n\r\n')[0] ?? '').split('\r\n');
      const headers = Object.fromEntries(
        lines.map((one) => [
          one.slice(0, one.indexOf(':')).toLowerCase(),
          one.slice(one.indexOf(':') + 1).trim(),
        ]),
      );
      const status = Number(line.split(' ')[1]);
      resolve({ status, headers, code, ended, leave: () => socket.destroy() });
    }
  });
}
