import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamWriter } from '../../journal/contract.ts';
import { codeOf, offsetOf, positionOf, readSse } from './testing/durable-answers.ts';
import { type DurableServer, startDurableServer } from './testing/durable-server.ts';

let server: DurableServer;
beforeEach(async () => {
  server = await startDurableServer();
});
afterEach(() => server.stop());

describe('a long stream', () => {
  const megabyte = 1024 * 1024;
  /** 30 messages of 100 kB. */
  const long = Array.from({ length: 30 }, (_, index) =>
    JSON.stringify({ n: index, text: 'x'.repeat(100_000) }),
  );

  async function longStream(target = server): Promise<{ id: string; writer: StreamWriter }> {
    const writer = await target.begin();
    writer.begin({});
    for (const message of long) writer.event(message);
    return { id: writer.view.facts.id, writer };
  }

  it('is read in pieces of a megabyte, of which only the last one is up to date', async () => {
    const { id, writer } = await longStream();
    writer.end({ type: 'whole', payload: '[DONE]' });
    for (const live of ['', '&live=long-poll']) {
      const all: unknown[] = [];
      let offset = '-1';
      let pieces = 0;
      for (let closed = false; !closed; pieces += 1) {
        const response = await server.ask(id, `?offset=${offset}${live}`);
        const body = await response.text();
        expect(body.length).toBeLessThan(megabyte + 100);
        expect(response.headers.get('content-length')).toBe(String(body.length));
        all.push(...(JSON.parse(body) as unknown[]));
        const position = positionOf(response);
        offset = position.next ?? '';
        closed = position.closed;
        expect(position.upToDate).toBe(closed);
        expect(closed).toBe(all.length === long.length);
      }
      expect(all.map((one) => JSON.stringify(one))).toEqual(long);
      expect(pieces).toBe(3);
    }
    const seen = readSse(await (await server.ask(id, '?offset=-1&live=sse')).text());
    expect(seen.messages).toEqual(long);
    expect(seen.controls.filter(({ upToDate }) => upToDate)).toHaveLength(1);
  });

  it('has another entity tag for a full piece once more has come behind it', async () => {
    const writer = await server.begin();
    writer.begin({});
    for (const message of long.slice(0, 10)) writer.event(message);
    const { id } = writer.view.facts;
    const tag = (await server.ask(id)).headers.get('etag') ?? '';
    writer.event(long[10] ?? '');
    const again = await server.ask(id, '', { headers: { 'if-none-match': tag } });
    expect([again.status, positionOf(again).upToDate]).toEqual([200, false]);
    expect(positionOf(again).next).toBe(offsetOf(10));
  });

  it('gives a message that is larger than a piece in an answer of its own', async () => {
    const writer = await server.begin();
    writer.begin({});
    const huge = JSON.stringify('x'.repeat(megabyte));
    for (const message of ['1', huge, '2']) writer.event(message);
    const { id } = writer.view.facts;
    const lengths: number[] = [];
    for (const offset of [0, 1, 2])
      lengths.push((await (await server.ask(id, `?offset=${offsetOf(offset)}`)).text()).length);
    expect(lengths).toEqual([3, huge.length + 2, 3]);
  });

  it('takes little memory for clients that do not read', async () => {
    const own = await startDurableServer({ perStreamBytes: 64 * megabyte });
    try {
      const writer = await own.begin();
      writer.begin({});
      for (let index = 0; index < 16; index += 1) for (const message of long) writer.event(message);
      const { id } = writer.view.facts;
      const port = Number(new URL(own.url).port);
      const sockets = ['?offset=-1&live=sse', ''].map((query) => {
        const socket = connect(port, '127.0.0.1');
        socket.pause();
        socket.write(`GET /v1/streams/${id}${query} HTTP/1.1\r\nhost: x\r\n\r\n`);
        return socket;
      });
      // The kernel takes some megabytes of 48: the rest waits in the journal.
      await expect.poll(() => own.responses.filter((one) => one.writableNeedDrain).length).toBeGreaterThan(0);
      for (const response of own.responses) expect(response.writableLength).toBeLessThan(256 * 1024);
      for (const socket of sockets) socket.destroy();
    } finally {
      own.stop();
    }
  });

  it('that has lost its first messages is 410 from before them, and readable from there on', async () => {
    const own = await startDurableServer({ perStreamBytes: megabyte });
    try {
      const { id, writer } = await longStream(own);
      const { first, last } = writer.view;
      expect(first).toBeGreaterThan(1);
      for (const query of [
        '',
        '?offset=-1',
        `?offset=${offsetOf(first - 2)}&live=sse`,
        '?offset=-1&live=long-poll',
      ]) {
        const response = await fetch(`${own.url}/v1/streams/${id}${query}`);
        const text = await response.clone().text();
        expect(await codeOf(response)).toEqual([410, 'events_gone', null]);
        expect(text).toContain(`Read those after ${first - 1}`);
      }
      const response = await fetch(`${own.url}/v1/streams/${id}?offset=${offsetOf(first - 1)}`);
      expect(await response.text()).toBe(`[${long.slice(first - 1, last).join(',')}]`);
    } finally {
      own.stop();
    }
  });
});
