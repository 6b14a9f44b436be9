import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestApp, type TestApp, testKey } from '../../testing/start-app.ts';
import { type FakeOrigin, startFakeOrigin } from '../../transport/fake-origin.ts';

/** What a cancel does to the upstream's request and to a client that does not read. */

const delta = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(4_000) } }] })}\n\n`;

let origin: FakeOrigin;
let app: TestApp;
/** The sockets of the upstream's requests. */
let asked: Socket[];
beforeEach(async () => {
  asked = [];
  origin = await startFakeOrigin(({ socket }) => {
    asked.push(socket);
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${delta}`);
  });
  app = await startTestApp({
    config: `
upstreams: {lab: {kind: openai, base_url: "${origin.url.origin}/v1", api_key: k}}
models: {chat: {targets: [{upstream: lab, model: m}]}}`,
  });
});
afterEach(async () => {
  await app.stop();
  await origin.close();
});

const body = (stream: boolean) =>
  JSON.stringify({ model: 'chat', stream, messages: [{ role: 'user', content: 'Hello' }] });

async function running(): Promise<string> {
  await expect.poll(() => app.runs.list()).toHaveLength(1);
  return app.runs.list()[0]?.id ?? '';
}

async function cancel(id: string): Promise<unknown> {
  const response = await fetch(`${app.url}/v1/chat/completions/${id}/cancel`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}` },
  });
  return response.json();
}

it.each([true, false])('the upstream’s request is aborted (stream: %s)', async (stream) => {
  const answer = fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: body(stream),
  });
  const id = await running();
  await expect.poll(() => asked).toHaveLength(1);
  expect(await cancel(id)).toEqual({ id, status: 'cancelled' });
  await origin.allClosed();
  expect(await (await answer).text()).toContain('completion_cancelled');
});

it('a client that reads nothing holds no cancel up', async () => {
  const client = connect(Number(new URL(app.url).port), '127.0.0.1');
  client.pause();
  client.on('error', () => {});
  const sent = body(true);
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${testKey}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${sent.length}\r\n\r\n${sent}`,
  );
  const id = await running();
  await expect.poll(() => asked).toHaveLength(1);
  const [upstream] = asked;
  // Until nobody on the way takes any more.
  const pours = setInterval(
    () => upstream?.writableNeedDrain === false && upstream.write(delta.repeat(100)),
    1,
  );
  await expect.poll(() => upstream?.writableNeedDrain, { timeout: 10_000 }).toBe(true);
  clearInterval(pours);
  expect(await cancel(id)).toEqual({ id, status: 'cancelled' });
  expect(app.runs.size).toBe(0);
  await origin.allClosed();
  client.destroy();
});
