import { connect } from 'node:net';
import { createSseDecoder } from '@tailrace/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail, failure } from '../../domain/failure.ts';
import type { Journal, StreamWriter } from '../../journal/contract.ts';
import { createTestJournal } from '../../journal/testing/test-journal.ts';
import {
  type DurableServer,
  keyHeader,
  startDurableServer,
} from '../durable-streams/testing/durable-server.ts';

let server: DurableServer;
beforeEach(async () => {
  server = await startDurableServer();
});
afterEach(() => server.stop());

const messages = ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}'];
const torn = failure('upstream_cut', 'It was cut.');
const errorEvent = '{"error":{"code":"upstream_cut"}}';
const offsetOf = (number: number) => String(number).padStart(12, '0');

/** The states of a stream, with the messages that it has in each. */
const states = {
  'before its first event': { written: [], closed: false },
  running: { written: messages, closed: false },
  'closed whole': { written: messages, closed: true },
  torn: { written: [...messages, errorEvent], closed: true },
  'torn before any output': { written: [errorEvent], closed: true },
} as const;
type State = keyof typeof states;
const stateRows = Object.entries(states).map(([state, { written, closed }]) => ({
  state: state as State,
  written: [...written] as string[],
  closed,
}));

async function streamIn(state: State, target = server): Promise<{ id: string; writer: StreamWriter }> {
  const writer = await target.begin();
  const { id } = writer.view.facts;
  if (state === 'before its first event') return { id, writer };
  if (state !== 'torn before any output') {
    writer.begin({});
    for (const message of messages) writer.event(message);
  }
  if (state === 'closed whole') writer.end({ type: 'whole', payload: '[DONE]' });
  if (state.startsWith('torn')) writer.end({ type: 'torn', failure: torn, payload: errorEvent });
  return { id, writer };
}

