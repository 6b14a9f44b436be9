import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from './testing/start-app.ts';

/*
 * An error inside an answer with status 200, through the whole server: whom it blames decides how often the target is asked and
 * whether its health suffers.
 */

let provider: Server;
let app: TestApp;
let body = '';
let asked = 0;

beforeAll(async () => {
  provider = createServer((_, response) => {
    asked += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'retry-after': '7' }).end(body);
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const { port } = provider.address() as AddressInfo;
  app = await startTestApp({
    config: `
upstreams:
  lab: {kind: openai, base_url: "http://127.0.0.1:${port}/v1"}
  claude: {kind: anthropic, base_url: "http://127.0.0.1:${port}"}
  gem: {kind: gemini, base_url: "http://127.0.0.1:${port}"}
models:
  openai: {targets: [{upstream: lab, model: m}]}
  anthropic: {targets: [{upstream: claude, model: m}]}
  gemini: {targets: [{upstream: gem, model: m}]}
retry: {backoff: 1ms}`,
  });
});
afterAll(async () => {
  await app?.stop();
  provider?.close();
});
beforeEach(() => {
  asked = 0;
});

const post = (model: string, stream: boolean) =>
  fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Hi' }] }),
  });

const failuresOf = async (upstream: string): Promise<number> => {
  const response = await fetch(`${app.url}/admin/v1/upstreams`, {
    headers: { authorization: `Bearer ${testAdminKey}` },
  });
  return Number(
    new RegExp(`"${upstream}".*?"recent_failures": ?(\\d+)`, 's').exec(await response.text())?.[1],
  );
};

const mistakes = {
  openai: { error: { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'too long' } },
  anthropic: { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long' } },
  gemini: {
    error: { status: 'INVALID_ARGUMENT', message: 'input token count 9 exceeds the maximum' },
  },
};
const upstreams = { openai: 'lab', anthropic: 'claude', gemini: 'gem' };

describe.each(['openai', 'anthropic', 'gemini'] as const)('in the first event of %s', (model) => {
  test.each([true, false])(
    "the caller's mistake is 400 at once, and no mark against the target",
    async (stream) => {
      body = `data: ${JSON.stringify(mistakes[model])}\n\n`;
      const response = await post(model, stream);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: { type: 'invalid_request_error', code: 'context_length_exceeded' },
      });
      expect(asked).toBe(1);
      expect(await failuresOf(upstreams[model])).toBe(0);
    },
  );

  test('a limit is 429, with the wait of the head', async () => {
    body = `data: ${JSON.stringify({ error: { code: 429, message: 'slow down' } })}\n\n`;
    const response = await post(model, true);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(asked).toBe(1);
  });

  test('a failure of the provider is 502, after all tries', async () => {
    body = `data: ${JSON.stringify({ error: { message: 'the server crashed' } })}\n\n`;
    const response = await post(model, true);
    expect(response.status).toBe(502);
    expect(asked).toBe(3);
    expect(await failuresOf(upstreams[model])).toBe(3);
  });
});

test('a model name of 5,000 characters is 404, and the message repeats its beginning', async () => {
  const response = await post('m'.repeat(5_000), false);
  expect(response.status).toBe(404);
  const { error } = (await response.json()) as { error: { code: string; message: string; param: string } };
  expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
  expect(error.message).toContain('mmm');
  expect(error.message.length).toBeLessThan(300);
});
