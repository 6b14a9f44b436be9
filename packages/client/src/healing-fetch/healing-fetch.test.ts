import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { answerOf, fakeStreamServer, streamHead } from './fake-stream-server.ts';
import { createHealingFetch } from './healing-fetch.ts';

const url = 'http://server/v1/chat/completions';
const asked = (body: object, init: RequestInit = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  ...init,
});
const chunk = (content: string, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
const whole = `${chunk('Hi')}${chunk('', 'stop')}data: [DONE]\n\n`;

describe('requests that are not for a stream', () => {
  test.each([
    ['a completion that is not streamed', url, asked({ messages: [] })],
    ['another route', 'http://server/v1/embeddings', asked({ stream: true })],
    ['a list of models', 'http://server/v1/models', {}],
    ['a body that is no JSON', url, { method: 'POST', body: '{' }],
  ])('pass as they are: %s', async (_, to, init) => {
    const answer = new Response('anything');
    let sent: unknown[] = [];
    const fetch = createHealingFetch({
      fetch: async (...all) => {
        sent = all;
        return answer;
      },
    });
    expect(await fetch(to, init)).toBe(answer);
    expect(sent).toEqual([to, init]);
  });
});

test('a failed connection is tried again with the same key, while nothing has come', async () => {
  const fail = (): Response => {
    throw new TypeError('fetch failed');
  };
  const server = fakeStreamServer(fail, () => answerOf(whole));
  const response = await createHealingFetch({ fetch: server.fetch })(url, asked({ stream: true }));
  expect(await response.text()).toBe(whole);
  const keys = server.sent.map(({ headers }) => headers.get('idempotency-key'));
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys).toEqual([keys[0], keys[0]]);
});

test('a failed connection that does not come back is the error that fetch has thrown', async () => {
  const error = new TypeError('fetch failed');
  const fetch = createHealingFetch({ fetch: () => Promise.reject(error), maxRetries: 0 });
  await expect(fetch(url, asked({ stream: true }))).rejects.toBe(error);
});

test('a key of the caller is kept', async () => {
  const server = fakeStreamServer(() => answerOf(whole));
  const headers = { 'Idempotency-Key': 'mine' };
  await createHealingFetch({ fetch: server.fetch })(url, asked({ stream: true }, { headers }));
  expect(server.sent[0]?.headers.get('idempotency-key')).toBe('mine');
});

test('an answer that the server cannot keep comes all the same', async () => {
  const away = (): Response => Response.json({ error: { code: 'storage_unavailable' } }, { status: 503 });
  const server = fakeStreamServer(away, () => answerOf(whole));
  const response = await createHealingFetch({ fetch: server.fetch })(url, asked({ stream: true }));
  expect(await response.text()).toBe(whole);
  expect(server.sent.map(({ headers }) => headers.has('tailrace-resumable'))).toEqual([true, false]);
});

test('a JSON answer to a request for a stream passes as it is', async () => {
  const server = fakeStreamServer(() => Response.json({ choices: [] }));
  const response = await createHealingFetch({ fetch: server.fetch })(url, asked({ stream: true }));
  expect([response.status, await response.json()]).toEqual([200, { choices: [] }]);
  expect(server.sent).toHaveLength(1);
});

test('the body of a refusal can be read, and breaks off by the signal of the caller only', async () => {
  // As the platform's fetch: the signal of the request ends the body too.
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  const server = fakeStreamServer(({ signal }) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        bodies.push(controller);
        signal?.addEventListener('abort', () => controller.error(signal.reason));
      },
    });
    return new Response(body, { status: 429 });
  });
  const fetch = createHealingFetch({ fetch: server.fetch });
  const read = await fetch(url, asked({ stream: true }));
  bodies[0]?.enqueue(new TextEncoder().encode('Slow down.'));
  bodies[0]?.close();
  expect([read.status, await read.text()]).toEqual([429, 'Slow down.']);

  const caller = new AbortController();
  const left = await fetch(url, asked({ stream: true }, { signal: caller.signal }));
  caller.abort();
  await expect(left.text()).rejects.toBe(caller.signal.reason);
});

test('refusals leave nothing at a signal that lives on', async () => {
  const refuse = () => new Response('Slow down.', { status: 429 });
  const server = fakeStreamServer(refuse, refuse, refuse);
  const fetch = createHealingFetch({ fetch: server.fetch });
  const { signal } = new AbortController();
  for (let call = 0; call < 3; call += 1)
    await (await fetch(url, asked({ stream: true }, { signal }))).text();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('the head passes, without what was true of the first connection’s bytes only', async () => {
  const headers = { ...streamHead, 'content-length': '5', 'content-encoding': 'identity' };
  const server = fakeStreamServer(() => answerOf(whole, { headers }));
  const response = await createHealingFetch({ fetch: server.fetch })(url, asked({ stream: true }));
  expect(Object.fromEntries(response.headers)).toEqual(streamHead);
});

describe('a caller that leaves', () => {
  const kept = { ...streamHead, 'tailrace-completion-id': 'chatcmpl-1' };
  /** One event, and then nothing; its cancel call is answered. */
  const endless = () => {
    const cancelled = Promise.withResolvers<string>();
    const server = fakeStreamServer(
      () => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new TextEncoder().encode(`id: 1\n${chunk('Hi')}`)),
        });
        return new Response(body, { headers: kept });
      },
      ({ method, path }) => {
        cancelled.resolve(`${method} ${path}`);
        return Response.json({ id: 'chatcmpl-1', status: 'cancelled' });
      },
    );
    return { server, cancelled: cancelled.promise };
  };

  test('stops the completion by its signal, whose reason it gets', async () => {
    const { server, cancelled } = endless();
    const caller = new AbortController();
    const fetch = createHealingFetch({ fetch: server.fetch });
    const response = await fetch(url, asked({ stream: true }, { signal: caller.signal }));
    const reader = response.body?.getReader();
    await reader?.read();
    const next = reader?.read();
    caller.abort();
    expect(await cancelled).toBe('POST /v1/chat/completions/chatcmpl-1/cancel');
    await expect(next).rejects.toBe(caller.signal.reason);
  });

  test('stops the completion by cancelling the body', async () => {
    const { server, cancelled } = endless();
    const response = await createHealingFetch({ fetch: server.fetch })(url, asked({ stream: true }));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(await cancelled).toBe('POST /v1/chat/completions/chatcmpl-1/cancel');
  });

  test('before the head ends the request, and before the request sends none', async () => {
    const caller = new AbortController();
    const silent = Promise.withResolvers<Response>();
    const server = fakeStreamServer(() => silent.promise);
    const fetch = createHealingFetch({ fetch: server.fetch });
    const answered = fetch(url, asked({ stream: true }, { signal: caller.signal }));
    await expect.poll(() => server.sent.length).toBe(1);
    caller.abort();
    await expect(answered).rejects.toBe(caller.signal.reason);
    expect(server.sent[0]?.signal?.aborted).toBe(true);
    await expect(fetch(url, asked({ stream: true }, { signal: caller.signal }))).rejects.toBe(
      caller.signal.reason,
    );
    expect(server.sent).toHaveLength(1);
    silent.reject(new Error('late'));
  });
});
