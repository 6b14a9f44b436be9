import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UpstreamConfig } from '../../config/config.ts';
import type { JsonValue } from '../../domain/json.ts';
import { chunked, type FakeExchange, type FakeOrigin, startFakeOrigin } from '../../transport/fake-origin.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import { describeUpstream, readStream, type UpstreamScenario } from '../contract.suite.ts';
import type { UpstreamCall } from '../contract.ts';
import type { ProviderUpstream } from '../http/provider-transport.ts';
import { createOpenAiUpstream } from './openai.ts';
import type { PresetName } from './presets.ts';

function callOf(text: string, more: Record<string, JsonValue> = {}): UpstreamCall {
  const decoded = decodeChatRequest({ model: 'm', messages: [{ role: 'user', content: text }], ...more });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return { request: decoded.value.request, model: 'there', keyId: 'key', completionId: 'chatcmpl-1' };
}

async function upstreamAt(url: string, config: Partial<UpstreamConfig> = {}): Promise<ProviderUpstream> {
  const created = await createOpenAiUpstream({
    name: 'lab',
    config: { kind: 'openai', baseUrl: url, headers: {}, ...config },
    env: {},
    connectMs: 5_000,
    maxEventBytes: 1024 * 1024,
    finishWaitMs: 60_000,
    now: () => Date.parse('2026-11-21T10:00:00Z'),
  });
  if (!created.ok) throw new Error(created.problems.join('\n'));
  return created.upstream;
}

const frame = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const deltaFrame = (delta: object, index = 0) => frame({ choices: [{ index, delta, finish_reason: null }] });
const finish = (reason: string, index = 0) =>
  frame({ choices: [{ index, delta: {}, finish_reason: reason }] });
const tail = `${frame({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 7 } })}data: [DONE]\n\n`;
const end = finish('stop') + tail;
const words = (text: string) => (text.match(/\S+\s*/g) ?? []).map((word) => deltaFrame({ content: word }));

const call = (index: number, name: string, args: string) =>
  deltaFrame({
    tool_calls: [{ index, id: `c${index}`, type: 'function', function: { name, arguments: args } }],
  });

type Answer = { readonly pieces: readonly string[]; readonly open?: true } | 'refuse' | 'cut' | 'silent';
const scenarios: Record<UpstreamScenario, Answer> = {
  text: { pieces: [...words('The mill turns as long as the water runs.'), end] },
  'other text': { pieces: [...words('Nothing but the truth.'), end] },
  long: { pieces: [...Array.from({ length: 100 }, () => deltaFrame({ content: ' on and on' })), end] },
  silent: 'silent',
  stalls: { pieces: [deltaFrame({ content: 'once' })], open: true },
  'two choices': {
    pieces: [
      deltaFrame({ content: 'a' }),
      deltaFrame({ content: 'b' }, 1),
      finish('stop'),
      finish('stop', 1),
      tail,
    ],
  },
  reasoning: { pieces: [deltaFrame({ reasoning_content: 'hm' }), deltaFrame({ content: 'yes' }), end] },
  'other output': {
    pieces: [...words('see'), deltaFrame({ images: [{ url: 'a' }] }), deltaFrame({ content: 'there' }), end],
  },
  'tool calls': { pieces: [call(0, 'f', '{"a":1}'), call(1, 'g', ''), finish('tool_calls'), tail] },
  'fails at once': 'refuse',
  'fails midway': 'cut',
};