function ask(id: string, query = '', init: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}/v1/streams/${id}${query}`, init);
}

/** What the protocol says of a position in an answer, from its headers. */
function positionOf({ headers }: Response) {
  return {
    next: headers.get('stream-next-offset'),
    upToDate: headers.get('stream-up-to-date') === 'true',
    closed: headers.get('stream-closed') === 'true',
  };
}

async function codeOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return [response.status, error.code, error.param];
}

interface Control {
  readonly streamNextOffset: string;
  readonly streamCursor?: string;
  readonly upToDate?: true;
  readonly streamClosed?: true;
}

/** The messages and control events of an SSE body; every array is followed by a control event. */
function readSse(body: string): { messages: string[]; controls: Control[]; comments: number } {
  const found = { messages: [] as string[], controls: [] as Control[], comments: 0 };
  let waits = false;
  const decoder = createSseDecoder({}, (item) => {
    if (item.type === 'comment') found.comments += 1;
    if (item.type !== 'event') return;
    if (item.event === 'data') {
      expect(waits).toBe(false);
      waits = true;
      found.messages.push(...(JSON.parse(item.data) as unknown[]).map((one) => JSON.stringify(one)));
    } else {
      expect(item.event).toBe('control');
      waits = false;
      found.controls.push(JSON.parse(item.data) as Control);
    }
  });
  decoder.push(new TextEncoder().encode(body));
  decoder.end();
  expect(waits).toBe(false);
  return found;
}

/** Resolves when so many live reads wait for a message. */
const waiting = (count = 1) => expect.poll(() => server.timers.size).toBe(count);

describe.each(stateRows)('a stream that is $state', ({ state, written, closed }) => {
  const cuts = written.map((_, index) => index).concat(written.length);

  it('is read from every offset on, by a catch-up read', async () => {
    const { id } = await streamIn(state);
    for (const cut of cuts) {
      for (const query of cut === 0
        ? ['', '?offset=-1', `?offset=${offsetOf(0)}`]
        : [`?offset=${offsetOf(cut)}`]) {
        const response = await ask(id, query);
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
    const { id } = await streamIn(state);
    for (const cut of cuts) {
      const asked = ask(id, `?offset=${cut === 0 ? '-1' : offsetOf(cut)}&live=long-poll`);
      const waits = cut === written.length && !closed;
      if (waits) {
        await waiting();
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
    const { id } = await streamIn(state);
    for (const cut of cuts) {
      const response = await ask(id, `?offset=${cut === 0 ? '-1' : offsetOf(cut)}&live=sse`);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-content-type-options': 'nosniff',
      });
      if (!closed) {
        await waiting();
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
    const { id } = await streamIn(state);
    const position = { next: offsetOf(written.length), upToDate: true, closed };
    const caughtUp = await ask(id, '?offset=now');
    expect(positionOf(caughtUp)).toEqual(position);
    expect(await caughtUp.text()).toBe('[]');
    const polled = ask(id, '?offset=now&live=long-poll');
    const streamed = await ask(id, '?offset=now&live=sse');
    if (!closed) {
      await waiting(2);
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
    const { id } = await streamIn(state);
    const response = await ask(id, '', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(positionOf(response)).toEqual({ next: offsetOf(written.length), upToDate: true, closed });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it('refuses an offset behind its tail', async () => {
    const { id } = await streamIn(state);
    for (const live of ['', '&live=long-poll', '&live=sse']) {
      const response = await ask(id, `?offset=${offsetOf(written.length + 1)}${live}`);
      expect(await codeOf(response)).toEqual([400, 'invalid_value', 'offset']);
    }
  });

  it('has the messages of the events route, at every cut', async () => {
    if (!closed) return;
    const { id } = await streamIn(state);
    for (const cut of cuts) {
      const own = await (await ask(id, `?offset=${offsetOf(cut)}`)).text();
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
    const { id, writer } = await streamIn(state);
    const etag = (await ask(id)).headers.get('etag') ?? '';
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const same = await ask(id, '', { headers: { 'if-none-match': value } });
      expect([same.status, same.headers.get('etag'), await same.text()]).toEqual([304, etag, '']);
      expect(positionOf(same).next).toBe(offsetOf(written.length));
    }
    expect((await ask(id, '', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    if (closed) return;
    writer.begin({});
    writer.event('{"n":9}');
    expect((await ask(id, '', { headers: { 'if-none-match': etag } })).status).toBe(200);
    const more = (await ask(id)).headers.get('etag') ?? '';
    writer.end({ type: 'whole', payload: '[DONE]' });
    const ended = await ask(id, '', { headers: { 'if-none-match': more } });
    expect([ended.status, positionOf(ended).closed]).toEqual([200, true]);
  });
});

describe('a live read', () => {
  it.each(['-1', 'now', offsetOf(0)])(
    'gets what comes after it began, by a long poll (%s)',
    async (offset) => {
      const { id, writer } = await streamIn('before its first event');
      const asked = ask(id, `?offset=${offset}&live=long-poll`);
      await waiting();
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
    const { id, writer } = await streamIn('running');
    const asked = ask(id, `?offset=${offsetOf(4)}&live=long-poll`);
    await waiting();
    writer.end({ type: 'whole', payload: '[DONE]' });
    const response = await asked;
    expect([response.status, positionOf(response).closed]).toEqual([204, true]);
  });

  it('gets each message as it comes, and keepalives while none comes, as server-sent events', async () => {
    const { id, writer } = await streamIn('before its first event');
    const response = await ask(id, '?offset=-1&live=sse');
    for (const message of messages) {
      await waiting();
      server.timers.pass(10_000);
      await waiting();
      writer.event(message);
    }
    await waiting();
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
    const { id } = await streamIn('running');
    const cursorOf = async (cursor: string) =>
      Number((await ask(id, `?offset=-1&live=long-poll${cursor}`)).headers.get('stream-cursor'));
    const first = await cursorOf('');
    expect(await cursorOf(`&cursor=${first - 1}`)).toBe(first);
    expect(await cursorOf(`&cursor=${first}`)).toBeGreaterThan(first);
    expect(await cursorOf(`&cursor=${first + 5_000}`)).toBeGreaterThan(first + 5_000);
    for (const odd of ['x', '-1', '1e9', '9'.repeat(40)])
      expect(await cursorOf(`&cursor=${odd}`)).toBe(first);
    const streamed = await ask(id, `?offset=-1&live=sse&cursor=${first + 5_000}`);
    await waiting();
    server.timers.pass(60_000);
    for (const { streamCursor } of readSse(await streamed.text()).controls) {
      expect(Number(streamCursor)).toBeGreaterThan(first + 5_000);
    }
  });

  it('leaves nothing behind when its client leaves', async () => {
    const { id } = await streamIn('running');
    for (const live of ['long-poll', 'sse']) {
      const leaving = new AbortController();
      const asked = ask(id, `?offset=${offsetOf(4)}&live=${live}`, { signal: leaving.signal });
      await waiting();
      leaving.abort();
      await Promise.allSettled([asked]);
      await waiting(0);
    }
  });

  it('keeps the run of its stream alive, as every reader does', async () => {
    const { id, writer } = await streamIn('running');
    const seen: string[] = [];
    writer.own({
      readersCame: () => seen.push('came'),
      readersLeft: () => seen.push('left'),
      lost: () => {},
      fenced: () => {},
    });
    await (await ask(id)).text();
    const polled = ask(id, '?offset=now&live=long-poll');
    await waiting();
    server.timers.pass(20_000);
    await polled;
    await ask(id, '', { method: 'HEAD' });
    expect(seen).toEqual(['left', 'came', 'left', 'came', 'left']);
  });
});

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
        const response = await ask(id, `?offset=${offset}${live}`);
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
    const seen = readSse(await (await ask(id, '?offset=-1&live=sse')).text());
    expect(seen.messages).toEqual(long);
    expect(seen.controls.filter(({ upToDate }) => upToDate)).toHaveLength(1);
  });

  it('has another entity tag for a full piece once more has come behind it', async () => {
    const writer = await server.begin();
    writer.begin({});
    for (const message of long.slice(0, 10)) writer.event(message);
    const { id } = writer.view.facts;
    const tag = (await ask(id)).headers.get('etag') ?? '';
    writer.event(long[10] ?? '');
    const again = await ask(id, '', { headers: { 'if-none-match': tag } });
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
      lengths.push((await (await ask(id, `?offset=${offsetOf(offset)}`)).text()).length);
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
        expect(await codeOf(response)).toEqual([410, 'events_gone', null]);
      }
      const response = await fetch(`${own.url}/v1/streams/${id}?offset=${offsetOf(first - 1)}`);
      expect(await response.text()).toBe(`[${long.slice(first - 1, last).join(',')}]`);
    } finally {
      own.stop();
    }
  });
});

describe('a query', () => {
  it.each([
    ['?offset=', 'offset'],
    ['?offset=1', 'offset'],
    ['?offset=-2', 'offset'],
    ['?offset=0,1', 'offset'],
    ['?offset=0%201', 'offset'],
    ['?offset=NOW', 'offset'],
    ['?offset=0000000000001', 'offset'],
    ['?offset=-1&offset=-1', 'offset'],
    ['?offset=-1&live=true', 'live'],
    ['?offset=-1&live=', 'live'],
    ['?offset=-1&live=sse&live=sse', 'live'],
  ])('%s is refused', async (query, param) => {
    const { id } = await streamIn('running');
    expect(await codeOf(await ask(id, query))).toEqual([400, 'invalid_value', param]);
  });

  it('has an offset where the read is live', async () => {
    const { id } = await streamIn('running');
    for (const live of ['long-poll', 'sse']) {
      expect(await codeOf(await ask(id, `?live=${live}`))).toEqual([400, 'missing_parameter', 'offset']);
    }
  });

  it('may have parameters that are not ours', async () => {
    const { id } = await streamIn('running');
    expect((await ask(id, '?offset=-1&foo=bar&expires=1')).status).toBe(200);
  });
});

describe('the address of a stream', () => {
  it('is 404 for every method where there is none, for a foreign key, and for an answer of one body', async () => {
    const { id: foreign } = (await server.begin({ keyId: 'other' })).view.facts;
    const { id: body } = (await server.begin({ stream: false })).view.facts;
    for (const id of ['chatcmpl-none', foreign, body]) {
      for (const query of ['', '?offset=now', '?offset=-1&live=long-poll', '?offset=-1&live=sse']) {
        const response = await ask(id, query);
        expect(response.headers.get('x-content-type-options')).toBe('nosniff');
        expect(await codeOf(response)).toEqual([404, 'completion_not_found', null]);
      }
      for (const method of ['HEAD', 'DELETE']) expect((await ask(id, '', { method })).status).toBe(404);
    }
    const own = await ask(foreign, '', { headers: { [keyHeader]: 'other' } });
    expect(own.status).toBe(200);
  });

  it('takes nothing that writes', async () => {
    const { id } = await streamIn('running');
    for (const method of ['PUT', 'POST', 'PATCH']) {
      const response = await ask(id, '', { method, body: '[]' });
      expect(response.headers.get('allow')).toBe('GET, HEAD, DELETE, OPTIONS');
      expect(await codeOf(response)).toEqual([405, 'method_not_allowed', null]);
    }
  });

  it('drops an ended stream', async () => {
    for (const state of ['closed whole', 'torn'] as const) {
      const { id } = await streamIn(state);
      const removed = await ask(id, '', { method: 'DELETE' });
      expect([removed.status, await removed.text()]).toEqual([204, '']);
      for (const method of ['GET', 'HEAD', 'DELETE'])
        expect((await ask(id, '', { method })).status).toBe(404);
    }
    expect(server.cancelled).toEqual([]);
  });

  it('cancels a stream that runs, and keeps it', async () => {
    const { id } = await streamIn('running');
    expect((await ask(id, '', { method: 'DELETE' })).status).toBe(204);
    expect(server.cancelled).toEqual([{ id, keyId: 'k' }]);
    expect((await ask(id)).status).toBe(200);
    server.cancelAnswer = fail(failure('storage_unavailable', 'No process answers.'));
    expect(await codeOf(await ask(id, '', { method: 'DELETE' }))).toEqual([503, 'storage_unavailable', null]);
  });
});

describe('a stream that can be read no further', () => {
  it('gives the reason to the next request of a client that followed it', async () => {
    const { id, writer } = await streamIn('before its first event');
    const polled = ask(id, '?offset=-1&live=long-poll');
    const streamed = await ask(id, '?offset=-1&live=sse');
    await waiting(2);
    writer.discard(failure('upstream_refused', 'Not now.'));
    expect(await codeOf(await polled)).toEqual([502, 'upstream_refused', null]);
    expect(readSse(await streamed.text()).controls).toMatchObject([{ streamNextOffset: offsetOf(0) }]);
    expect(await codeOf(await ask(id))).toEqual([404, 'completion_not_found', null]);
  });

  it('is 503 with a time to wait while the store does not answer', async () => {
    const away: Journal = { ...createTestJournal(), find: async () => ({ type: 'unavailable' }) };
    const own = await startDurableServer({}, away);
    try {
      for (const method of ['GET', 'DELETE']) {
        const response = await fetch(`${own.url}/v1/streams/one`, { method });
        expect(response.headers.get('retry-after')).toBe('1');
        expect(await codeOf(response)).toEqual([503, 'storage_unavailable', null]);
      }
    } finally {
      own.stop();
    }
  });
});
