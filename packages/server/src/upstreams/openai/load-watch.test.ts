import { afterEach, describe, expect, test } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { chunked, type FakeExchange, startFakeOrigin } from '../../transport/fake-origin.ts';
import { createTransport } from '../../transport/transport.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import { readStream } from '../contract.suite.ts';
import type { UpstreamCall } from '../contract.ts';
import { createLoadWatch } from './load-watch.ts';
import { createOpenAiUpstream } from './openai.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const metrics = (text: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\n\r\n${text}`;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function watched(answer: (exchange: FakeExchange) => void, own = 0) {
  const seen: string[] = [];
  const origin = await startFakeOrigin((exchange) => {
    seen.push(exchange.head);
    answer(exchange);
  });
  const transport = createTransport({ origin: origin.url, headers: {}, connectMs: 5_000, env: {} });
  if (!transport.ok) throw new Error(transport.failure.message);
  const clock = { ms: 0 };
  const watch = createLoadWatch({
    transport: transport.value,
    signal: { path: '/metrics', waiting: 'waiting', running: 'running' },
    own: () => own,
    now: () => clock.ms,
    everyMs: 5,
  });
  closing.push(
    () => origin.close(),
    () => transport.value.close(),
    () => watch.close(),
  );
  return { watch, clock, seen, transport: transport.value };
}

describe('the load of a server', () => {
  test('is not polled before the first call of pressure()', async () => {
    const { watch, seen, transport } = await watched(({ socket }) => socket.write(metrics('waiting 4\n')));
    expect(watch.watching).toBe(false);
    expect(watch.pressure()).toBe(0);
    expect(watch.watching).toBe(true);
    await until(() => watch.pressure() === 4);
    expect(seen[0]).toMatch(/^GET \/metrics HTTP\/1\.1\r\n/);
    expect(transport.stats.openSockets).toBe(1);
  });

  test('does not count our own requests, which the server counts too', async () => {
    // Five requests are ours: three of them run, so two of the nine waiting ones are ours.
    const { watch } = await watched(({ socket }) => socket.write(metrics('waiting 9\nrunning 3\n')), 5);
    await until(() => watch.pressure() === 7);
  });

  test('is polled repeatedly, and counts as 0 some time after the last report', async () => {
    let polls = 0;
    const { watch, clock } = await watched(({ socket }) => {
      polls += 1;
      socket.write(polls < 4 ? metrics(`waiting ${polls}\n`) : 'HTTP/1.1 501 X\r\ncontent-length: 0\r\n\r\n');
    });
    await until(() => watch.pressure() === 3);
    await until(() => polls > 6);
    expect(watch.pressure()).toBe(3);
    clock.ms += 16;
    expect(watch.pressure()).toBe(0);
  });

  test('is not polled some time after the last call of pressure(), and polled again after the next one', async () => {
    const { watch, clock, seen, transport } = await watched(({ socket }) =>
      socket.write(metrics('waiting 1\n')),
    );
    await until(() => watch.pressure() === 1);
    clock.ms += 50;
    expect(watch.watching).toBe(false);
    // A poll that has begun ends, and none follows it.
    await until(() => transport.stats.busy === 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = seen.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen.length).toBe(before);
    expect(watch.pressure()).toBe(0);
    await until(() => watch.pressure() === 1);
  });

  test('is read up to one megabyte', async () => {
    let dropped = false;
    const { watch } = await watched(({ socket }) => {
      socket.on('close', () => {
        dropped = true;
      });
      socket.write('HTTP/1.1 200 OK\r\n\r\nwaiting 8\n');
      const more = () => {
        if (!socket.destroyed) socket.write('x'.repeat(65_536), more);
      };
      more();
    });
    watch.pressure();
    await until(() => dropped);
    expect(watch.pressure()).toBe(0);
  });

  test('is not polled after close()', async () => {
    const { watch, seen } = await watched(({ socket }) => socket.write(metrics('waiting 1\n')));
    watch.close();
    expect(watch.pressure()).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([]);
  });
});

test('requests ask for a report in the answer, where the preset has one, once pressure() was called', async () => {
  const heads: string[] = [];
  const stream = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n';
  const origin = await startFakeOrigin(({ head, socket }) => {
    heads.push(head);
    if (head.startsWith('GET')) socket.write('HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n');
    else {
      const answer = chunked([`${stream}data: [DONE]\n\n`]);
      const report = 'endpoint-load-metrics: TEXT named_metrics.num_requests_waiting=12';
      socket.write(answer.replace('\r\n', `\r\n${report}\r\n`));
    }
  });
  const created = await createOpenAiUpstream({
    name: 'lab',
    config: { kind: 'openai', preset: 'vllm', baseUrl: `${origin.url.origin}/v1`, headers: {} },
    env: {},
    connectMs: 5_000,
    maxEventBytes: 1024,
  });
  if (!created.ok) throw new Error(created.problems.join());
  const { upstream } = created;
  closing.push(
    () => origin.close(),
    () => upstream.close(),
  );
  const ask = () => readStream(upstream.open(callOf({}), new AbortController().signal), 1);
  const posts = () => heads.filter((head) => head.startsWith('POST'));

  await ask();
  expect(posts()[0]).not.toMatch(/endpoint-load/);
  expect(upstream.pressure?.('m')).toBe(12);
  await ask();
  expect(posts()[1]).toMatch(/^endpoint-load-metrics-format: TEXT$/m);
  expect(heads.some((head) => head.startsWith('GET /metrics '))).toBe(true);
});

test('an upstream whose preset has no load report has no pressure()', async () => {
  const created = await createOpenAiUpstream({
    name: 'lab',
    config: { kind: 'openai', preset: 'ollama', baseUrl: 'http://127.0.0.1:9/v1', headers: {} },
    env: {},
    connectMs: 1,
    maxEventBytes: 1024,
  });
  expect(created.ok && created.upstream.pressure).toBeUndefined();
});

function callOf(more: Record<string, JsonValue>): UpstreamCall {
  const decoded = decodeChatRequest({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...more });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return { request: decoded.value.request, model: 'm', keyId: 'k', completionId: 'chatcmpl-1' };
}
