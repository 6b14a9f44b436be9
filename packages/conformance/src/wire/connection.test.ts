import { createServer, type Server, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { bodyText } from '../reading/body.ts';
import { createConnection } from './connection.ts';
import { type Endpoint, readEndpoint } from './endpoint.ts';
import type { Exchange, WireRequest } from './exchange.ts';
import { ResponseReader } from './response-reader.ts';

const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const ask: WireRequest = { method: 'GET', path: '/v1/models', headers: {} };

/** A server that hands each request, as it came in one read, to `answer`. */
async function serve(answer: (socket: Socket, request: string) => void): Promise<Endpoint> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => answer(socket, bytes.toString('latin1')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a server without a port');
  const endpoint = readEndpoint(`http://127.0.0.1:${address.port}`);
  if (endpoint === undefined) throw new Error('no endpoint');
  return endpoint;
}

function exchangeWith(endpoint: Endpoint, more: object = {}): Promise<Exchange> {
  const connection = createConnection(endpoint);
  onTestFinished(() => connection.close());
  const { signal } = new AbortController();
  return connection.exchange('x', ask, { timeoutMs: 60_000, signal, secretHeaders: {}, ...more });
}

test('an answer is the same however its bytes were cut', () => {
  const bytes = Buffer.from(
    `HTTP/1.1 100 Continue\r\n\r\n${head}6;note=1\r\ndata: \r\n4\r\n1\n\n:\r\n0\r\nx-trailer: 1\r\n\r\n`,
  );
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const reader = new ResponseReader({ noBody: false }, () => {});
    reader.push(bytes.subarray(0, cut), 1);
    reader.push(bytes.subarray(cut), 2);
    expect(reader.state).toBe('whole');
    expect(reader.keepsOpen).toBe(true);
    const pieces = reader.response()?.pieces.map((piece) => Buffer.from(piece.bytes).toString());
    expect(pieces).toEqual(['data: ', '1\n\n:']);
  }
});

test('a second request goes over the same connection', async () => {
  const endpoint = await serve((socket) => socket.write(`${head}2\r\nok\r\n0\r\n\r\n`));
  const connection = createConnection(endpoint);
  onTestFinished(() => connection.close());
  const { signal } = new AbortController();
  const options = { timeoutMs: 60_000, signal, secretHeaders: {} };
  const first = await connection.exchange('a', ask, options);
  expect([first.end, bodyText(first), first.reusedConnection, connection.reusable]).toEqual([
    'whole',
    'ok',
    undefined,
    true,
  ]);
  expect((await connection.exchange('b', ask, options)).reusedConnection).toBe(true);
});

test.each([
  ['a connection that ends inside the body', `${head}5\r\nab`],
  ['a chunk whose size is no number', `${head}zz\r\nab\r\n`],
  ['bytes that are no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['no byte at all', ''],
])('%s: a cut, with its reason', async (_what, bytes) => {
  const endpoint = await serve((socket) => socket.end(bytes));
  const { end, problem } = await exchangeWith(endpoint);
  expect(end).toBe('cut');
  expect(problem).toBeTruthy();
});

test('a body without a length ends with the connection, and a secret header is sent but not recorded', async () => {
  let seen = '';
  const endpoint = await serve((socket, request) => {
    seen = request;
    socket.end('HTTP/1.0 200 OK\r\n\r\ndata: x\n\n');
  });
  const exchange = await exchangeWith(endpoint, { secretHeaders: { authorization: 'Bearer secret-key' } });
  expect([exchange.end, bodyText(exchange)]).toEqual(['whole', 'data: x\n\n']);
  expect(seen).toContain('authorization: Bearer secret-key\r\n');
  expect(JSON.stringify(exchange.request)).not.toContain('secret-key');
});

const lengthHead = 'HTTP/1.1 200 OK\r\ncontent-length: ';

test.each([
  ['a length that is no number', `${lengthHead}abc\r\n\r\nhello`, 'malformed'],
  ['a length below zero', `${lengthHead}-5\r\n\r\nhello world`, 'malformed'],
  ['a size of a chunk without an end', `${head}${'a'.repeat(20_000)}`, 'malformed'],
  ['trailers without an end', `${head}0\r\n${'x: y\r\n'.repeat(200)}`, 'malformed'],
  ['a chunk that is larger than what is kept', `${head}fffffffff\r\n${'x'.repeat(17 << 20)}`, 'too-large'],
])('%s ends the reading', (_what, bytes, state) => {
  const reader = new ResponseReader({ noBody: false }, () => {});
  reader.push(Buffer.from(bytes.slice(0, 1 << 24)), 1);
  reader.push(Buffer.from(bytes.slice(1 << 24)), 2);
  expect(reader.state).toBe(state);
});

test('answers share the room that one check has, and many small pieces are as much as a few large ones', () => {
  const room = { bytes: 3_000_000 };
  const states = [1, 2, 3].map(() => {
    const reader = new ResponseReader({ noBody: false, room }, () => {});
    reader.push(Buffer.from(`${lengthHead}1400000\r\n\r\n${'x'.repeat(1_400_000)}`), 1);
    return reader.state;
  });
  expect(states).toEqual(['whole', 'whole', 'too-large']);
  const reader = new ResponseReader({ noBody: false }, () => {});
  reader.push(Buffer.from(head + '1\r\nx\r\n'.repeat(30_000)), 1);
  expect(reader.state).toBe('too-large');
});

test('bytes of an endpoint that is no HTTP server cannot control the terminal', () => {
  const reader = new ResponseReader({ noBody: false }, () => {});
  reader.push(Buffer.from('\u001b[31mSSH\u0007\r\n\r\n'), 1);
  expect(reader.problem).toContain('SSH');
  expect(reader.problem).not.toMatch(/[\u0000-\u001f]/);
});

test('the check leaves after the events that it wanted', async () => {
  const endpoint = await serve((socket) => socket.write(`${head}9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n`));
  expect(await exchangeWith(endpoint, { leaveAfter: 2 })).toMatchObject({ end: 'left', interruptedAfter: 2 });
});

test('an answer that never comes is a timeout', async () => {
  const endpoint = await serve(() => {});
  expect(await exchangeWith(endpoint, { timeoutMs: 20 })).toMatchObject({ end: 'timeout' });
});

test.each([
  ['http://a.example', 'http://a.example/v1'],
  ['a.example:8000', 'http://a.example:8000/v1'],
  ['https://a.example/openai/v1/', 'https://a.example/openai/v1'],
  ['http://[::1]:7245/v1/chat/completions', 'http://[::1]:7245/v1'],
])('the base URL of %s is %s', (given, url) => {
  expect(readEndpoint(given)?.url).toBe(url);
});

test.each(['ftp://a.example', 'http://user:pass@a.example', 'http://a.example/v1?key=x', 'http://'])(
  '%s is no base URL',
  (given) => {
    expect(readEndpoint(given)).toBeUndefined();
  },
);
