import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from './testing/start-app.ts';
import { chunked, type FakeOrigin, startFakeOrigin } from './transport/fake-origin.ts';

const data = (value: unknown, name?: string) =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, more: object = {}) => data({ type, ...more }, type);

/** What an answer of each kind looks like, and where its key stands in a request. */
const kinds = {
  openai: {
    keyIn: /^authorization: Bearer (\S+)/im,
    answer: data({ choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }] }),
    error: (type: string) => data({ error: { message: 'no', type } }),
  },
  anthropic: {
    keyIn: /^x-api-key: (\S+)/im,
    answer: [
      named('message_start', { message: {} }),
      named('content_block_start', { index: 0, content_block: { type: 'text', text: 'Hi' } }),
      named('message_delta', { delta: { stop_reason: 'end_turn' } }),
      named('message_stop'),
    ].join(''),
    error: (type: string) => named('error', { error: { type, message: 'no' } }),
  },
  gemini: {
    keyIn: /^x-goog-api-key: (\S+)/im,
    answer: data({ candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }] }),
    error: (status: string) => data({ error: { status, message: 'no' } }),
  },
};
type Kind = keyof typeof kinds;
const all = Object.keys(kinds) as Kind[];

const keys = ['key-one-4711-4711', 'key-two-4712-4712', 'key-three-4713-4713'];
type Answers = (key: string) => { readonly status: number; readonly headers?: string } | string;

let origin: FakeOrigin;
let kind: Kind;
let answers: Answers;
/** The keys of all requests, as their positions. */
let asked: number[];
let app: TestApp;

function perform(socket: Socket, answer: ReturnType<Answers>, key: string): void {
  if (typeof answer === 'string') {
    socket.write(chunked([answer]));
    return;
  }
  const body = JSON.stringify({ error: { message: `not with ${key}` } });
  socket.write(
    `HTTP/1.1 ${answer.status} X\r\n${answer.headers ?? ''}content-length: ${body.length}\r\n\r\n${body}`,
  );
}

async function start(one: Kind): Promise<void> {
  kind = one;
  app = await startTestApp({
    config: JSON.stringify({
      upstreams: { lab: { kind, base_url: `${origin.url.origin}/v1`, api_key: keys } },
      models: { m: { targets: [{ upstream: 'lab', model: 'gemini-2.5-pro' }] } },
      retry: { per_target: 1 },
      breaker: { failures: 1 },
      logging: { level: 'debug' },
    }),
  });
}

async function ask(stream = false): Promise<{ status: number; text: string; retryAfterMs: number | null }> {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  const retryAfter = response.headers.get('retry-after-ms');
  return {
    status: response.status,
    text: await response.text(),
    retryAfterMs: retryAfter === null ? null : Number(retryAfter),
  };
}

beforeEach(async () => {
  asked = [];
  origin = await startFakeOrigin(({ head, socket }) => {
    const key = kinds[kind].keyIn.exec(head)?.[1] ?? '';
    asked.push(keys.indexOf(key) + 1);
    perform(socket, answers(key), key);
  });
});
afterEach(async () => {
  await app.stop();
  await origin.close();
});

describe.each(all)('an upstream of kind %s with several keys', (one) => {
  beforeEach(() => start(one));
  const good = kinds[one].answer;

  test('sends them in turn', async () => {
    answers = () => good;
    for (const _ of [1, 2, 3, 4]) expect(await ask()).toMatchObject({ status: 200 });
    expect(asked).toEqual([1, 2, 3, 1]);
  });

  test.each([401, 402, 403, 429])(
    'asks with the next key after %i, and the breaker does not count that',
    async (status) => {
      answers = (key) => (key === keys[0] ? { status } : good);
      for (const stream of [false, true, false]) expect(await ask(stream)).toMatchObject({ status: 200 });
      expect(asked).toEqual([1, 2, 3, 2]);
      const response = await fetch(`${app.url}/admin/v1/upstreams`, {
        headers: { authorization: `Bearer ${testAdminKey}` },
      });
      expect(await response.text()).toContain('"recent_failures":0');
    },
  );

  test('does the same for an error of that kind in the first event of a stream', async () => {
    const error = { openai: 'rate_limit_error', anthropic: 'rate_limit_error', gemini: 'RESOURCE_EXHAUSTED' };
    answers = (key) => (key === keys[0] ? kinds[one].error(error[one]) : good);
    expect(await ask(true)).toMatchObject({ status: 200 });
    expect(asked).toEqual([1, 2]);
  });

  test.each([400, 404, 500])('does not ask with another key after %i', async (status) => {
    answers = () => ({ status });
    await ask();
    expect(asked).toEqual([1]);
  });

  test('fails where no key is left, with 429 where one was only limited, and no answer or log shows a key', async () => {
    answers = (key) => (key === keys[1] ? { status: 429, headers: 'retry-after: 30\r\n' } : { status: 401 });
    const { status, text, retryAfterMs } = await ask();
    expect(status).toBe(429);
    expect(retryAfterMs).toBeGreaterThan(29_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
    expect(asked).toEqual([1, 2, 3]);
    const shown = text + JSON.stringify(app.logged());
    for (const key of keys) expect(shown).not.toContain(key);
  });

  test('fails as with one key where every key is refused', async () => {
    answers = () => ({ status: 401 });
    expect(await ask()).toMatchObject({ status: 502, text: expect.stringContaining('upstream_auth') });
    expect(asked).toEqual([1, 2, 3]);
  });
});
