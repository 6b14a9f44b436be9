import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startTestApp, type TestApp, testKey } from './testing/start-app.ts';
import { type FakeOrigin, startFakeOrigin } from './transport/fake-origin.ts';

const begun = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'Well' } }] })}\n\n`;

let origin: FakeOrigin;
let app: TestApp;

beforeAll(async () => {
  origin = await startFakeOrigin(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${begun}`);
  });
  app = await startTestApp({
    config: JSON.stringify({
      server: { max_streams: 2 },
      upstreams: { lab: { kind: 'openai', base_url: `${origin.url.origin}/v1`, api_key: 'key-of-the-lab' } },
      models: { chat: { targets: [{ upstream: 'lab', model: 'm' }] } },
    }),
  });
});
afterAll(async () => {
  await app.stop();
  await origin.close();
});

it('the last places of the server are not given to all requests that wait for their admission', async () => {
  const { store } = app.ledger;
  const { admit } = store;
  vi.spyOn(store, 'admit').mockImplementation(async (intents) => {
    await delay(200);
    return admit.call(store, intents);
  });
  const clients = new AbortController();
  const statuses = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const answer = await fetch(`${app.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'chat', stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
        signal: clients.signal,
      });
      return answer.status;
    }),
  );
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
  clients.abort();
  await expect.poll(() => app.runs.size).toBe(0);
});
