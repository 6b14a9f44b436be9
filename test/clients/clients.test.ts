// The SDKs and hand-written readers that people really use, each behind the same driver protocol, all against
// one running server with the real default model. Between client and server sits a tap: the stream grammar is
// checked on the bytes of every stream, also where the client tolerates mistakes.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { startTap, type Tap } from '../support/tap.ts';
import { type Call, type Client, type Outcome, startClient } from './client.ts';
import { type Ability, type ClientRow, clients } from './client-table.ts';
import { question, refusals } from './refusals.ts';

let server: TestServer;
let tap: Tap;

beforeAll(async () => {
  server = await startServer({
    model: 'default',
    files: labFiles,
    config: {
      server: { max_body: '256KiB' },
      upstreams: labUpstreams,
      models: {
        'acme/chat': { aliases: ['chat'], targets: [{ engine: 'smollm2-135m-instruct' }] },
        ...labModels,
      },
      stream: { keepalive_after: '100ms' },
      ...oneAttempt,
    },
  });
  tap = await startTap(server.port);
});

afterAll(async () => {
  await tap?.close();
  await server?.stop();
});

const greedy = { model: 'default', messages: question, max_tokens: 8, temperature: 0 };
const sampled = { ...greedy, temperature: 0.9, seed: 20261121 };
/** By scripted model: what it says with pauses, after a pause, and until it breaks off. */
const resumableTexts = {
  'lab/silent': 'Still waters run deep.',
  'lab/late': 'At last.',
  'lab/cut': 'Rivers carry ',
};

describe.each(clients)('$name', (row) => {
  let client: Client;
  beforeAll(() => {
    client = startClient(row.driver);
  });
  afterAll(async () => {
    await client.close();
  });

  let separateUsage = false;
  let resumable = false;
  afterEach(() => {
    tap.checkStreams({
      usage: separateUsage ? 'separate' : 'inline',
      ...(resumable || row.resumes ? { resumedFrom: 1 } : {}),
    });
    separateUsage = false;
    resumable = false;
  });

  const ask = (call: Partial<Call> & Pick<Call, 'op'>): Promise<Outcome> =>
    client.call({ baseUrl: `${tap.origin}/v1`, apiKey: server.apiKey, ...call });

  test('streams a chat', async () => {
    const outcome = await ask({ op: 'stream', request: greedy });
    expect(outcome.error).toBeNull();
    expect(outcome.pieces).toBeGreaterThan(1);
    expect(outcome.finish).toMatch(/^(stop|length)$/);
  });

  test.each([
    ['temperature 0', greedy],
    ['a seed', sampled],
  ])('joins a stream to the text of the plain answer, with %s', async (_, request) => {
    const streamed = await ask({ op: 'stream', request });
    const whole = await ask({ op: 'complete', request });
    expect(streamed.error ?? whole.error).toBeNull();
    expect(streamed.text).not.toBe('');
    expect(streamed.text).toBe(whole.text);
    expect(streamed.finish).toBe(whole.finish);
    // The plain answer and the stream have the same usage, however the client adds it up.
    expect(streamed.usage).toEqual(whole.usage);
  });

  test('reads the usage once, with include_usage', async () => {
    const request = { ...greedy, stream_options: { include_usage: true } };
    expectUsageOnce(await ask({ op: 'stream', request }));
  });

  able(row, 'separate-usage', 'reads the usage once in the separate form', async () => {
    separateUsage = true;
    const headers = { 'tailrace-usage-chunk': 'separate' };
    const request = { ...greedy, stream_options: { include_usage: true } };
    expectUsageOnce(await ask({ op: 'stream', headers, request }));
  });

  able(row, 'helper', 'reads a stream through its own accumulator', async () => {
    // OpenAI's Python helper raises when an answer ends for its length: this one ends by itself.
    const request = { ...greedy, model: 'lab/plain' };
    const helped = await ask({ op: 'helper', request });
    const whole = await ask({ op: 'complete', request });
    expect(helped).toMatchObject({ error: null, text: whole.text, finish: whole.finish, usage: whole.usage });
  });

  able(row, 'models', 'lists the models', async () => {
    const outcome = await ask({ op: 'models' });
    expect(outcome.error).toBeNull();
    expect(outcome.ids).toEqual(expect.arrayContaining(['acme/chat', 'chat', 'default', 'lab/plain']));
  });

  able(row, 'model', 'retrieves a model with a slash in its id', async () => {
    expect(await ask({ op: 'model', modelId: 'acme/chat' })).toMatchObject({
      error: null,
      ids: ['acme/chat'],
    });
  });

  test('sends the first answer back as it came and gets a second one', async () => {
    const outcome = await ask({ op: 'turns', request: greedy, question: 'And about lakes?' });
    expect(outcome.error).toBeNull();
    expect(outcome.text).not.toBe('');
  });

  test('may send values that ask for nothing', async () => {
    const nothing = {
      n: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      logprobs: false,
      logit_bias: {},
      tools: [],
      tool_choice: 'none',
      response_format: { type: 'text' },
      user: 'somebody',
    };
    const asked = await ask({ op: 'stream', request: { ...greedy, ...nothing } });
    const automatic = await ask({ op: 'complete', request: { ...greedy, ...nothing, tool_choice: 'auto' } });
    expect(asked.error ?? automatic.error).toBeNull();
    expect(asked.text).toBe(automatic.text);
  });

  test.each(ways(row))('leaves a stream (%s), and the server stops it', async (how) => {
    const request = { ...greedy, max_tokens: 1500, temperature: 1 };
    const outcome = await ask({ op: 'stream', request, stopAfter: 2, how });
    expect(outcome.finish).toBeNull();
    await untilNoneLive(server);
  });

  describe('raises', () => {
    for (const refusal of refusals) {
      able(row, refusal.needs, `${refusal.name} as ${refusal.status} ${refusal.code}`, async () => {
        const { status, code, type, param, call } = refusal;
        for (const op of ['complete', 'stream'] as const) {
          const { error } = await ask({ op, ...call });
          expect(error?.classes, JSON.stringify(error)).toContain(row.exception(status));
          expect(error).toMatchObject({ status, code, type, param });
        }
      });
    }

    test('a wrong base URL as 404 unknown_url', async () => {
      const { error } = await ask({ op: 'complete', baseUrl: tap.origin, request: greedy });
      expect(error?.classes).toContain(row.exception(404));
      expect(error).toMatchObject({ status: 404, code: 'unknown_url' });
      expect(error?.message).toContain('/v1');
    });

    test('an error in mid-stream while it iterates', async () => {
      const outcome = await ask({ op: 'stream', request: { ...greedy, model: 'lab/cut' } });
      expect(outcome.text).toBe('Rivers carry ');
      expect(outcome.finish).toBeNull();
      expect(outcome.error?.classes).toContain(row.midStream);
      expect(outcome.error).toMatchObject({
        duringIteration: true,
        code: 'upstream_cut',
        type: 'upstream_error',
      });
    });
  });

  test.each(['lab/silent', 'lab/late'])('is not disturbed by keepalives (%s)', async (model) => {
    const outcome = await ask({ op: 'stream', request: { ...greedy, model } });
    expect(outcome).toMatchObject({ error: null, finish: 'stop' });
    expect(outcome.text).toBe(model === 'lab/late' ? 'At last.' : 'Still waters run deep.');
  });

  test.each(Object.entries(resumableTexts))(
    'reads a resumable stream with its ids and keepalives (%s)',
    async (model, text) => {
      resumable = true;
      const headers = { 'tailrace-resumable': 'true' };
      const outcome = await ask({ op: 'stream', headers, request: { ...greedy, model } });
      expect(outcome.text).toBe(text);
      expect(outcome.error?.code ?? null).toBe(model === 'lab/cut' ? 'upstream_cut' : null);
    },
  );
});

