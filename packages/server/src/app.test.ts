import { checkStream, decodeJsonText } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fail, failure, ok } from './domain/failure.ts';
import { fakeChatRequest } from './domain/fake-chat-request.ts';
import { startTestApp, type TestApp, testKey } from './testing/start-app.ts';
import { createWall, type Wall } from './wall/wall.ts';
import { createChatSurface } from './wire/chat/surface.ts';
import type { Surface } from './wire/contract.ts';

/** A surface as small as one can be: a text in, its answer as lines or as one object. */
const toy: Surface = {
  name: 'toy',
  path: '/toy',
  members: new Map([['say', undefined]]),
  newId: () => `toy-${Math.random()}`,
  framing: { contentType: 'application/x-lines', frame: (payload) => `${payload}\n`, comment: '#\n' },
  errorEvent: (reason) => `!${reason.code}`,
  errorReply: (reason) => ({ status: 418, headers: {}, body: JSON.stringify({ oh: reason.code }) }),
  decode(body) {
    if (typeof body !== 'object' || body === null || Array.isArray(body) || !('say' in body))
      return fail(failure('invalid_type', 'say something'));
    const { say, live } = body as { say: string; live?: boolean };
    return ok({
      request: fakeChatRequest(say, {
        model: 'story',
        stream: live === true,
      }),
      requirements: [],
      form: {
        streamEncoder: (run) => ({
          end: undefined,
          begin: ({ model }, to) => to.event(`${run.id} ${model}`),
          encode: (event, to) => (event.type === 'text-delta' ? to.event(`"${event.json}"`) : undefined),
          fail: (reason) => `!${reason.code}`,
          keepalive: () => undefined,
        }),
        collector: () => {
          let text = '';
          return {
            add: (event) => {
              if (event.type === 'text-delta') text += decodeJsonText(event.json);
              return true;
            },
            body: () => JSON.stringify({ text }),
          };
        },
      },
    });
  },
};

const bug = (): never => {
  throw new Error('a bug of this surface');
};

/** The toy with a bug at the end of its answers: where it would say that they are whole. */
const buggy: Surface = {
  ...toy,
  path: '/buggy',
  decode(body, headers) {
    const asked = toy.decode(body, headers);
    if (!asked.ok) return asked;
    const { form } = asked.value;
    const streamEncoder: typeof form.streamEncoder = (run) => {
      const encoder = form.streamEncoder(run);
      return {
        ...encoder,
        encode: (event, to) => (event.type === 'finish' ? bug() : encoder.encode(event, to)),
      };
    };
    const collector: typeof form.collector = (run) => ({ ...form.collector(run), body: bug });
    return ok({ ...asked.value, form: { ...form, streamEncoder, collector } });
  },
};

/** The toy with a bug in its envelope. */
const speechless: Surface = { ...toy, path: '/speechless', errorReply: bug };

let wall: Wall;
let app: TestApp;
/** What the upstream answers, asked directly. */
let story: string;
beforeAll(async () => {
  wall = createWall();
  const origin = `http://127.0.0.1:${await wall.listen({ host: '127.0.0.1', port: 0, loopback: true })}`;
  app = await startTestApp({
    config: `
upstreams: {lab: {kind: openai, base_url: "${origin}/v1", api_key: k}}
models:
  story: {targets: [{upstream: lab, model: wall/healthy}]}
  absurd: {targets: [{upstream: lab, model: wall/usage-absurd}]}`,
    surfaces: [createChatSurface({ usageChunk: 'inline' }), toy, buggy, speechless],
  });
  const direct = await fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...asks(false), model: 'wall/healthy' }),
  });
  const answer = (await direct.json()) as { choices: [{ message: { content: string } }] };
  story = answer.choices[0].message.content;
});
afterAll(async () => {
  await app?.stop();
  await wall?.close();
});

function post(path: string, body: unknown, key = testKey): Promise<Response> {
  return fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
const question = 'Tell me a story.';
const asks = (stream: boolean) => ({
  model: 'story',
  stream,
  messages: [{ role: 'user', content: question }],
});

describe('chat completions', () => {
  test('stream whole', async () => {
    const response = await post('/v1/chat/completions', asks(true));
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('tailrace-target')).toBe('lab/wall/healthy');
    const { violations, summary } = checkStream(Buffer.from(await response.arrayBuffer()));
    expect(violations).toEqual([]);
    expect(summary).toMatchObject({ complete: true, choices: [{ content: story }] });
  });

  test('have an estimate for counts that are impossible', async () => {
    const model = 'absurd';
    const streamed = await post('/v1/chat/completions', { ...asks(true), model });
    const { violations, summary } = checkStream(Buffer.from(await streamed.arrayBuffer()));
    expect(violations).toEqual([]);
    const whole = await post('/v1/chat/completions', { ...asks(false), model });
    const { usage } = (await whole.json()) as { usage: { prompt_tokens: number; completion_tokens: number } };
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    expect(usage.completion_tokens).toBeGreaterThanOrEqual(2);
    expect(summary.usage).toEqual(usage);
  });

  test('are one JSON object without streaming', async () => {
    const response = await post('/v1/chat/completions', asks(false));
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: story } }] });
    expect(response.headers.get('tailrace-target')).toBe('lab/wall/healthy');
  });

  test('leave no run and no memory behind, and one line of the log each', async () => {
    expect(app.runs.list()).toEqual([]);
    expect(app.heldBytes()).toBe(0);
    expect(app.logged().filter(({ msg }) => msg === 'request').length).toBeGreaterThanOrEqual(2);
  });
});

