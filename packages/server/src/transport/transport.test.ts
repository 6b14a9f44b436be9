import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AnswerBody } from './answer-body.ts';
import { chunked, type FakeExchange, type FakeOrigin, startFakeOrigin } from './fake-origin.ts';
import { createTransport, type Transport, type TransportOptions } from './transport.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function originOf(answer: (exchange: FakeExchange) => void): Promise<FakeOrigin> {
  const origin = await startFakeOrigin(answer);
  closing.push(() => origin.close());
  return origin;
}

function transportTo(origin: URL, more: Partial<TransportOptions> = {}): Transport {
  const created = createTransport({ origin, headers: {}, connectMs: 5_000, env: {}, ...more });
  if (!created.ok) throw new Error(created.failure.message);
  closing.push(() => created.value.close());
  return created.value;
}

const never = () => new AbortController().signal;
const hello = { path: '/v1/x?y=1', headers: { 'content-type': 'application/json' }, body: '{"ä":1}' };

async function textOf(body: AnswerBody): Promise<string> {
  let text = '';
  for (;;) {
    const read = await body.next();
    if (read.done === true) return read.value === undefined ? text : `${text}!${read.value.code}`;
    text += Buffer.from(read.value).toString('utf8');
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function answerOf(transport: Transport, signal = never()) {
  const posted = await transport.post(hello, signal);
  if (!posted.ok) throw new Error(`${posted.failure.code}: ${posted.failure.detail}`);
  return posted.value;
}

describe('a request', () => {
  test('has its path, its body and the configured headers, and accepts no content coding', async () => {
    let seen: FakeExchange | undefined;
    const origin = await originOf((exchange) => {
      seen = exchange;
      exchange.socket.write(chunked(['hi']));
    });
    const transport = transportTo(origin.url, { headers: { authorization: 'Bearer k', 'x-team': 'a' } });
    expect(await textOf((await answerOf(transport)).body)).toBe('hi');
    expect(seen?.head).toMatch(/^POST \/v1\/x\?y=1 HTTP\/1\.1\r\n/);
    expect(seen?.head).toMatch(/^accept-encoding: identity$/m);
    expect(seen?.head).toMatch(/^authorization: Bearer k$/m);
    expect(seen?.head).toMatch(/^x-team: a$/m);
    expect(seen?.body).toBe('{"ä":1}');
  });

  test.each(['Host', 'content-length', 'Transfer-Encoding', 'accept-encoding'])(
    'cannot be given the header %s',
    (name) => {
      const created = createTransport({
        origin: new URL('http://127.0.0.1:9'),
        headers: { [name]: '1' },
        connectMs: 1,
        env: {},
      });
      expect(created).toMatchObject({ ok: false, failure: { code: 'invalid_value' } });
    },
  );

  test.each([
    ['short', 'a'.repeat(100)],
    ['as long as one write', 'a'.repeat(16 * 1024)],
    ['longer than one write', 'a'.repeat(16 * 1024 + 1)],
    ['of a megabyte', 'a'.repeat(1024 * 1024)],
    ['not ASCII', 'ä€😀'.repeat(100)],
    ['long and not ASCII', 'ä€😀'.repeat(10_000)],
  ])('arrives byte for byte with a body that is %s', async (_name, body) => {
    const seen: string[] = [];
    const origin = await originOf((exchange) => {
      seen.push(exchange.body);
      exchange.socket.write(chunked(['ok']));
    });
    const transport = transportTo(origin.url, { headers: { 'x-name': 'ä' } });
    for (let asked = 0; asked < 2; asked += 1) {
      const posted = await transport.post({ ...hello, body }, never());
      expect(posted.ok && (await textOf(posted.value.body))).toBe('ok');
    }
    expect(seen).toEqual([body, body]);
  });

  test('that is answered whole leaves its socket to the next one', async () => {
    const origin = await originOf(({ socket, onSocket }) => socket.write(chunked([`${onSocket}`])));
    const transport = transportTo(origin.url);
    expect(await textOf((await answerOf(transport)).body)).toBe('1');
    await until(() => transport.stats.busy === 0);
    expect(await textOf((await answerOf(transport)).body)).toBe('2');
    expect(origin.accepted).toBe(1);
  });

  test('that is released early leaves its socket too, where little of the body is left', async () => {
    const origin = await originOf(({ socket }) => {
      socket.write(chunked(['all there is'], false));
      setImmediate(() => socket.write('0\r\n\r\n'));
    });
    const transport = transportTo(origin.url);
    for (let asked = 0; asked < 2; asked += 1) {
      const abort = new AbortController();
      const { body } = await answerOf(transport, abort.signal);
      await body.next();
      body.release();
      abort.abort();
      await body.return();
      expect(await body.next()).toEqual({ done: true, value: undefined });
      await until(() => transport.stats.busy === 0);
    }
    expect(origin.accepted).toBe(1);
  });

  test('that is released within an endless body destroys the socket', async () => {
    const origin = await originOf(({ socket }) => {
      socket.write(chunked(['x'], false));
      const more = () => {
        if (!socket.destroyed) socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`, more);
      };
      more();
    });
    const transport = transportTo(origin.url);
    const { body } = await answerOf(transport);
    body.release();
    await origin.allClosed();
    await until(() => transport.stats.openSockets === 0);
  });
});

test('an idle connection is closed a second before the time that its server names', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  closing.push(() => vi.useRealTimers());
  const whole = 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=3\r\ncontent-length: 2\r\n\r\nok';
  const origin = await originOf(({ socket }) => socket.write(whole));
  const transport = transportTo(origin.url);
  for (let asked = 0; asked < 2; asked += 1) {
    expect(await textOf((await answerOf(transport)).body)).toBe('ok');
    await until(() => transport.stats.busy === 0);
    vi.advanceTimersByTime(1_400);
    expect(transport.stats.openSockets).toBe(1);
  }
  expect(origin.accepted).toBe(1);
  vi.advanceTimersByTime(600);
  await origin.allClosed();
  await until(() => transport.stats.openSockets === 0);
  expect(vi.getTimerCount()).toBe(0);
});

describe('a retired transport', () => {
  test('keeps no idle connection, and still serves open and later requests', async () => {
    let release = () => {};
    const origin = await originOf(({ socket, body }) => {
      socket.write(chunked([body], body !== 'open'));
      if (body === 'open') release = () => socket.write('0\r\n\r\n');
    });
    const transport = transportTo(origin.url);
    const post = async (body: string) => {
      const posted = await transport.post({ ...hello, body }, never());
      if (!posted.ok) throw new Error(posted.failure.detail);
      return posted.value.body;
    };
    const [first, second] = [await post('open'), await post('a')];
    expect(await textOf(second)).toBe('a');
    await until(() => transport.stats.busy === 1);
    expect(transport.stats.openSockets).toBe(2);
    transport.retire();
    await until(() => transport.stats.openSockets === 1);
    release();
    expect(await textOf(first)).toBe('open');
    expect(await textOf(await post('late'))).toBe('late');
    await origin.allClosed();
    await until(() => transport.stats.openSockets === 0);
    expect(transport.stats.busy).toBe(0);
  });
});

test('a GET has a path and no body', async () => {
  let head = '';
  const origin = await originOf((exchange) => {
    head = exchange.head;
    exchange.socket.write(chunked(['up 1']));
  });
  const answer = await transportTo(origin.url).get({ path: '/metrics', headers: {} }, never());
  expect(answer.ok && (await textOf(answer.value.body))).toBe('up 1');
  expect(head).toMatch(/^GET \/metrics HTTP\/1\.1\r\n/);
  expect(head).not.toMatch(/^content-length: [1-9]/im);
});

describe('a lost connection', () => {
  test('is replaced once, when it is lost before the first byte of an answer', async () => {
    const origin = await originOf(({ socket, onSocket }) => {
      if (onSocket === 2) socket.destroy();
      else socket.write(chunked(['ok']));
    });
    const transport = transportTo(origin.url);
    await textOf((await answerOf(transport)).body);
    await until(() => transport.stats.busy === 0);
    expect(await textOf((await answerOf(transport)).body)).toBe('ok');
    expect(origin.accepted).toBe(2);
  });

  test('is not replaced when it was new', async () => {
    const origin = await originOf(({ socket }) => socket.resetAndDestroy());
    const posted = await transportTo(origin.url).post(hello, never());
    expect(posted).toMatchObject({ ok: false, failure: { code: 'upstream_refused' } });
    expect(origin.accepted).toBe(1);
  });

  test('is not replaced when a part of an answer has come', async () => {
    const origin = await originOf(({ socket, onSocket }) => {
      if (onSocket === 1) socket.write(chunked(['ok']));
      else socket.end('HTTP/1.1 200 OK\r\nconte');
    });
    const transport = transportTo(origin.url);
    await textOf((await answerOf(transport)).body);
    await until(() => transport.stats.busy === 0);
    expect(await transport.post(hello, never())).toMatchObject({ ok: false });
    expect(origin.accepted).toBe(1);
  });
});

describe('an answer', () => {
  test('that is cut ends with upstream_cut, after the bytes that had come', async () => {
    const origin = await originOf(({ socket }) => socket.end(chunked(['half'], false)));
    expect(await textOf((await answerOf(transportTo(origin.url))).body)).toBe('half!upstream_cut');
  });

  test.each([
    ['shorter than it says', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', 'half!upstream_cut'],
    ['with a malformed chunk size', `${chunked(['half'], false)}zz\r\n`, 'half!upstream_protocol'],
    ['that ends with its connection', 'HTTP/1.0 200 OK\r\n\r\nwhole', 'whole'],
  ])('%s', async (_name, bytes, expected) => {
    const origin = await originOf(({ socket }) => socket.end(bytes));
    expect(await textOf((await answerOf(transportTo(origin.url))).body)).toBe(expected);
  });

  test.each([
    ['a redirect', 'HTTP/1.1 307 X\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n', 'upstream_refused'],
    [
      'a compressed one',
      'HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx',
      'upstream_protocol',
    ],
    ['one with an endless head', `HTTP/1.1 200 X\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, 'upstream_protocol'],
    ['one that is not HTTP', 'SSH-2.0-x\r\n\r\n', 'upstream_protocol'],
  ])('%s is refused', async (_name, bytes, code) => {
    const origin = await originOf(({ socket }) => socket.write(bytes));
    const transport = transportTo(origin.url);
    expect(await transport.post(hello, never())).toMatchObject({ ok: false, failure: { code } });
    await until(() => transport.stats.busy === 0);
  });

  test('whose reader has a bug ends its own connection, and no other', async () => {
    let say = () => {};
    const origin = await originOf(({ socket }) => {
      socket.write(chunked([], false));
      say = () => socket.write('3\r\none\r\n');
    });
    const { body } = await answerOf(transportTo(origin.url));
    const ended = new Promise((resolve) => {
      body.pull({
        bytes: () => {
          body.pull({ bytes: () => {}, ended: resolve });
          throw new Error('a bug');
        },
        ended: () => {},
      });
      say();
    });
    expect(await ended).toMatchObject({ code: 'upstream_cut', wording: 'a bug' });
    await origin.allClosed();
  });

  test('is not read between pulls', async () => {
    let written = 0;
    let sender: Socket | undefined;
    const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const origin = await originOf(({ socket }) => {
      sender = socket;
      socket.write(chunked(['first'], false));
      const more = () => {
        while (written < 400 && socket.write(piece)) written += 1;
      };
      socket.on('drain', more);
      more();
    });
    const { body } = await answerOf(transportTo(origin.url));
    await body.next();
    // The kernel's buffers fill, and then the sender waits.
    await until(() => (sender?.writableLength ?? 0) > 0);
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(written).toBeLessThan(400);
    let length = 0;
    while (length < 400 * 65_536) {
      const read = await body.next();
      if (read.done === true) throw new Error('ended early');
      length += read.value.length;
    }
    expect(written).toBe(400);
    await body.return();
  });

  test('that comes faster than it is read yields the event loop between two large reads', async () => {
    const bytes = 4 * 1024 * 1024;
    const origin = await originOf(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n`);
      socket.write(Buffer.alloc(bytes, 'x'));
    });
    const { body } = await answerOf(transportTo(origin.url));
    // The kernel's buffers are full, so there is always more to read.
    await new Promise((resolve) => setTimeout(resolve, 50));
    let turn = 0;
    let ticking = setImmediate(function tick() {
      turn += 1;
      ticking = setImmediate(tick);
    });
    const turns: number[] = [];
    let length = 0;
    await new Promise<void>((resolve) => {
      const receiver = {
        bytes: (_: Buffer, from: number, to: number) => {
          length += to - from;
          if (to - from >= 32 * 1024) turns.push(turn);
          body.pull(receiver);
        },
        ended: () => resolve(),
      };
      body.pull(receiver);
    });
    clearImmediate(ticking);
    expect(length).toBe(bytes);
    expect(turns.length).toBeGreaterThan(20);
    // The first read came before the first pull.
    const read = turns.slice(1);
    expect(new Set(read).size).toBe(read.length);
  });

  test('whose chunks came in one read is one batch', async () => {
    const origin = await originOf(({ socket }) => socket.write(chunked(['a', 'b', 'c'])));
    const { body } = await answerOf(transportTo(origin.url));
    expect(Buffer.from((await body.next()).value as Uint8Array).toString()).toBe('abc');
  });
});

describe('aborting', () => {
  test('within a body destroys the socket and ends the pending read', async () => {
    const origin = await originOf(({ socket }) => socket.write(chunked(['x'], false)));
    const transport = transportTo(origin.url);
    const abort = new AbortController();
    const { body } = await answerOf(transport, abort.signal);
    await body.next();
    const pending = body.next();
    abort.abort();
    expect((await pending).done).toBe(true);
    await origin.allClosed();
    expect(transport.stats).toMatchObject({ openSockets: 0, busy: 0 });
  });

  test('before the answer ends the request', async () => {
    const asked = Promise.withResolvers<void>();
    const origin = await originOf(() => asked.resolve());
    const abort = new AbortController();
    const posted = transportTo(origin.url).post(hello, abort.signal);
    await asked.promise;
    abort.abort();
    expect(await posted).toMatchObject({ ok: false });
    await origin.allClosed();
  });

  test('before the request is sent opens no socket', async () => {
    const origin = await originOf(() => {});
    expect(await transportTo(origin.url).post(hello, AbortSignal.abort())).toMatchObject({ ok: false });
    expect(origin.accepted).toBe(0);
  });

  test('while the connection is opened ends the request', async () => {
    // A TLS server that sends nothing: TCP is open, TLS is not.
    const accepted = Promise.withResolvers<Socket>();
    const server = createTcpServer((socket) => accepted.resolve(socket.on('error', () => {})));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const abort = new AbortController();
    const posted = transportTo(new URL(`https://127.0.0.1:${port}`)).post(hello, abort.signal);
    const socket = await accepted.promise;
    const closed = once(socket.resume(), 'close');
    abort.abort();
    expect(await posted).toMatchObject({ ok: false });
    await closed;
  });
});

describe('connecting', () => {
  test('to a closed port is refused, without the address in the message', async () => {
    const origin = await startFakeOrigin(() => {});
    await origin.close();
    const posted = await transportTo(origin.url).post(hello, never());
    expect(posted).toMatchObject({ ok: false, failure: { code: 'upstream_refused' } });
    expect(posted.ok ? '' : posted.failure.message).not.toMatch(/127\.0\.0\.1/);
    expect(posted.ok ? '' : posted.failure.detail).toMatch(/127\.0\.0\.1/);
  });

  test('fails after its timeout, TLS included', async () => {
    const server = createTcpServer((socket) => socket.on('error', () => {}).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const transport = transportTo(new URL(`https://127.0.0.1:${port}`), { connectMs: 30 });
    const late = (ms: number) => ({
      ok: false,
      failure: { code: 'upstream_refused', detail: expect.stringMatching(new RegExp(`within ${ms} ms`)) },
    });
    expect(await transport.post(hello, never())).toMatchObject(late(30));
    expect(await transport.post({ ...hello, connectMs: 20 }, never())).toMatchObject(late(20));
  });
});

/** A proxy for http and https, which connects to `port` whatever the host. */
async function startProxy(port: number, status = '200 OK') {
  const heads: string[] = [];
  const proxy = await originOf(({ head, body, socket }) => {
    heads.push(head);
    if (!head.startsWith('CONNECT')) {
      const [line, ...rest] = head.split('\r\n');
      const path = line?.replace(/http:\/\/[^/]+/, '');
      const target = connect(port, '127.0.0.1', () =>
        target.write(`${path}\r\n${rest.join('\r\n')}\r\n\r\n${body}`),
      );
      target.on('error', () => {}).pipe(socket);
      return;
    }
    socket.removeAllListeners('data');
    socket.write(`HTTP/1.1 ${status}\r\n\r\n`);
    if (!status.startsWith('200')) return;
    const target = connect(port, '127.0.0.1');
    target.on('error', () => {}).pipe(socket);
    socket.pipe(target);
    socket.on('close', () => target.destroy());
  });
  return { url: `http://me:p%40ss@127.0.0.1:${proxy.port}`, heads };
}

const basic = Buffer.from('me:p@ss').toString('base64');

describe('a proxy', () => {
  test('of the environment gets the whole URL of a request to an http origin', async () => {
    const origin = await originOf(({ head, socket }) =>
      socket.write(chunked([/^host: .*/im.exec(head)?.[0] ?? ''])),
    );
    const proxy = await startProxy(origin.port);
    const transport = transportTo(new URL('http://llm.example'), { env: { HTTP_PROXY: proxy.url } });
    expect(await textOf((await answerOf(transport)).body)).toBe('host: llm.example');
    expect(proxy.heads[0]).toMatch(/^POST http:\/\/llm\.example\/v1\/x\?y=1 HTTP\/1\.1/);
    expect(proxy.heads[0]).toContain(`proxy-authorization: Basic ${basic}`);
  });

  test('that is configured opens a tunnel to an https origin, trusted by its own certificate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-ca-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
        .concat(['-subj', '/CN=llm.example', '-addext', 'subjectAltName=DNS:llm.example'])
        .concat(['-keyout', key, '-out', cert]),
      { stdio: 'ignore' },
    );
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(chunked(['safe'])));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    const proxy = await startProxy((server.address() as AddressInfo).port);
    const ca = readFileSync(cert, 'utf8');
    const trusting = transportTo(new URL('https://llm.example'), { proxy: proxy.url, ca });
    expect(await textOf((await answerOf(trusting)).body)).toBe('safe');
    expect(proxy.heads[0]).toMatch(/^CONNECT llm\.example:443 HTTP\/1\.1/);
    expect(proxy.heads[0]).toContain(`proxy-authorization: Basic ${basic}`);

    const distrusting = transportTo(new URL('https://llm.example'), { proxy: proxy.url });
    expect(await distrusting.post(hello, never())).toMatchObject({
      ok: false,
      failure: { code: 'upstream_refused', detail: expect.stringMatching(/certificate/) },
    });
  });

  test('that refuses the tunnel is a refused connection', async () => {
    const proxy = await startProxy(1, '407 Proxy Authentication Required');
    const transport = transportTo(new URL('https://llm.example'), { env: { https_proxy: proxy.url } });
    expect(await transport.post(hello, never())).toMatchObject({
      ok: false,
      failure: { code: 'upstream_refused', detail: expect.stringMatching(/407/) },
    });
  });
});