/** Writes each piece in a turn of the event loop of its own, so that each is one read. */
function answer({ body, socket }: FakeExchange): void {
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  const scenario = scenarios[messages[0]?.content as UpstreamScenario] ?? 'refuse';
  if (scenario === 'silent') return;
  if (scenario === 'refuse') {
    const text = '{"error":{"message":"no room at http://10.0.0.5:8000","code":503}}';
    socket.write(`HTTP/1.1 503 X\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    return;
  }
  if (scenario === 'cut') {
    socket.end(chunked([deltaFrame({ content: 'half of' })], false));
    return;
  }
  socket.write(chunked([], false));
  const left = [...scenario.pieces];
  const step = () => {
    const piece = left.shift();
    if (socket.destroyed) return;
    if (piece === undefined) {
      if (scenario.open !== true) socket.write('0\r\n\r\n');
      return;
    }
    socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
    setImmediate(step);
  };
  step();
}

for (const apiKeys of [[], ['one', 'two']]) {
  describeUpstream(`openai, over a socket, with ${apiKeys.length} keys`, async () => {
    const origin = await startFakeOrigin(answer);
    const upstream = await upstreamAt(`${origin.url.origin}/v1`, { apiKeys });
    return {
      upstream,
      call: (scenario) => callOf(scenario, scenario === 'two choices' ? { n: 2 } : {}),
      async released() {
        while (upstream.stats.busy > 0) await new Promise((resolve) => setImmediate(resolve));
      },
      async close() {
        upstream.close();
        await origin.close();
      },
    };
  });
}

describe('an upstream', () => {
  let origin: FakeOrigin;
  let seen: FakeExchange[] = [];
  let reply: (exchange: FakeExchange) => void;
  beforeAll(async () => {
    origin = await startFakeOrigin((exchange) => {
      seen.push(exchange);
      reply(exchange);
    });
  });
  afterAll(() => origin.close());

  const whole = ({ socket }: FakeExchange): void => {
    socket.write(chunked([deltaFrame({ content: 'a' }) + end]));
  };

  async function ask(config: Partial<UpstreamConfig>, asked = callOf('hi'), respond = whole) {
    seen = [];
    reply = respond;
    const upstream = await upstreamAt(`${origin.url.origin}/v1/`, config);
    try {
      const read = await readStream(upstream.open(asked, new AbortController().signal), 1);
      return {
        ...read,
        head: seen[0]?.head ?? '',
        failed: read.events.find((event) => event.type === 'failed')?.failure,
      };
    } finally {
      upstream.close();
    }
  }

  test('holds a finish for its usage for a shorter time than the stall timeout', async () => {
    const open = ({ socket }: FakeExchange) => {
      socket.write(chunked([deltaFrame({ content: 'a' }) + finish('stop')], false));
    };
    const { events } = await ask({}, { ...callOf('hi'), stallMs: 20 }, open);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' });
  });

  test('sends its key, its headers and the model of the target', async () => {
    const { head, texts } = await ask({ apiKeys: ['sk-1'], headers: { 'X-Team': 'a' } });
    expect(texts).toEqual(['a']);
    expect(head).toMatch(/^POST \/v1\/chat\/completions HTTP/);
    expect(head).toMatch(/^authorization: Bearer sk-1$/m);
    expect(head).toMatch(/^x-team: a$/m);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ model: 'there', stream: true });
  });

  test('of Azure sends the deployment in the path, and the key in the header api-key', async () => {
    const { head } = await ask({ preset: 'azure', apiKeys: ['k'], baseUrl: `${origin.url.origin}/openai` });
    expect(head).toMatch(
      /^POST \/openai\/deployments\/there\/chat\/completions\?api-version=2024-10-21 HTTP/,
    );
    expect(head).toMatch(/^api-key: k$/m);
    expect(head).not.toMatch(/^authorization:/im);
    const newer = await ask({ preset: 'azure', apiKeys: ['k'], baseUrl: `${origin.url.origin}/openai/v1` });
    expect(newer.head).toMatch(/^POST \/openai\/v1\/chat\/completions HTTP/);
  });

  test('uses one socket for answers after each other', async () => {
    const before = origin.accepted;
    const upstream = await upstreamAt(`${origin.url.origin}/v1`);
    reply = whole;
    for (let asked = 0; asked < 3; asked += 1) {
      const abort = new AbortController();
      const stream = upstream.open(callOf('hi'), abort.signal);
      await readStream(stream, 1);
      // What routing does at the end of every attempt.
      abort.abort();
      await stream.close();
      while (upstream.stats.busy > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(origin.accepted - before).toBe(1);
    upstream.close();
  });

  test('passes on a `retry-after`, in seconds or as a date', async () => {
    const answerWith =
      (header: string) =>
      ({ socket }: FakeExchange) =>
        socket.write(`HTTP/1.1 429 X\r\n${header}\r\ncontent-length: 2\r\n\r\n{}`);
    const seconds = await ask({}, callOf('hi'), answerWith('retry-after: 3'));
    expect(seconds.failed).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 3_000 });
    const date = await ask({}, callOf('hi'), answerWith('Retry-After: Sat, 21 Nov 2026 10:00:20 GMT'));
    expect(date.failed).toMatchObject({ retryAfterMs: 20_000 });
    const exact = await ask({}, callOf('hi'), answerWith('retry-after-ms: 120\r\nretry-after: 9'));
    expect(exact.failed).toMatchObject({ retryAfterMs: 120 });
  });

  test('reads only a bounded part of an error', async () => {
    const { failed } = await ask({}, callOf('hi'), ({ socket }) => {
      socket.write('HTTP/1.1 500 X\r\n\r\n');
      const more = () => {
        if (!socket.destroyed) socket.write('x'.repeat(65_536), more);
      };
      more();
    });
    expect(failed).toMatchObject({ code: 'upstream_refused' });
    expect(failed?.detail).toBe('HTTP 500');
    expect(failed?.wording?.length).toBeLessThan(2_001);
    await origin.allClosed();
  });

  test('fails for a prefix that its preset cannot continue, and sends one that it can', async () => {
    const asked = { ...callOf('hi'), prefix: 'The mill' };
    expect((await ask({ preset: 'openai' }, asked)).failed).toMatchObject({ code: 'upstream_refused' });
    expect((await ask({ preset: 'vllm' }, asked)).texts).toEqual(['a']);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      continue_final_message: true,
      add_generation_prompt: false,
      messages: [{ role: 'user' }, { role: 'assistant', content: 'The mill' }],
    });
  });

  test('declares a takeover where its preset has a prefill', async () => {
    const of = async (preset: PresetName) =>
      (await upstreamAt('http://127.0.0.1:9/v1', { preset })).takeover?.('m');
    expect(await of('vllm')).toBe('prefix');
    expect(await of('llamacpp')).toBe('if-configured');
    expect(await of('openai')).toBeUndefined();
  });

  test('sends a prefix as the last message, from the assistant, where the preset has no prefill', async () => {
    await ask({}, { ...callOf('hi'), prefix: 'The mill' });
    const { messages, ...more } = JSON.parse(seen[0]?.body ?? '');
    expect(messages.at(-1)).toEqual({ role: 'assistant', content: 'The mill' });
    expect(more).not.toHaveProperty('continue_final_message');
  });
});

describe('a configuration', () => {
  const problems = async (config: Partial<UpstreamConfig>) => {
    const created = await createOpenAiUpstream({
      name: 'lab',
      config: { kind: 'openai', headers: {}, ...config },
      env: {},
      connectMs: 1,
      maxEventBytes: 1024,
    });
    if (created.ok) created.upstream.close();
    return created.ok ? [] : created.problems;
  };

  test('that names a public preset needs no address', async () => {
    expect(await problems({ preset: 'groq', apiKeys: ['k'] })).toEqual([]);
  });

  test.each<[Partial<UpstreamConfig>, RegExp]>([
    [{ preset: 'vllm' }, /^preset vllm needs a base_url$/],
    [{ preset: 'openai', headers: { Host: 'x' } }, /^the header 'host' is set by the connection itself$/],
    [{ preset: 'openai', caFile: '/nowhere/ca.pem' }, /^ca_file: \/nowhere\/ca\.pem: there is no such file$/],
    [{ preset: 'openai', proxy: 'socks5://x' }, /^The proxy must be an http or https URL\.$/],
  ])('%j is a problem', async (config, wording) => {
    expect(await problems(config)).toEqual([expect.stringMatching(wording)]);
  });
});
