import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { detachFromParser } from './close-gently.ts';
import { createParserFeed, sliceEnd } from './parser-feed.ts';

const shareMs = 5;
const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

/** A server with a feed whose turns and clock the test drives, and its clients. */
async function lab(handle: (request: IncomingMessage, pass: (ms: number) => void) => void) {
  const planned: (() => void)[] = [];
  /** Paths, in the order in which they were handled. */
  const handled: string[] = [];
  let nowMs = 0;
  const pass = (ms: number) => {
    nowMs += ms;
  };
  const feed = createParserFeed({ now: () => nowMs, later: (callback) => planned.push(callback) });
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    handled.push(request.url ?? '');
    handle(request, pass);
    response.end(request.url);
  });
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    feed.take(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  opened.push(() => {
    server.close();
    server.closeAllConnections();
  });

  return {
    handled,
    /** Calls that are planned for the next turn of the loop. */
    planned,
    async client() {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      opened.push(() => socket.destroy());
      let received = '';
      let ended = false;
      socket.on('data', (bytes) => {
        received += bytes.toString('latin1');
      });
      socket.on('end', () => {
        ended = true;
      });
      const before = accepted;
      await once(socket, 'connect');
      await expect.poll(() => accepted, { interval: 1 }).toBeGreaterThan(before);
      return {
        send: (text: string) => socket.write(text),
        socket,
        received: () => received,
        ended: () => ended,
      };
    },
    /** One turn of the loop: planned calls run, and then the sockets are read. */
    async turn() {
      for (const callback of planned.splice(0)) callback();
      for (let reads = 0; reads < 3; reads += 1) await nextTurn();
    },
  };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => get(`/${name}/${index}`)).join('');
const bodies = (received: string) => received.match(/\/\w+\/\d+/g) ?? [];

describe('many requests in one read', () => {
  it('are handled for one share of time a turn, over all connections, and each is answered in order', async () => {
    const { client, turn, handled, planned } = await lab((_, pass) => pass(1));
    const clients = await Promise.all(Array.from({ length: 20 }, () => client()));
    for (const [index, one] of clients.entries()) one.send(numbered(`c${index}`, 50));
    let most = 0;
    while (handled.length < 20 * 50 || planned.length > 0) {
      const before = handled.length;
      await turn();
      most = Math.max(most, handled.length - before);
    }
    // The last request of a turn begins within the share and ends behind it; one turn of the test may feed twice.
    expect(most).toBeLessThanOrEqual(2 * (shareMs + 2));
    for (const [index, one] of clients.entries()) {
      const expected = Array.from({ length: 50 }, (_, at) => `/c${index}/${at}`);
      await expect.poll(() => bodies(one.received()), { interval: 5 }).toEqual(expected);
    }
  });

  it('do not delay a request that comes later on another connection', async () => {
    const { client, turn, handled } = await lab((_, pass) => pass(1));
    const floods = await Promise.all(Array.from({ length: 20 }, () => client()));
    const late = await client();
    for (const flood of floods) flood.send(numbered('flood', 100));
    await turn();
    await turn();
    late.send(get('/late'));
    // It waits for the first slices of the other connections.
    for (let turns = 0; turns < 20 && !handled.includes('/late'); turns += 1) await turn();
    expect(handled).toContain('/late');
    expect(handled.length).toBeLessThan(200);
  });

  it('are all answered where the end of the connection comes with them', async () => {
    const { client, turn, planned } = await lab((_, pass) => pass(1));
    const one = await client();
    one.socket.end(numbered('c', 30));
    do await turn();
    while (planned.length > 0);
    await expect.poll(one.ended, { interval: 5 }).toBe(true);
    expect(bodies(one.received())).toHaveLength(30);
  });

  it('wait while their client reads no answers', async () => {
    const { client, turn, handled, planned } = await lab(() => {});
    const one = await client();
    one.socket.pause();
    const long = `/${'x'.repeat(8_000)}`;
    for (let sent = 0; sent < 1_000; sent += 1) one.send(get(long));
    for (let turns = 0; turns < 500; turns += 1) await turn();
    expect(planned).toEqual([]);
    expect(handled.length).toBeLessThan(1_000);
    one.socket.resume();
    while (handled.length < 1_000) await turn();
    await expect.poll(() => one.received().split(long).length - 1, { interval: 5 }).toBe(1_000);
  });
});

describe('many chunks in one read', () => {
  const head = 'POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const tinyChunks = (count: number) => '1\r\nx\r\n'.repeat(count);

  it('are parsed for one share of time a turn, over all connections', async () => {
    let pieces = 0;
    const { client, turn, planned } = await lab((request, pass) => {
      request.on('data', () => {
        pieces += 1;
        pass(0.1);
      });
    });
    const clients = await Promise.all(Array.from({ length: 10 }, () => client()));
    for (const one of clients) one.send(head + tinyChunks(1_000));
    let most = 0;
    do {
      const before = pieces;
      await turn();
      most = Math.max(most, pieces - before);
    } while (pieces < 10 * 1_000 || planned.length > 0);
    expect(pieces).toBe(10 * 1_000);
    expect(most).toBeLessThanOrEqual(2 * (shareMs * 10 + 128));
  });

  it('are parsed for at most one more slice once their socket is taken from the parser', async () => {
    let pieces = 0;
    const { client, turn } = await lab((request) => {
      request.on('data', () => {
        pieces += 1;
        if (pieces === 100) detachFromParser(request.socket);
      });
    });
    const one = await client();
    one.send(head + tinyChunks(10_000));
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(pieces).toBeGreaterThanOrEqual(100);
    expect(pieces).toBeLessThan(100 + 65);
  });
});

describe('a slice', () => {
  const slicesOf = (text: string) => {
    const bytes = Buffer.from(text);
    const slices: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = sliceEnd(bytes, at);
      slices.push(bytes.toString('utf8', at, end));
      at = end;
    }
    return slices;
  };

  it('ends where a head ends', () => {
    expect(slicesOf(`${get('/a')}{}${get('/b')}`)).toEqual([get('/a'), `{}${get('/b')}`]);
  });

  it('ends after 128 lines', () => {
    expect(slicesOf('a: b\r\n'.repeat(300)).map((slice) => slice.length / 6)).toEqual([128, 128, 44]);
  });

  it('is a whole read of a body on one line', () => {
    expect(slicesOf('x'.repeat(65_536))).toHaveLength(1);
  });

  it('has at least 16 bytes in a body of blank lines', () => {
    expect(
      slicesOf('\r\n'.repeat(1_000)).every((slice) => slice.length >= 16 || slice.length === 2_000 % 18),
    ).toBe(true);
  });
});

it('leaves the table of a socket’s listeners as small as it was', async () => {
  setFlagsFromString('--allow-natives-syntax');
  const isDictionary = runInNewContext('(table) => !%HasFastProperties(table)') as (
    table: unknown,
  ) => boolean;
  const feed = createParserFeed({ now: () => 0, later: setImmediate });
  const tables: unknown[] = [];
  const server = createServer((_, response) => response.end());
  server.on('connection', (socket: Socket) => {
    feed.take(socket);
    tables.push(Reflect.get(socket, '_events'));
  });
  opened.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  opened.push(() => client.destroy());
  await expect.poll(() => tables.map(isDictionary)).toEqual([false]);
});
