/**
 * llama.cpp's own server behind a gateway, as the preset `llamacpp`: the same requests directly and through
 * Tailrace give the same text, calls and usage. One thread, temperature 0, no prompt cache: then it repeats itself.
 */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gaugeTotal } from '../../packages/server/src/upstreams/openai/load-text.ts';
import { presets } from '../../packages/server/src/upstreams/openai/presets.ts';
import { type Child, startChild } from '../support/child.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { type Answer, type Fields, streamedAnswer, type Wire, wholeAnswer } from './answer.ts';
import { toolTemplate } from './tool-template.ts';

const binary = process.env['TAILRACE_TEST_LLAMA_SERVER'] ?? '';
const model = process.env['TAILRACE_TEST_MODEL'] ?? '';
const load = presets.llamacpp.load;

const forecast = {
  type: 'function',
  function: {
    name: 'forecast',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', enum: ['Köln', 'Bonn'] },
        days: { type: 'integer', minimum: 1, maximum: 3 },
      },
      required: ['city', 'days'],
    },
  },
};

/** Turns of a chat in which calls were made: the small model does as was done before. */
const turns = [
  ['Bonn', 1],
  ['Köln', 3],
  ['Bonn', 2],
].flatMap(([city, days], at) => [
  { role: 'user', content: `Weather in ${city}, ${days} days?` },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      {
        id: `call_${at}`,
        type: 'function',
        function: { name: 'forecast', arguments: JSON.stringify({ city, days }) },
      },
    ],
  },
  { role: 'tool', tool_call_id: `call_${at}`, content: 'sunny' },
  { role: 'assistant', content: 'Sunny.' },
]);

const user = (content: string) => [{ role: 'user', content }];
const plain = { temperature: 0, max_tokens: 40, cache_prompt: false };
const cases: Readonly<Record<string, Fields>> = {
  'a sentence': { ...plain, messages: user('Say hello to the miller in one sentence.') },
  'characters of several bytes': {
    ...plain,
    messages: user('Repeat: größe, naïve, 😀, "quoted"\nand more.'),
  },
  'a stop string': { ...plain, messages: user('Count from one to ten in words.'), stop: ['four', 'zzz'] },
  'a seed': { ...plain, temperature: 0.9, seed: 11, messages: user('Tell me of a mill.') },
  'a schema': {
    ...plain,
    messages: user('Name a river and its length in kilometres.'),
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'river',
        schema: {
          type: 'object',
          properties: { name: { type: 'string', maxLength: 12 }, km: { type: 'integer' } },
          required: ['name', 'km'],
          additionalProperties: false,
        },
      },
    },
  },
  'a tool call': {
    ...plain,
    max_tokens: 80,
    messages: [...turns, ...user('Weather in Köln, 2 days?')],
    tools: [forecast],
  },
};

describe.skipIf(!existsSync(binary) || !existsSync(model))(
  'llama-server behind the gateway (TAILRACE_TEST_LLAMA_SERVER names its binary, TAILRACE_TEST_MODEL a GGUF)',
  () => {
    let scratch: Scratch;
    let engine: Child;
    let direct: string;
    let gateway: TestServer;

    beforeAll(async () => {
      scratch = createScratch('llama-server');
      const port = await freePort();
      direct = `http://127.0.0.1:${port}`;
      engine = startChild(binary, [
        ...['-m', model, '--alias', 'smollm2', '--host', '127.0.0.1', '--port', String(port)],
        ...['-t', '1', '-c', '4096', '-np', '2', '--metrics', '--jinja'],
        ...['--chat-template-file', scratch.write('tools.jinja', toolTemplate)],
      ]);
      await until('llama-server to serve', 60_000, async () => {
        if (engine.exit() !== undefined) throw new Error(engine.stderr());
        const health = await fetch(`${direct}/health`).catch(() => undefined);
        return health?.ok === true ? true : undefined;
      });
      gateway = await startServer({
        model: 'none',
        config: {
          upstreams: { llama: { kind: 'openai', preset: 'llamacpp', base_url: `${direct}/v1` } },
          models: { relayed: { targets: [{ upstream: 'llama', model: 'smollm2' }] } },
        },
      });
    });

    afterAll(async () => {
      await gateway?.stop();
      await engine?.end('SIGTERM', 5_000);
      scratch?.remove();
    });

    const post = (base: string, key: string, fields: Fields, signal?: AbortSignal) =>
      fetch(`${base}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'relayed', ...fields }),
        ...(signal === undefined ? {} : { signal }),
      });

    async function directly(fields: Fields): Promise<Answer> {
      const response = await post(direct, 'none', fields);
      expect(response.status).toBe(200);
      return wholeAnswer((await response.json()) as Wire);
    }

    test.each(Object.entries(cases))('%s comes as it does directly', async (_name, fields) => {
      const expected = await directly(fields);
      expect(expected.text + JSON.stringify(expected.calls)).not.toBe('[]');

      const once = await post(gateway.baseUrl, gateway.apiKey, fields);
      expect(once.status).toBe(200);
      expect(wholeAnswer((await once.json()) as Wire)).toEqual(expected);

      const streamed = await post(gateway.baseUrl, gateway.apiKey, { ...fields, stream: true });
      expect(streamed.status).toBe(200);
      const body = Buffer.from(await streamed.arrayBuffer());
      expect(expectTrueStream(body).complete).toBe(true);
      expect(streamedAnswer(body)).toEqual(expected);
    });

    test('the tool call was one', async () => {
      const { calls, finish } = await directly(cases['a tool call'] ?? {});
      expect({ calls, finish }).toEqual({
        calls: [{ name: 'forecast', arguments: { city: 'Köln', days: 2 } }],
        finish: 'tool_calls',
      });
    });

    test('a stream that its client leaves ends there too, and its metrics tell as the preset says', async () => {
      const abort = new AbortController();
      const fields = { messages: user('Write a very long story about a river.'), max_tokens: 1_500 };
      const all = { ...fields, stream: true, logit_bias: { 0: -100, 2: -100 } };
      const response = await post(gateway.baseUrl, gateway.apiKey, all, abort.signal);
      await response.body?.getReader().read();
      await untilRunning(1);
      abort.abort();
      await untilRunning(0);
    });

    async function untilRunning(count: number): Promise<void> {
      await until(`${count} requests to run at llama-server`, 10_000, async () => {
        const page = await (await fetch(`${direct}${load.path}`)).text();
        expect(gaugeTotal(page, load.waiting)).toBe(0);
        return gaugeTotal(page, load.running) === count ? true : undefined;
      });
    }

    test('a prompt that is too long is the caller’s 400, in our words', async () => {
      const response = await post(gateway.baseUrl, gateway.apiKey, { messages: user('word '.repeat(4_000)) });
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      expect(error.code).toBe('context_length_exceeded');
      expect(error.message).not.toMatch(/127\.0\.0\.1|:\d{4}/);
    });
  },
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
