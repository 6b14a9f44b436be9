import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail, failure } from '../../domain/failure.ts';
import type { Journal } from '../../journal/contract.ts';
import { createTestJournal } from '../../journal/testing/test-journal.ts';
import { codeOf, offsetOf, readSse, streamIn } from '../durable-streams/testing/durable-answers.ts';
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
    const { id } = await streamIn(server, 'running');
    expect(await codeOf(await server.ask(id, query))).toEqual([400, 'invalid_value', param]);
  });

  it('has an offset where the read is live', async () => {
    const { id } = await streamIn(server, 'running');
    for (const live of ['long-poll', 'sse']) {
      expect(await codeOf(await server.ask(id, `?live=${live}`))).toEqual([
        400,
        'missing_parameter',
        'offset',
      ]);
    }
  });

  it('may have parameters that are not ours', async () => {
    const { id } = await streamIn(server, 'running');
    expect((await server.ask(id, '?offset=-1&foo=bar&expires=1')).status).toBe(200);
  });
});

describe('the address of a stream', () => {
  it('is 404 for every method where there is none, for a foreign key, and for an answer of one body', async () => {
    const { id: foreign } = (await server.begin({ keyId: 'other' })).view.facts;
    const { id: body } = (await server.begin({ stream: false })).view.facts;
    for (const id of ['chatcmpl-none', foreign, body]) {
      for (const query of ['', '?offset=now', '?offset=-1&live=long-poll', '?offset=-1&live=sse']) {
        const response = await server.ask(id, query);
        expect(response.headers.get('x-content-type-options')).toBe('nosniff');
        expect(await codeOf(response)).toEqual([404, 'completion_not_found', null]);
      }
      for (const method of ['HEAD', 'DELETE'])
        expect((await server.ask(id, '', { method })).status).toBe(404);
    }
    const own = await server.ask(foreign, '', { headers: { [keyHeader]: 'other' } });
    expect(own.status).toBe(200);
  });

  it('takes nothing that writes', async () => {
    const { id } = await streamIn(server, 'running');
    for (const method of ['PUT', 'POST', 'PATCH']) {
      const response = await server.ask(id, '', { method, body: '[]' });
      expect(response.headers.get('allow')).toBe('GET, HEAD, DELETE, OPTIONS');
      expect(await codeOf(response)).toEqual([405, 'method_not_allowed', null]);
    }
  });

  it('drops an ended stream', async () => {
    for (const state of ['closed whole', 'torn'] as const) {
      const { id } = await streamIn(server, state);
      const removed = await server.ask(id, '', { method: 'DELETE' });
      expect([removed.status, await removed.text()]).toEqual([204, '']);
      for (const method of ['GET', 'HEAD', 'DELETE'])
        expect((await server.ask(id, '', { method })).status).toBe(404);
    }
    expect(server.cancelled).toEqual([]);
  });

  it('cancels a stream that runs, and keeps it', async () => {
    const { id } = await streamIn(server, 'running');
    expect((await server.ask(id, '', { method: 'DELETE' })).status).toBe(204);
    expect(server.cancelled).toEqual([{ id, keyId: 'k' }]);
    expect((await server.ask(id)).status).toBe(200);
    server.cancelAnswer = fail(failure('storage_unavailable', 'No process answers.'));
    expect(await codeOf(await server.ask(id, '', { method: 'DELETE' }))).toEqual([
      503,
      'storage_unavailable',
      null,
    ]);
  });
});

describe('a stream that can be read no further', () => {
  it('gives the reason to the next request of a client that followed it', async () => {
    const { id, writer } = await streamIn(server, 'before its first event');
    const polled = server.ask(id, '?offset=-1&live=long-poll');
    const streamed = await server.ask(id, '?offset=-1&live=sse');
    await server.waiting(2);
    writer.discard(failure('upstream_refused', 'Not now.'));
    expect(await codeOf(await polled)).toEqual([502, 'upstream_refused', null]);
    expect(readSse(await streamed.text()).controls).toMatchObject([{ streamNextOffset: offsetOf(0) }]);
    expect(await codeOf(await server.ask(id))).toEqual([404, 'completion_not_found', null]);
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
