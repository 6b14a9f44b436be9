import { createSseDecoder } from '@tailrace/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  codeOf,
  errorEvent,
  messages,
  offsetOf,
  positionOf,
  readSse,
  streamIn,
  streamStates,
} from './testing/durable-answers.ts';
import { type DurableServer, startDurableServer } from './testing/durable-server.ts';

let server: DurableServer;
beforeEach(async () => {
  server = await startDurableServer();
});
afterEach(() => server.stop());

describe.each(streamStates)('a stream that is $state', ({ state, written, closed }) => {
  const cuts = written.map((_, index) => index).concat(written.length);

  it('is read from every offset on, by a catch-up read', async () => {
    const { id } = await streamIn(server, state);
    for (const cut of cuts) {
      for (const query of cut === 0
        ? ['', '?offset=-1', `?offset=${offsetOf(0)}`]
        : [`?offset=${offsetOf(cut)}`]) {
        const response = await server.ask(id, query);
        expect(response.status).toBe(200);
        expect(positionOf(response)).toEqual({ next: offsetOf(written.length), upToDate: true, closed });
        expect(Object.fromEntries(response.headers)).toMatchObject({
          'content-type': 'application/json',
          'cache-control': 'private, no-cache',
          'x-content-type-options': 'nosniff',
          'cross-origin-resource-policy': 'same-origin',
          etag: `"${id}:${offsetOf(cut)}:${offsetOf(written.length)}${closed ? ':c' : ''}"`,
        });
        expect(response.headers.has('stream-cursor')).toBe(false);
        expect(await response.text()).toBe(`[${written.slice(cut).join(',')}]`);
      }
    }
  });

  it('is read from every offset on, by a long poll', async () => {
    const { id } = await streamIn(server, state);
    for (const cut of cuts) {
      const asked = server.ask(id, `?offset=${cut === 0 ? '-1' : offsetOf(cut)}&live=long-poll`);
      const waits = cut === written.length && !closed;
      if (waits) {
        await server.waiting();
        server.timers.pass(20_000);
      }
      const response = await asked;
      expect(response.status).toBe(cut === written.length ? 204 : 200);
      expect(positionOf(response)).toEqual({ next: offsetOf(written.length), upToDate: true, closed });
      expect(response.headers.has('stream-cursor')).toBe(!closed);
      expect(response.headers.has('etag')).toBe(cut < written.length);
      expect(await response.text()).toBe(cut === written.length ? '' : `[${written.slice(cut).join(',')}]`);
    }
  });

  it('is read from every offset on, as server-sent events', async () => {
    const { id } = await streamIn(server, state);
    for (const cut of cuts) {
      const response = await server.ask(id, `?offset=${cut === 0 ? '-1' : offsetOf(cut)}&live=sse`);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-content-type-options': 'nosniff',
      });
      if (!closed) {
        await server.waiting();
        server.timers.pass(60_000);
      }
      const seen = readSse(await response.text());
      expect(seen.messages).toEqual(written.slice(cut));
      expect(seen.controls).toEqual([
        {
          streamNextOffset: offsetOf(written.length),
          upToDate: true,
          ...(closed ? { streamClosed: true } : { streamCursor: expect.stringMatching(/^\d+$/) }),
        },
      ]);
    }
  });

  it('has nothing to read from now on', async () => {
    const { id } = await streamIn(server, state);
    const position = { next: offsetOf(written.length), upToDate: true, closed };
    const caughtUp = await server.ask(id, '?offset=now');
    expect(positionOf(caughtUp)).toEqual(position);
    expect(await caughtUp.text()).toBe('[]');
    const polled = server.ask(id, '?offset=now&live=long-poll');
    const streamed = await server.ask(id, '?offset=now&live=sse');
    if (!closed) {
      await server.waiting(2);
      server.timers.pass(60_000);
    }
    const poll = await polled;
    expect([poll.status, positionOf(poll)]).toEqual([204, position]);
    for (const { headers } of [caughtUp, poll]) {
      expect([headers.get('cache-control'), headers.get('etag')]).toEqual(['no-store', null]);
    }
    const { messages: none, controls } = readSse(await streamed.text());
    expect(none).toEqual([]);
    expect(controls).toMatchObject([{ streamNextOffset: position.next, upToDate: true }]);
  });

  it('says its tail to HEAD', async () => {
    const { id } = await streamIn(server, state);
    const response = await server.ask(id, '', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(positionOf(response)).toEqual({ next: offsetOf(written.length), upToDate: true, closed });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    // What the head of the answer was perhaps too early to say.
    const begun = written.length >= messages.length;
    expect([response.headers.get('tailrace-target'), response.headers.get('server-timing')]).toEqual(
      begun ? ['lab/m', 'queue;dur=12, prompt;dur=340'] : [null, null],
    );
  });

  it('refuses an offset behind its tail', async () => {
    const { id } = await streamIn(server, state);
    for (const live of ['', '&live=long-poll', '&live=sse']) {
      const answer = server.ask(id, `?offset=${offsetOf(written.length + 1)}${live}`);
      if (!closed) {
        // The message might be on its way from another replica.
        await expect.poll(() => server.timers.size).toBeGreaterThan(0);
        server.timers.pass(250);
      }
      expect(await codeOf(await answer)).toEqual([400, 'invalid_value', 'offset']);
    }
  });

  // One that runs is compared with its events while it runs in kept-streams.test.ts.
  it.runIf(closed)('has the messages of the events route, at every cut', async () => {
    const { id } = await streamIn(server, state);
    for (const cut of cuts) {
      const own = await (await server.ask(id, `?offset=${offsetOf(cut)}`)).text();
      const events = await fetch(`${server.url}/v1/chat/completions/${id}/events?after=${cut}`);
      const data: string[] = [];
      const decoder = createSseDecoder({}, (item) => {
        if (item.type === 'event' && item.data !== '[DONE]') data.push(item.data);
      });
      // Before any output its only event is an HTTP error there.
      if (state === 'torn before any output' && cut === 0) data.push(errorEvent);
      else decoder.push(new Uint8Array(await events.arrayBuffer()));
      expect(own).toBe(`[${data.join(',')}]`);
    }
  });

  it('answers an entity tag that the client has with 304, until more comes or the stream closes', async () => {
    const { id, writer } = await streamIn(server, state);
    const etag = (await server.ask(id)).headers.get('etag') ?? '';
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const same = await server.ask(id, '', { headers: { 'if-none-match': value } });
      expect([same.status, same.headers.get('etag'), await same.text()]).toEqual([304, etag, '']);
      expect(positionOf(same).next).toBe(offsetOf(written.length));
    }
    expect((await server.ask(id, '', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    if (closed) return;
    writer.begin({});
    writer.event('{"n":9}');
    expect((await server.ask(id, '', { headers: { 'if-none-match': etag } })).status).toBe(200);
    const more = (await server.ask(id)).headers.get('etag') ?? '';
    writer.end({ type: 'whole', payload: '[DONE]' });
    const ended = await server.ask(id, '', { headers: { 'if-none-match': more } });
    expect([ended.status, positionOf(ended).closed]).toEqual([200, true]);
  });
});
