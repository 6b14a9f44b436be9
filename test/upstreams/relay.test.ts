/**
 * A real engine behind a gateway: the same prompts directly and through a second Tailrace give the same text
 * and the same usage, streaming and not. The engine is Tailrace's own, reached as any OpenAI-compatible server.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

interface Answer {
  readonly text: string;
  readonly finish: string | null;
  readonly usage: unknown;
}

interface Wire {
  readonly choices: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly message?: { readonly content: string | null };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: unknown;
}

const prompts = [
  'Say hello to the miller in one sentence.',
  'Count from one to ten in words.',
  'Répète: größe, naïve, 😀, "quoted"\nand a second line.',
];

let engine: TestServer;
let gateway: TestServer;

beforeAll(async () => {
  engine = await startServer({ model: 'default', sequences: 2 });
  gateway = await startServer({
    model: 'none',
    config: {
      upstreams: { engine2: { kind: 'openai', base_url: `${engine.baseUrl}/v1`, api_key: engine.apiKey } },
      models: { relayed: { targets: [{ upstream: 'engine2', model: 'smollm2-135m-instruct' }] } },
    },
  });
});

afterAll(async () => {
  await gateway?.stop();
  await engine?.stop();
});

async function ask(server: TestServer, model: string, prompt: string, stream: boolean): Promise<Answer> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      stream,
      messages: [{ role: 'user', content: prompt }],
      temperature: 0,
      max_tokens: 40,
    }),
  });
  expect(response.status).toBe(200);
  if (!stream) {
    const { choices, usage } = (await response.json()) as Wire;
    return { text: choices[0]?.message?.content ?? '', finish: choices[0]?.finish_reason ?? null, usage };
  }
  const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: '));
  expect(events.at(-1)).toBe('data: [DONE]');
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)) as Wire);
  return {
    text: chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join(''),
    finish: chunks.at(-1)?.choices[0]?.finish_reason ?? null,
    usage: chunks.at(-1)?.usage,
  };
}

describe('through the gateway as directly', () => {
  test.each(prompts)('%s', async (prompt) => {
    // Once for the cache: a prefix that is computed before is counted as cached from then on.
    await ask(engine, 'smollm2-135m-instruct', prompt, false);
    const direct = await ask(engine, 'smollm2-135m-instruct', prompt, true);
    expect(direct.text).not.toBe('');
    expect(direct.usage).toMatchObject({
      prompt_tokens: expect.any(Number),
      completion_tokens: expect.any(Number),
    });
    expect(await ask(gateway, 'relayed', prompt, true)).toEqual(direct);
    expect(await ask(gateway, 'relayed', prompt, false)).toEqual(direct);
  });
});

test('a stream that its client leaves is gone at the engine too', async () => {
  const abort = new AbortController();
  const response = await fetch(`${gateway.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'relayed',
      stream: true,
      messages: [{ role: 'user', content: 'Write a very long story about a river.' }],
      max_tokens: 1_500,
    }),
    signal: abort.signal,
  });
  await response.body?.getReader().read();
  expect(await liveStreams(engine)).toBe(1);
  abort.abort();
  await until('the engine to have let go', 10_000, async () =>
    (await liveStreams(engine)) === 0 ? true : undefined,
  );
});

test('what the engine refuses is the caller’s 400, in the gateway’s words', async () => {
  const response = await fetch(`${gateway.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'relayed', messages: [{ role: 'user', content: 'word '.repeat(4_000) }] }),
  });
  expect(response.status).toBe(400);
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe('context_length_exceeded');
  expect(error.message).not.toMatch(/127\.0\.0\.1|:\d{4}/);
});

async function liveStreams(server: TestServer): Promise<number> {
  const response = await fetch(`${server.baseUrl}/admin/v1/streams`, {
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  const { data } = (await response.json()) as { data: readonly unknown[] };
  return data.length;
}
