import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  errorEvent,
  messages,
  offsetOf,
  positionOf,
  readSse,
  streamIn,
  torn,
} from './testing/durable-answers.ts';
import { type DurableServer, startDurableServer } from './testing/durable-server.ts';

let server: DurableServer;
beforeEach(async () => {
  server = await startDurableServer();
});
afterEach(() => server.stop());

describe('a live read', () => {
  it.each(['-1', 'now', offsetOf(0)])(
    'gets what comes after it began, by a long poll (%s)',
    async (offset) => {
      const { id, writer } = await streamIn(server, 'before its first event');
      const asked = server.ask(id, `?offset=${offset}&live=long-poll`);
      await server.waiting();
      writer.begin({});
      writer.gather();
      writer.event(messages[0] ?? '');
      writer.event(messages[1] ?? '');
      writer.flush();
      const response = await asked;
      expect(await response.text()).toBe('[{"n":1},{"n":2}]');
      expect(positionOf(response)).toEqual({ next: offsetOf(2), upToDate: true, closed: false });
      expect(response.headers.has('etag')).toBe(offset !== 'now');
      expect(server.timers.size).toBe(0);
    },
  );

  it('learns at once that a stream has closed, by a long poll', async () => {
    const { id, writer } = await streamIn(server, 'running');
    const asked = server.ask(id, `?offset=${offsetOf(4)}&live=long-poll`);
    await server.waiting();
    writer.end({ type: 'whole', payload: '[DONE]' });
    const response = await asked;
    expect([response.status, positionOf(response).closed]).toEqual([204, true]);
  });

  it('gets each message as it comes, and keepalives while none comes, as server-sent events', async () => {
    const { id, writer } = await streamIn(server, 'before its first event');
    const response = await server.ask(id, '?offset=-1&live=sse');
    for (const message of messages) {
      await server.waiting();
      server.timers.pass(10_000);
      await server.waiting();
      writer.event(message);
    }
    await server.waiting();
    writer.end({ type: 'torn', failure: torn, payload: errorEvent });
    const seen = readSse(await response.text());
    expect(seen.messages).toEqual([...messages, errorEvent]);
    expect(seen.comments).toBe(4);
    expect(seen.controls.map(({ streamNextOffset }) => streamNextOffset)).toEqual(
      [0, 1, 2, 3, 4, 5].map(offsetOf),
    );
    expect(seen.controls.at(-1)?.streamClosed).toBe(true);
    const cursors = seen.controls.slice(0, -1).map(({ streamCursor }) => Number(streamCursor));
    expect(cursors).toEqual(cursors.toSorted((one, other) => one - other));
  });

  it('moves a cursor on that is not in the past', async () => {
    const { id } = await streamIn(server, 'running');
    const cursorOf = async (cursor: string) =>
      Number((await server.ask(id, `?offset=-1&live=long-poll${cursor}`)).headers.get('stream-cursor'));
    const first = await cursorOf('');
    expect(await cursorOf(`&cursor=${first - 1}`)).toBe(first);
    expect(await cursorOf(`&cursor=${first}`)).toBeGreaterThan(first);
    expect(await cursorOf(`&cursor=${first + 5_000}`)).toBeGreaterThan(first + 5_000);
    for (const odd of ['x', '-1', '1e9', '9'.repeat(40)])
      expect(await cursorOf(`&cursor=${odd}`)).toBe(first);
    const streamed = await server.ask(id, `?offset=-1&live=sse&cursor=${first + 5_000}`);
    await server.waiting();
    server.timers.pass(60_000);
    for (const { streamCursor } of readSse(await streamed.text()).controls) {
      expect(Number(streamCursor)).toBeGreaterThan(first + 5_000);
    }
  });

  it('leaves nothing behind when its client leaves', async () => {
    const { id } = await streamIn(server, 'running');
    for (const live of ['long-poll', 'sse']) {
      const leaving = new AbortController();
      const asked = server.ask(id, `?offset=${offsetOf(4)}&live=${live}`, { signal: leaving.signal });
      await server.waiting();
      leaving.abort();
      await Promise.allSettled([asked]);
      await server.waiting(0);
    }
  });

  it('keeps the run of its stream alive, as every reader does', async () => {
    const { id, writer } = await streamIn(server, 'running');
    const seen: string[] = [];
    writer.own({
      readersCame: () => seen.push('came'),
      readersLeft: () => seen.push('left'),
      lost: () => {},
      fenced: () => {},
    });
    await (await server.ask(id)).text();
    const polled = server.ask(id, '?offset=now&live=long-poll');
    await server.waiting();
    server.timers.pass(20_000);
    await polled;
    await server.ask(id, '', { method: 'HEAD' });
    expect(seen).toEqual(['left', 'came', 'left', 'came', 'left']);
  });
});
