/**
 * An independent imitation of the providers behind a gateway: aimock (npm) speaks OpenAI's, Anthropic's and Gemini's
 * protocols from one file of answers. Each adapter has to give the answers of that file, and OpenAI's preset also what a
 * client gets directly.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { type Fields, streamedAnswer, type Wire, wholeAnswer } from './answer.ts';

const program = fileURLToPath(
  new URL('../clients/node_modules/@copilotkit/aimock/dist/cli.js', import.meta.url),
);
const text = 'Grüße, Müller 😀 "quoted"\nand a second line.';
const forecast = { city: 'Köln', days: 2 };
const answers = {
  fixtures: [
    { match: { userMessage: 'greet' }, response: { content: text } },
    { match: { userMessage: 'think' }, response: { content: 'Forty-two.', reasoning: 'hm, let me see' } },
    {
      match: { userMessage: 'weather' },
      response: { toolCalls: [{ name: 'forecast', arguments: JSON.stringify(forecast) }] },
    },
    {
      match: { userMessage: 'refuse' },
      response: { error: { message: 'Slow down.', type: 'rate_limit_error' }, status: 429 },
    },
  ],
};

const tools = [
  {
    type: 'function',
    function: {
      name: 'forecast',
      parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
    },
  },
];

/** The protocol, and the model's name there. */
const ways = {
  openai: 'gpt-5',
  azure: 'gpt-5',
  openrouter: 'openai/gpt-5',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.5-flash',
} as const;
type Way = keyof typeof ways;

describe.skipIf(!existsSync(program))('aimock behind the gateway (npm test installs it)', () => {
  let scratch: Scratch;
  let mock: Child;
  let direct: string;
  let gateway: TestServer;

  beforeAll(async () => {
    scratch = createScratch('aimock');
    const file = scratch.write('answers.json', JSON.stringify(answers));
    mock = startChild(process.execPath, [program, '-p', '0', '-f', file, '--strict', '--chunk-size', '7']);
    direct = await until('aimock to listen', 20_000, () => {
      if (mock.exit() !== undefined) throw new Error(mock.stderr());
      return /listening on (http:\S+)/.exec(mock.stdout() + mock.stderr())?.[1];
    });
    const provider = (more: object) => ({ api_key: 'key-of-the-operator', ...more });
    gateway = await startServer({
      model: 'none',
      config: {
        retry: { per_target: 1, total: 1 },
        upstreams: {
          openai: provider({ kind: 'openai', preset: 'openai', base_url: `${direct}/v1` }),
          azure: provider({ kind: 'openai', preset: 'azure', base_url: `${direct}/openai` }),
          openrouter: provider({ kind: 'openai', preset: 'openrouter', base_url: `${direct}/api/v1` }),
          anthropic: provider({ kind: 'anthropic', base_url: direct }),
          gemini: provider({ kind: 'gemini', base_url: direct }),
        },
        models: {
          ...Object.fromEntries(
            Object.entries(ways).map(([upstream, model]) => [upstream, { targets: [{ upstream, model }] }]),
          ),
          several: {
            targets: [
              { upstream: 'anthropic', model: ways.anthropic, weight: 1_000 },
              { upstream: 'gemini', model: ways.gemini },
            ],
          },
        },
      },
    });
  });

  afterAll(async () => {
    await gateway?.stop();
    await mock?.end('SIGTERM', 5_000);
    scratch?.remove();
  });

  function post(base: string, fields: Fields): Promise<Response> {
    return fetch(`${base}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    });
  }

  const ask = (way: Way | 'several', word: string, more: Fields = {}) =>
    post(gateway.baseUrl, { model: way, messages: [{ role: 'user', content: word }], ...more });

  /** The answer, which is the same whether it streams or not. */
  async function answerBy(way: Way, word: string, more: Fields = {}) {
    const once = await ask(way, word, more);
    expect(once.status).toBe(200);
    const whole = wholeAnswer((await once.json()) as Wire);
    const streamed = await ask(way, word, { ...more, stream: true });
    expect(streamed.status).toBe(200);
    const body = Buffer.from(await streamed.arrayBuffer());
    expect(expectTrueStream(body).complete).toBe(true);
    expect(streamedAnswer(body)).toEqual(whole);
    return whole;
  }

  const all = Object.keys(ways) as Way[];

  test.each(all)('%s: a text', async (way) => {
    expect(await answerBy(way, 'greet')).toMatchObject({ text, reasoning: '', calls: [], finish: 'stop' });
  });

  test.each(all)('%s: thoughts before a text', async (way) => {
    expect(await answerBy(way, 'think')).toMatchObject({
      text: 'Forty-two.',
      reasoning: 'hm, let me see',
      finish: 'stop',
    });
  });

  // aimock ends Gemini's calls with the finish reason FUNCTION_CALL, where Google's own says STOP.
  test.each(all)('%s: a tool call', async (way) => {
    expect(await answerBy(way, 'weather', { tools })).toMatchObject({
      text: '',
      calls: [{ name: 'forecast', arguments: forecast }],
      finish: 'tool_calls',
    });
  });

  test.each(all)('%s: a history with calls of another provider, and their results', async (way) => {
    const call = (id: string) => ({ id, type: 'function', function: { name: 'forecast', arguments: '{}' } });
    const messages = [
      { role: 'user', content: 'weather' },
      { role: 'assistant', content: null, tool_calls: [call('functions.a:0'), call('functions:a.0')] },
      { role: 'tool', tool_call_id: 'functions.a:0', content: 'Sun' },
      { role: 'tool', tool_call_id: 'functions:a.0', content: 'Rain' },
      { role: 'user', content: 'greet' },
    ];
    expect(await answerBy(way, '', { tools, messages })).toMatchObject({ text, calls: [], finish: 'stop' });
  });

  test('a value that one target does not take is served by the other target, every time', async () => {
    for (let count = 0; count < 10; count += 1) {
      const response = await ask('several', 'greet', { temperature: 1.5 });
      expect(response.status).toBe(200);
      expect(response.headers.get('tailrace-target')).toBe(`gemini/${ways.gemini}`);
    }
    const alone = await ask('anthropic', 'greet', { temperature: 1.5 });
    expect(alone.status).toBe(400);
    expect(await alone.json()).toMatchObject({
      error: { code: 'unsupported_parameter', param: 'temperature' },
    });
  });

  test.each(all)('%s: a refusal for too many requests is passed on as such', async (way) => {
    for (const stream of [true, false]) {
      const response = await ask(way, 'refuse', { stream });
      expect(response.status).toBe(429);
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await response.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
    }
  });

  test.each(['greet', 'think', 'weather'])(
    'openai, %s: text, calls and usage are those of a direct answer',
    async (word) => {
      const messages = [{ role: 'user', content: word }];
      const response = await post(direct, { model: ways.openai, messages, tools });
      expect(response.status).toBe(200);
      const { text, calls, finish, usage } = wholeAnswer((await response.json()) as Wire);
      expect(usage['total_tokens']).toBeGreaterThan(0);
      expect(await answerBy('openai', word, { tools })).toMatchObject({
        ...{ text, calls, finish },
        usage: JSON.parse(JSON.stringify(usage)) as unknown,
      });
    },
  );
});
