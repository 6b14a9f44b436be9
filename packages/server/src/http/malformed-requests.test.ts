import { connect, type Socket } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { sseData } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixedAuthenticator } from '../access/testing/fixed-authenticator.ts';
import { timers } from '../timers/timer-queue.ts';
import { createBodyBudget } from './body-budget.ts';
import type { MalformedRequest } from './connections.ts';
import { noCors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import { createHandler } from './handler.ts';
import { readBody } from './read-body.ts';
import { replyFailure, replyJson } from './reply.ts';
import type { Route } from './route.ts';
import { type ArrivalLimits, createHttpServer, type HttpServer } from './server.ts';
import { createSseReader } from './sse-reader.ts';

const frames = 4;
const budget = createBodyBudget(() => 10_000_000);
/** Requests for `/silent` that have come. */
let silent = 0;
const done: Exchange[] = [];
const malformed: MalformedRequest[] = [];

const routes: readonly Route[] = [
  {
    method: 'POST',
    path: '/echo',
    access: 'public',
    handle: async (exchange) => {
      const body = await readBody(exchange, 1_000_000, budget);
      if (!body.ok) return replyFailure(exchange, body.failure);
      const { bytes, share } = body.value;
      share.release();
      return replyJson(exchange, 200, JSON.stringify({ bytes: bytes.length }));
    },
  },
  {
    method: 'GET',
    path: '/stream',
    access: 'public',
    handle: async ({ response, clientWriteMs }) => {
      const reader = createSseReader({
        response,
        clientWriteMs,
        idsAfter: undefined,
        framing: { contentType: 'text/event-stream', frame: sseData, comment: ': alive\n\n' },
        settings: { keepalive: 'off', keepaliveAfterMs: 10_000, holdHeadMs: 8_000 },
        owner: { headers: () => ({}), refuse: () => {}, onBug: () => {} },
        now: () => performance.now(),
        timers,
        gaps: { note: () => {} },
      });
      reader.begin({ target: undefined, keepalive: () => undefined });
      for (let index = 0; index < frames; index += 1) {
        await delay(1);
        reader.event(String(index));
      }
      reader.end('[DONE]');
    },
  },
  {
    method: 'GET',
    path: '/silent',
    access: 'public',
    handle: ({ response }) => {
      silent += 1;
      return new Promise((resolve) => response.once('close', resolve));
    },
  },
  { method: 'GET', path: '/ping', access: 'public', handle: (exchange) => replyJson(exchange, 200, '{}') },
  { method: 'GET', path: '/locked', access: 'key', handle: (exchange) => replyJson(exchange, 200, '{}') },
];

const servers: HttpServer[] = [];
let port: number;
/** Of a server that waits for a request no longer than 250 ms. */
let hastyPort: number;

async function listen(arrival?: ArrivalLimits): Promise<number> {
  const handle = createHandler({
    routes,
    authenticator: fixedAuthenticator({ apiKeys: ['k'] }),
    cors: noCors,
    ownHostsOnly: false,
    clientWriteMs: 5_000,
    newRequestId: () => 'req_route',
    onDone: (exchange) => done.push(exchange),
  });
  const server = createHttpServer(
    handle,
    () => 'req_raw',
    (request) => malformed.push(request),
    arrival,
  );
  servers.push(server);
  return server.listen({ host: '127.0.0.1', port: 0, loopback: true });
}

beforeAll(async () => {
  port = await listen();
  hastyPort = await listen({ headersMs: 250, requestMs: 250, checkEveryMs: 20 });
});
afterAll(() => {
  for (const server of servers) server.destroy();
});

const json = 'Content-Type: application/json\r\n';
const good = `POST /echo HTTP/1.1\r\nHost: a\r\n${json}Content-Length: 2\r\n\r\n{}`;
const stream = 'GET /stream HTTP/1.1\r\nHost: a\r\n\r\n';
const head = (framing: string) => `POST /echo HTTP/1.1\r\nHost: a\r\n${json}${framing}\r\n\r\n`;
const chunked = head('Transfer-Encoding: chunked');
const get = (lines: string) => `GET /ping HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`;

/** Name, bytes, status of the refusal, a word of its message. */
const broken: readonly (readonly [name: string, bytes: string, status: number, word: string])[] = [
  ['a chunk size that is no number', `${chunked}2\r\n{}\r\nzz\r\n`, 400, 'chunked body'],
  ['a chunk size beyond all bounds', `${chunked}fffffffffffffffff\r\n`, 400, 'chunked body'],
  ['a chunk line with LF alone', `${chunked}2\n{}\r\n0\r\n\r\n`, 400, 'chunked body'],
  ['a chunk longer than its size', `${chunked}2\r\n{}}\r\n0\r\n\r\n`, 400, 'chunked body'],
  ['a request where the last chunk belongs', `${chunked}2\r\n{}\r\n${get('A: b')}`, 400, 'chunked body'],
  ['a flood of chunk extensions', `${chunked}2;${'a=b;'.repeat(10_000)}\r\n{}\r\n`, 413, 'extensions'],
  ['a flood of trailers', `${chunked}2\r\n{}\r\n0\r\n${'a: bbbbbbb\r\n'.repeat(8_000)}\r\n`, 431, 'trailers'],
  [
    'a malformed body on a route that takes none',
    `GET /ping HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    200,
    '{}',
  ],
  [
    'a malformed body behind a missing key',
    `GET /locked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    401,
    'missing_api_key',
  ],
  ['lines with LF alone', 'GET /ping HTTP/1.1\nHost: a\n\n', 400, 'CRLF'],
  ['one header line with LF alone', 'GET /ping HTTP/1.1\r\nHost: a\nA: b\r\n\r\n', 400, 'CR'],
  [
    'two framings',
    `${head('Content-Length: 5\r\nTransfer-Encoding: chunked')}0\r\n\r\n`,
    400,
    'Transfer-Encoding',
  ],
  [
    'two framings, the other first',
    `${head('Transfer-Encoding: chunked\r\nContent-Length: 5')}0\r\n\r\n`,
    400,
    'Content-Length',
  ],
  ['two lengths', `${head('Content-Length: 2\r\nContent-Length: 3')}{}`, 400, 'Content-Length'],
  ['a length with a sign', `${head('Content-Length: +2')}{}`, 400, 'Content-Length'],
  ['a length that is a list', `${head('Content-Length: 2,2')}{}`, 400, 'Content-Length'],
  ['an unknown coding', `${head('Transfer-Encoding: gzip')}{}`, 400, 'Transfer-Encoding'],
  [
    'a coding before chunked',
    `${head('Transfer-Encoding: gzip, chunked')}2\r\n{}\r\n0\r\n\r\n`,
    400,
    'Transfer-Encoding',
  ],
  [
    'chunked twice',
    `${head('Transfer-Encoding: chunked, chunked')}2\r\n{}\r\n0\r\n\r\n`,
    400,
    'Transfer-Encoding',
  ],
  ['chunks in HTTP/1.0', `${chunked.replace('/1.1', '/1.0')}2\r\n{}\r\n0\r\n\r\n`, 400, 'HTTP/1.0'],
  ['a body without a length', `${head('A: b')}{}`, 400, 'Content-Length'],
  ['HTTP/0.9', 'GET /ping\r\n\r\n', 400, 'Host'],
  ['HTTP/1.2', 'GET /ping HTTP/1.2\r\nHost: a\r\n\r\n', 400, 'version'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'HTTP/2'],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405, 'CONNECT'],
  ['an unknown method', 'FROB /ping HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'method'],
  ['a target with a space', 'GET /pi ng HTTP/1.1\r\nHost: a\r\n\r\n', 400, '%20'],
  ['a folded header', get('A: b\r\n c'), 400, 'whitespace'],
  ['a blank before a colon', get('A : b'), 400, 'header'],
  ['a NUL in a header', get('A: b\x00c'), 400, 'header'],
  ['a head that is too large', get(`A: ${'b'.repeat(40_000)}`), 431, '32768'],
  ['no HTTP at all', 'hello\r\n\r\n', 400, 'method'],
];

interface Seen {
  readonly responses: readonly Response[];
  /** `end`: the server closed with FIN. */
  readonly closed: string;
}

interface Response {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** What a client reads that sends these bytes, until the server closes. */
async function exchange(bytes: string, how: 'one segment' | 'byte by byte' = 'one segment'): Promise<Seen> {
  const socket = open();
  const all = Buffer.from(bytes, 'latin1');
  if (how === 'one segment') socket.write(all);
  else await trickle(socket, all);
  return { responses: parse(await socket.over), closed: socket.closedBy() };
}

/** Small requests byte by byte, large ones in 300 pieces. */
async function trickle(socket: Socket, bytes: Buffer): Promise<void> {
  const step = Math.ceil(bytes.length / 300);
  for (let at = 0; at < bytes.length && socket.writable; at += step) {
    socket.write(bytes.subarray(at, at + step));
    await nextTurn();
  }
}

function open(to = port) {
  const socket = connect({ port: to, host: '127.0.0.1', noDelay: true });
  let received = '';
  let closedBy = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  socket.on('end', () => {
    closedBy ||= 'end';
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    closedBy ||= error.code ?? 'error';
  });
  const over = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  return Object.assign(socket, { over, closedBy: () => closedBy, received: () => received });
}

/** Strict: bytes that belong to no whole response are a failure. */
function parse(text: string): Response[] {
  const responses: Response[] = [];
  let rest = text;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(rest) ?? [];
    if (end < 0 || status === undefined) throw new Error(`no response: ${rest.slice(0, 200)}`);
    const lines = rest.slice(0, end).toLowerCase();
    rest = rest.slice(end + 4);
    let body = '';
    const length = /\r\ncontent-length: (\d+)/.exec(lines)?.[1];
    if (length !== undefined) {
      body = rest.slice(0, Number(length));
      if (body.length < Number(length)) throw new Error(`cut: ${body}`);
      rest = rest.slice(body.length);
    } else {
      for (let size = -1; size !== 0; ) {
        const line = /^([0-9a-f]+)\r\n/.exec(rest);
        if (line === null) throw new Error(`no chunk: ${rest.slice(0, 200)}`);
        size = Number.parseInt(line[1] ?? '', 16);
        body += rest.slice(line[0].length, line[0].length + size);
        rest = rest.slice(line[0].length + size);
        if (!rest.startsWith('\r\n')) throw new Error(`no end of chunk: ${rest.slice(0, 200)}`);
        rest = rest.slice(2);
      }
    }
    responses.push({ status: Number(status), head: lines, body });
  }
  return responses;
}

const wholeStream = `${[0, 1, 2, 3].map((index) => `data: ${index}\n\n`).join('')}data: [DONE]\n\n`;

const before: readonly (readonly [name: string, bytes: string, bodies: readonly string[]])[] = [
  ['alone', '', []],
  ['behind a good request', good, ['{"bytes":2}']],
  ['behind a stream', stream, [wholeStream]],
  ['behind three', good + stream + good, ['{"bytes":2}', wholeStream, '{"bytes":2}']],
];

describe.each(broken)('%s', (_name, bytes, status, word) => {
  it.each(before)(
    '%s is refused once, after the answers to the good requests, and the connection closes',
    async (_, first, bodies) => {
      for (const how of ['one segment', 'byte by byte'] as const) {
        const { responses, closed } = await exchange(first + bytes, how);
        const refusal = responses.at(-1);
        expect(responses.slice(0, -1).map(({ body }) => body)).toEqual(bodies);
        expect(refusal).toMatchObject({ status, body: expect.stringContaining(word) });
        if (status >= 400)
          expect(JSON.parse(refusal?.body ?? '')).toMatchObject({ error: { type: expect.any(String) } });
        expect(refusal?.head).toContain('connection: close');
        expect(refusal?.head).toContain('x-request-id: req_');
        expect(closed).toBe('end');
      }
    },
  );
});

describe('a malformed request', () => {
  it('is reported once where no route got it, and by its exchange where a route did', async () => {
    malformed.length = 0;
    done.length = 0;
    await exchange('hello\r\n\r\nhello\r\n\r\nhello');
    expect(malformed).toEqual([{ requestId: 'req_raw', status: 400, reason: 'HPE_INVALID_METHOD' }]);
    await exchange(`${chunked}zz\r\n`);
    expect(malformed).toHaveLength(1);
    expect(done.map(({ notes }) => [notes.outcome, notes.code])).toEqual([['refused', 'invalid_value']]);
  });

  it('is answered readably for a client that continues to send', async () => {
    const socket = open();
    socket.write('hello\r\n\r\n');
    for (let sent = 0; sent < 50; sent += 1) {
      socket.write('x'.repeat(10_000));
      await nextTurn();
    }
    const [refusal] = parse(await socket.over);
    expect(refusal?.status).toBe(400);
    expect(socket.closedBy()).toBe('end');
  });

  it('without an end is not read for ever', async () => {
    const socket = open();
    socket.write('hello\r\n\r\n');
    const more = () => {
      if (!socket.destroyed) socket.write('x'.repeat(100_000), more);
    };
    more();
    expect(parse(await socket.over)[0]?.status).toBe(400);
    expect(socket.bytesWritten).toBeLessThan(16_000_000);
  });

  it('is not answered where the answer before it closes the connection', async () => {
    const last = 'GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const { responses, closed } = await exchange(`${last}hello\r\n\r\n`);
    expect(responses.map(({ status }) => status)).toEqual([200]);
    expect(closed).toBe('end');
  });

  it.each(['hello\r\n\r\n', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'])(
    'waits for the answers before it only while their client is there: %j',
    async (bytes) => {
      done.length = 0;
      const socket = open();
      const before = silent;
      const unanswered = 'GET /silent HTTP/1.1\r\nHost: a\r\n\r\n';
      socket.write(unanswered + unanswered + bytes);
      await expect.poll(() => silent - before).toBe(2);
      expect(done).toHaveLength(0);
      socket.resetAndDestroy();
      await expect.poll(() => done.length).toBe(2);
      expect(socket.received()).toBe('');
    },
  );
});

describe('a request that does not arrive in time', () => {
  it.each([
    ['half a head', 'POST /echo HT', ''],
    ['half a body', head('Content-Length: 20'), '{"a'],
    ['half a chunked body', chunked, '2\r\n{'],
  ])('is 408, after the answers to the good requests: %s', async (_, first, second) => {
    const timesOut = async ([, bytes, bodies]: (typeof before)[number]) => {
      const socket = open(hastyPort);
      socket.write(bytes + first);
      await delay(5);
      socket.write(second);
      const responses = parse(await socket.over);
      expect(responses.slice(0, -1).map(({ body }) => body)).toEqual(bodies);
      expect(responses.at(-1)).toMatchObject({ status: 408, body: expect.stringContaining('in time') });
    };
    await Promise.all(before.map(timesOut));
  });
});

it('a connection on which nothing comes is closed with 408, and leaves no line in the log', async () => {
  malformed.length = 0;
  const socket = open(hastyPort);
  expect(parse(await socket.over)).toMatchObject([{ status: 408 }]);
  expect(malformed).toEqual([]);
});

describe('a client that half-closes', () => {
  it.each([
    ['in a head', 'GET /pi', 'invalid_json'],
    ['in a body', head('Content-Length: 20'), 'invalid_json'],
    ['in a chunked body', `${chunked}2\r\n{`, 'invalid_json'],
  ])('%s is refused after the answers to the good requests', async (_, bytes, code) => {
    for (const [, first, bodies] of before) {
      const socket = open();
      socket.end(first + bytes);
      const responses = parse(await socket.over);
      expect(responses.slice(0, -1).map(({ body }) => body)).toEqual(bodies);
      expect(responses.at(-1)).toMatchObject({ status: 400, body: expect.stringContaining(code) });
    }
  });

  it('after a whole request gets its whole answer', async () => {
    const socket = open();
    socket.end('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(parse(await socket.over)).toMatchObject([{ status: 200, body: '{}' }]);
  });
});

it('a head of many small headers keeps all of them: none is dropped', async () => {
  const { responses } = await exchange(
    `GET /ping HTTP/1.1\r\n${'a:b\r\n'.repeat(3_000)}Host: a\r\nConnection: close\r\n\r\n`,
  );
  expect(responses).toMatchObject([{ status: 200 }]);
});

it('writes 100 Continue in its turn, and never inside another answer', async () => {
  const expecting = (length: number) => head(`Expect: 100-continue\r\nContent-Length: ${length}`);
  const socket = open();
  socket.write(`${stream}${expecting(0)}${expecting(2)}{}${get('Connection: close')}`);
  const received = (await socket.over).replaceAll('HTTP/1.1 100 Continue\r\n\r\n', '100\n');
  expect(received).not.toMatch(/\r\n\r\n100\n\{/);
  const answers = parse(received.replaceAll('100\n', ''));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(answers.slice(1, 3).map(({ body }) => body)).toEqual(['{"bytes":0}', '{"bytes":2}']);
});