describe('a second surface', () => {
  test('streams in its own framing', async () => {
    const response = await post('/toy', { say: question, live: true });
    expect(response.headers.get('content-type')).toBe('application/x-lines');
    const [first = '', ...lines] = (await response.text()).trimEnd().split('\n');
    expect(first).toMatch(/^toy-0\.\d+ story$/);
    expect(lines.map((line) => JSON.parse(line) as string).join('')).toBe(story);
  });

  test('answers in one body', async () => {
    expect(await (await post('/toy', { say: question })).json()).toEqual({ text: story });
  });

  test('with a bug in its encoder never ends as a whole answer does', async () => {
    const said = await (await post('/buggy', { say: question, live: true })).text();
    expect(said.trimEnd().split('\n').at(-1)).toBe('!internal_error');
    const refused = await post('/buggy', { say: question });
    expect(await refused.json()).toEqual({ oh: 'internal_error' });
    expect(app.runs.size).toBe(0);
  });

  test('with a bug in its envelope is refused in the default envelope', async () => {
    for (const key of [testKey, 'wrong']) {
      const refused = await post('/speechless', [], key);
      expect([refused.status, await refused.json()]).toMatchObject([
        500,
        { error: { code: 'internal_error' } },
      ]);
    }
  });

  test.each<[string, () => Promise<Response>, string]>([
    ['without a key', () => post('/toy', { say: question }, 'wrong'), 'invalid_api_key'],
    [
      'with a body that is too large',
      () => post('/toy', { say: 'x'.repeat(11 * 1024 ** 2) }),
      'body_too_large',
    ],
    ['with a body that it does not take', () => post('/toy', []), 'invalid_type'],
    ['by a method that it does not take', () => fetch(`${app.url}/toy`), 'method_not_allowed'],
    [
      'to cancel a completion that there is not',
      () => post('/toy/toy-0.5/cancel', {}),
      'completion_not_found',
    ],
    ['below its path', () => fetch(`${app.url}/toy/1`), 'unknown_url'],
  ])('is refused in its own envelope %s', async (_name, ask, code) => {
    const response = await ask();
    expect(response.status).toBe(418);
    expect(await response.json()).toEqual({ oh: code });
  });
});

test('a server that has too much to do refuses every surface with a time to wait, and answers other requests', async () => {
  const detail = 'the event loop is 412 ms late';
  app.shed(failure('overloaded', 'This server has too much to do.', { retryAfterMs: 2_000, detail }));
  const refused = await post('/v1/chat/completions', asks(true));
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
  expect(await refused.json()).toMatchObject({ error: { code: 'overloaded' } });
  expect(await (await post('/toy', { say: question })).json()).toEqual({ oh: 'overloaded' });
  for (const path of ['/livez', '/readyz']) expect((await fetch(`${app.url}${path}`)).status).toBe(200);
  expect(app.logged()).toContainEqual(expect.objectContaining({ code: 'overloaded', detail }));
  app.shed(undefined);
  expect((await post('/v1/chat/completions', asks(false))).status).toBe(200);
});

test('a server whose store is lost is not ready, because it refuses every completion, and becomes ready again', async () => {
  app.ledger.lose(true);
  const completion = await post('/v1/chat/completions', asks(false));
  const readiness = await fetch(`${app.url}/readyz`);
  expect([completion.status, readiness.status]).toEqual([503, 503]);
  expect(await readiness.json()).toMatchObject({ error: { code: 'storage_unavailable' } });
  expect((await fetch(`${app.url}/livez`)).status).toBe(200);
  app.ledger.lose(false);
  expect((await fetch(`${app.url}/readyz`)).status).toBe(200);
});

test('a server that drains refuses every surface, each in its own envelope', async () => {
  app.drain();
  expect(await (await post('/v1/chat/completions', asks(true))).json()).toMatchObject({
    error: { code: 'draining' },
  });
  expect(await (await post('/toy', { say: question })).json()).toEqual({ oh: 'draining' });
});