test('a reader that parses every network chunk by itself, without a buffer, loses nothing', async () => {
  const client = startClient({ file: 'fetch.mjs', argument: 'unbuffered' });
  try {
    const request = { model: 'lab/paced', messages: question };
    const outcome = await client.call({
      op: 'stream',
      baseUrl: `${server.baseUrl}/v1`,
      apiKey: server.apiKey,
      request,
    });
    expect(outcome).toMatchObject({
      error: null,
      finish: 'stop',
      text: 'Über die Brücke 日本 😀\n\ndata: [DONE]',
    });
  } finally {
    await client.close();
  }
});

test('the SDK for Node reads five streams over one connection: [DONE] and the end come together', async () => {
  const client = startClient({ file: 'openai.mjs', argument: 'openai' });
  try {
    const before = tap.connections();
    for (let turn = 0; turn < 5; turn += 1) {
      const request = { model: 'lab/plain', messages: question };
      const call = { op: 'stream', baseUrl: `${tap.origin}/v1`, apiKey: server.apiKey, request } as const;
      expect((await client.call(call)).error).toBeNull();
    }
    expect(tap.connections() - before).toBe(1);
    tap.checkStreams();
  } finally {
    await client.close();
  }
});

/** A test that a client may be unable to run; then it is skipped with the reason. */
function able(row: ClientRow, ability: Ability | undefined, name: string, run: () => Promise<void>): void {
  const reason = ability === undefined ? undefined : row.cannot[ability];
  if (reason === undefined) test(name, run);
  else test.skip(`${name}: the client ${reason}`, run);
}

function ways(row: ClientRow): ('abort' | 'break')[] {
  return row.cannot.break === undefined ? ['abort', 'break'] : ['abort'];
}

function expectUsageOnce(outcome: Outcome): void {
  expect(outcome.error).toBeNull();
  expect(outcome.usageEvents).toBe(1);
  const { prompt = 0, completion = 0, total = 0 } = outcome.usage ?? {};
  expect(prompt).toBeGreaterThan(0);
  expect(completion).toBeGreaterThan(0);
  expect(completion).toBeLessThanOrEqual(16);
  expect(total).toBe(prompt + completion);
}
