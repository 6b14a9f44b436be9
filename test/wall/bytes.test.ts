import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faults } from '../../packages/server/src/wall/catalogue.ts';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';
import { parseResponses, type RawResponse } from '../support/http-bytes.ts';
import { connect, type RawConnection, requestBytes } from '../support/raw-connection.ts';
import { until } from '../support/until.ts';
import { faultBytes } from './fault-bytes.ts';
import type { Seen } from './seen.ts';
import { askWall, chatRequest, readEvents, tokens } from './wall-client.ts';

let wall: Wall;
let port: number;

beforeAll(async () => {
  wall = createWall();
  port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
});
afterAll(() => wall.close());

/** Faults that never end by themselves, and what the client waits for before it checks. */
const openEnded: Readonly<Record<string, (seen: Seen) => boolean>> = {
  hang: () => wall.stats().in_flight === 1,
  '503-hang': ({ bytes }) => bytes.includes('"mess'),
  stall: ({ body }) => readEvents(body).chunks.length === 4,
  endless: ({ body }) => readEvents(body).chunks.length > 6,
  'comments-only': ({ body }) => (body.match(/still here/g) ?? []).length >= 2,
};

function seenBy(connection: RawConnection): Seen {
  const bytes = connection.received();
  const closed = connection.closed();
  let response: RawResponse | undefined;
  try {
    response = parseResponses(bytes, { closed: closed === 'end' })[0];
  } catch {
    // Not HTTP, and that is the fault.
  }
  return { bytes, response, closed, body: response?.body.toString() ?? '' };
}

function finished(name: string, seen: Seen): boolean {
  const openEnd = openEnded[name];
  if (openEnd !== undefined) return openEnd(seen);
  // A body that was announced too short is whole before its bytes are.
  if (name === 'content-length-short') return seen.closed !== undefined;
  return seen.response?.complete === true || seen.closed !== undefined;
}

async function untilIdle(): Promise<void> {
  await until('the wall to be idle', 20_000, () => {
    const { connections_open: open, in_flight: inFlight } = wall.stats();
    return open === 0 && inFlight === 0 ? true : undefined;
  });
}

describe('the bytes of every fault are as its description says', () => {
  test('there is a check for every fault', () => {
    expect(Object.keys(faultBytes).sort()).toEqual(faults.map(({ name }) => name).sort());
  });

  for (const { name, description, asks } of faults) {
    test(`${name}: ${description}`, async () => {
      const check = faultBytes[name];
      if (check === undefined) throw new Error(`no check for ${name}`);
      await using connection = await askWall(port, name, asks);
      const seen = await until(`the bytes of ${name}`, 20_000, () => {
        const now = seenBy(connection);
        return finished(name, now) ? now : undefined;
      });
      check(seen);
      connection.destroy();
      await untilIdle();
      expect(wall.stats().aborted_by_peer[name]).toBe(name in openEnded ? 1 : undefined);
    });
  }
});

