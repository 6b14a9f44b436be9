// How much many bodies at once, and bodies in tiny chunks, may delay the others.

import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { livezWithinMs } from '../support/livez-watch.ts';
import { watchPeak } from '../support/processes.ts';
import { connect, type RawConnection, requestBytes } from '../support/raw-connection.ts';
import { startServer } from '../support/server.ts';
import { watchLab } from './watched-lab.ts';
import { exchange, expectRefusal, labServer, messages } from './wire-client.ts';

const mebibyte = 1024 ** 2;

const lab = watchLab();

const path = '/v1/chat/completions';
const headersOf = (key: string) => ({ Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' });
const post = (body: string, key = lab.server.apiKey) =>
  exchange(lab.server, requestBytes({ path, headers: headersOf(key), body }));
const small = JSON.stringify({ model: 'lab/plain', messages });
const large = JSON.stringify({
  model: 'lab/plain',
  messages: [{ role: 'user', content: 'x'.repeat(9.9 * mebibyte) }],
});
/** No two of its objects have a name in common: the most expensive JSON to parse. */
const expensive = (objects: number) =>
  JSON.stringify({
    model: 'lab/plain',
    messages,
    x: Array.from({ length: objects }, (_, one) =>
      Object.fromEntries(Array.from({ length: 30 }, (__, index) => [`k${one}_${index}`, 1])),
    ),
  });

/** Requests that lack their last byte. The caller closes them. */
async function unfinished(count: number, body: string): Promise<RawConnection[]> {
  const bytes = requestBytes({ path, headers: headersOf(lab.server.apiKey), body });
  return Promise.all(
    Array.from({ length: count }, async () => {
      const connection = await connect(lab.server.port);
      connection.send(bytes.subarray(0, -1));
      return connection;
    }),
  );
}

/** Adds unfinished bodies to `open`, one after the other, until the server refuses one: then the key's share is full. */
async function fillShare(open: RawConnection[]): Promise<void> {
  for (let added = 0; added < 7; added += 1) {
    const [connection] = await unfinished(1, large);
    if (connection === undefined) return;
    open.push(connection);
    const refused = await Promise.race([connection.response().then(() => true), delay(1_000, false)]);
    if (refused) return;
  }
}

describe('a chunked body in chunks of a byte', () => {
  test.each([100_000, 1_000_000, 10_000_000])('of %i bytes is refused before its end', async (bytes) => {
    const grown = watchPeak(lab.server.pid);
    const waitedMs = await lab.watch.worstMsDuring(livezWithinMs, async () => {
      await using connection = await connect(lab.server.port);
      const head = requestBytes({
        path,
        headers: { ...headersOf(lab.server.apiKey), 'Transfer-Encoding': 'chunked' },
        body: '',
      });
      connection.send(head);
      const tinyChunks = Buffer.from('1\r\n \r\n'.repeat(10_000));
      for (let sent = 0; sent < bytes && connection.closed() === undefined; sent += 10_000)
        connection.send(tinyChunks);
      expectRefusal(await connection.response(), 400, 'invalid_value');
    });
    expect(waitedMs).toBeLessThan(livezWithinMs);
    expect(grown()).toBeLessThan(64 * mebibyte);
  });
});

describe('fifty bodies of ten megabytes', () => {
  test('that lack their last byte hold bounded memory, and delay no other key', async () => {
    const grown = watchPeak(lab.server.pid);
    const open = await unfinished(50, large);
    try {
      // Answered or refused: either shows that its bytes have been read.
      const refused = () => open.filter((connection) => connection.responses().length > 0).length;
      await expect.poll(refused, { timeout: 20_000, interval: 50 }).toBeGreaterThanOrEqual(50 - 7);
      // Bodies that grow side by side refuse each other, so fewer may be left than the key has room for.
      await fillShare(open);
      expectRefusal(await post(large), 503, 'overloaded');
      for (const body of [small, large]) expect((await post(body, lab.server.adminKey)).status).toBe(200);
      // The bodies have half a gibibyte; unbounded, the server held as much.
      expect(grown()).toBeLessThan(256 * mebibyte);
    } finally {
      for (const connection of open) connection.destroy();
    }
    await expect.poll(async () => (await post(large)).status).toBe(200);
  });

  test('that lack all of their bytes hold nearly no memory', async () => {
    const grown = watchPeak(lab.server.pid);
    const open = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const connection = await connect(lab.server.port);
        const headers = { ...headersOf(lab.server.apiKey), 'Content-Length': String(10 * mebibyte) };
        connection.send(requestBytes({ path, headers, body: '{' }));
        return connection;
      }),
    );
    try {
      expect((await post(large)).status).toBe(200);
      expect(grown()).toBeLessThan(100 * mebibyte);
    } finally {
      for (const connection of open) connection.destroy();
    }
  });
});

test('bodies of requests under way do not fill a small heap', async () => {
  const NODE_OPTIONS = '--max-old-space-size=256';
  const tight = await startServer({ ...labServer(), env: { NODE_OPTIONS } });
  const bytes = (model: string, key: string, content: string) =>
    requestBytes({
      path,
      headers: headersOf(key),
      body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
    });
  const text = 'x'.repeat(9.9 * mebibyte);
  const waiting = bytes('lab/mute', tight.apiKey, text);
  const open: RawConnection[] = [];
  try {
    let refused = 0;
    for (let sent = 0; sent < 30; sent += 1) {
      const connection = await connect(tight.port);
      open.push(connection);
      connection.send(waiting);
      // A request that is accepted has no answer yet; the others are refused as soon as they are read.
      const answer = await Promise.race([connection.response(), delay(1_000)]);
      if (answer === undefined) continue;
      expectRefusal(answer, 503, 'overloaded');
      refused += 1;
    }
    expect(refused).toBeGreaterThanOrEqual(20);
    expect(refused).toBeLessThan(30);
    const other = await exchange(tight, bytes('lab/plain', tight.adminKey, 'Hello.'));
    expect(other.status).toBe(200);
    for (const connection of open) connection.destroy();
    const again = async () => (await exchange(tight, bytes('lab/plain', tight.apiKey, text))).status;
    await expect.poll(again, { timeout: 10_000 }).toBe(200);
  } finally {
    for (const connection of open) connection.destroy();
    await tight.stop();
  }
});

test.each([
  [50, 1_000],
  [200, 100],
])(
  '%i bodies of %i expensive objects that are complete at the same moment are decoded in turns',
  async (count, objects) => {
    const waitedMs = await lab.watch.worstMsDuring(livezWithinMs, async () => {
      const open = await unfinished(count, expensive(objects));
      try {
        for (const connection of open) connection.send('}');
        const statuses = await Promise.all(
          open.map(async (connection) => (await connection.response()).status),
        );
        expect(new Set(statuses)).toEqual(new Set([200]));
      } finally {
        for (const connection of open) connection.destroy();
      }
    });
    expect(waitedMs).toBeLessThan(livezWithinMs);
  },
);
