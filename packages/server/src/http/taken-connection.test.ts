import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpServer } from './server.ts';

/** A server that does not listen, and gets the connections that another one has accepted. */
async function startServer(): Promise<number> {
  const arrival = { headersMs: 100, requestMs: 200, checkEveryMs: 20 };
  const server = createHttpServer(
    async (_request, response) => void response.end('an answer'),
    () => 'req_1',
    () => {},
    arrival,
  );
  const acceptor = createServer((socket) => server.take(socket));
  acceptor.listen(0, '127.0.0.1');
  await once(acceptor, 'listening');
  onTestFinished(() => {
    acceptor.close();
    server.destroy();
  });
  const bound = acceptor.address();
  if (bound === null || typeof bound === 'string') throw new Error('it has a port');
  return bound.port;
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (piece) => {
    text += piece;
  });
  await once(socket, 'close');
  return text;
}

test('a connection that another process has accepted is served, also several requests on it', async () => {
  const socket = connect(await startServer(), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect((await readAll(socket)).match(/an answer/g)).toHaveLength(2);
});

test('a head that does not arrive in time ends it, as on a port of its own', async () => {
  const socket = connect(await startServer(), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\n');
  expect(await readAll(socket)).toContain(' 408 ');
});