describe('the wall', () => {
  test('refuses connections at the port it names', async () => {
    const { refuse_port: refusePort } = wall.stats();
    const code = await new Promise((resolve) => {
      connectTcp({ port: refusePort, host: '127.0.0.1' })
        .on('connect', () => resolve('connected'))
        .on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect(code).toBe('ECONNREFUSED');
  });

  test('takes the fault from a header too, with its parameter', async () => {
    await using connection = await connect(port);
    connection.send(chatRequest({ model: 'gpt-5' }, { 'X-Wall-Fault': 'cut-clean:5' }));
    const { body } = await connection.response();
    expect(readEvents(body).text).toBe(tokens.slice(0, 5).join(''));
  });

  test('serves several requests on one connection', async () => {
    await using connection = await connect(port);
    const request = chatRequest({ model: 'wall/healthy' });
    connection.send(Buffer.concat([request, request]));
    for (const index of [0, 1]) {
      const { body } = await connection.response(index);
      expect(readEvents(body).text).toBe(tokens.join(''));
    }
    expect(connection.closed()).toBeUndefined();
  });

  test('understands requests that come in pieces and in chunks', async () => {
    await using connection = await connect(port);
    const json = JSON.stringify({ model: 'wall/healthy', messages: [{ role: 'user', content: 'é' }] });
    const bytes = requestBytes({
      path: '/v1/chat/completions',
      headers: { 'Transfer-Encoding': 'chunked' },
      body: `5\r\n${json.slice(0, 5)}\r\n${Buffer.byteLength(json.slice(5)).toString(16)}\r\n${json.slice(5)}\r\n0\r\n\r\n`,
    });
    for (let at = 0; at < bytes.length; at += 7) connection.send(bytes.subarray(at, at + 7));
    expect((await connection.response()).status).toBe(200);
  });

  test.each([
    [{ model: 'wall/cut-fim' }, 404, 'cut-fin'],
    [{ model: 'gpt-5' }, 404, 'x-wall-fault'],
    [{ model: 'wall/cut-fin', stream: false }, 400, 'stream'],
    [{ model: 3 }, 400, 'model'],
  ])('says what is wrong with %j', async (fields, status, word) => {
    await using connection = await connect(port);
    connection.send(chatRequest(fields));
    const response = await connection.response();
    expect(response.status).toBe(status);
    expect(response.body.toString()).toContain(word);
  });

  test('answers 500-once with 500 once for each prompt, flapping every second time', async () => {
    const statuses = async (model: string, content: string): Promise<number> => {
      await using connection = await connect(port);
      connection.send(chatRequest({ model, messages: [{ role: 'user', content }] }));
      return (await connection.response()).status;
    };
    const asked = async (model: string, contents: readonly string[]): Promise<number[]> => {
      const all: number[] = [];
      for (const content of contents) all.push(await statuses(model, content));
      return all;
    };
    await post('/wall/reset');
    expect(await asked('wall/500-once', ['a', 'a', 'b', 'a', 'b'])).toEqual([500, 200, 500, 200, 200]);
    expect(await asked('wall/flapping', ['a', 'b', 'a', 'b'])).toEqual([500, 200, 500, 200]);
  });

  test('counts, forgets its counts, and shows what is open', async () => {
    await post('/wall/reset');
    const hanging = await askWall(port, 'hang');
    await until('the request to hang', 20_000, () => (wall.stats().in_flight === 1 ? true : undefined));
    expect(await stats()).toMatchObject({ connections_open: 1, in_flight: 1, requests: { hang: 1 } });
    hanging.destroy();
    await untilIdle();
    expect(await stats()).toMatchObject({ connections_open: 0, in_flight: 0, aborted_by_peer: { hang: 1 } });
    await post('/wall/reset');
    expect(wall.stats()).toMatchObject({ requests: {}, aborted_by_peer: {} });
  });

  test('stops writing while the client does not read', async () => {
    await using connection = await askWall(port, 'too-fast:1000000');
    connection.pause();
    const before = await until('the socket to be full', 20_000, async () => {
      const { bytes_written: now } = wall.stats();
      await new Promise((resolve) => setTimeout(resolve, 200));
      return now > 0 && wall.stats().bytes_written === now ? now : undefined;
    });
    expect(before).toBeLessThan(20e6);
    connection.destroy();
    await untilIdle();
    expect(wall.stats().aborted_by_peer['too-fast']).toBe(1);
  });
});

async function post(path: string): Promise<void> {
  await using connection = await connect(port);
  connection.send(requestBytes({ method: 'POST', path, body: '' }));
  expect((await connection.response()).status).toBe(200);
}

async function stats(): Promise<unknown> {
  await using connection = await connect(port);
  connection.send(requestBytes({ path: '/wall/stats' }));
  return JSON.parse((await connection.response()).body.toString());
}
