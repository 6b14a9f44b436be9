import { createOpenAICompatible, type OpenAICompatibleProvider } from '@ai-sdk/openai-compatible';
import { describe, expect, test } from 'vitest';
import {
  answerOf,
  fakeStreamServer,
  keptStream,
  type SentRequest,
} from '../healing-fetch/fake-stream-server.ts';
import type { FetchFunction } from '../healing-fetch/healing-fetch.ts';
import { createTailrace } from './create-tailrace.ts';

/*
 * The provider is the AI SDK's own for such servers, over a fetch that heals. So it is compared with that provider over a plain
 * fetch: the same requests, the same warnings, and the same parts of each answer.
 */

type Model = ReturnType<OpenAICompatibleProvider['chatModel']>;
type CallOptions = Parameters<Model['doStream']>[0];

const connection = { apiKey: 'tr_1', baseURL: 'http://server/v1' };
const ours = (fetch: FetchFunction): Model => createTailrace({ ...connection, fetch })('acme/chat');
const theirs = (fetch: FetchFunction): Model =>
  createOpenAICompatible({
    ...connection,
    name: 'tailrace',
    includeUsage: true,
    supportsStructuredOutputs: true,
    fetch,
  })('acme/chat');

const prompt: CallOptions['prompt'] = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }];

async function partsOf(model: Model, options: Partial<CallOptions> = {}): Promise<unknown[]> {
  const { stream } = await model.doStream({ prompt, ...options });
  const parts: unknown[] = [];
  for await (const part of stream as unknown as AsyncIterable<unknown>) parts.push(part);
  return parts;
}

const named = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'acme/chat',
};
const chunk = (delta: object, finish_reason: string | null = null, more: object = {}): string =>
  JSON.stringify({ ...named, choices: [{ index: 0, delta, finish_reason }], ...more });
const wire = (...payloads: readonly string[]): string => payloads.map((data) => `data: ${data}\n\n`).join('');
const usage = {
  prompt_tokens: 20,
  completion_tokens: 30,
  total_tokens: 50,
  prompt_tokens_details: { cached_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 10, accepted_prediction_tokens: 3 },
};
const role = chunk({ role: 'assistant', content: '' });
const finish = (reason: string): string => chunk({}, reason, { usage });
const call = (index: number, given: object, more: object = {}): string =>
  chunk({ tool_calls: [{ index, function: given, ...more }] });

const answers: Readonly<Record<string, readonly string[]>> = {
  text: [role, chunk({ content: 'Hello, ' }), chunk({ content: 'Wörld 😀' }), finish('stop'), '[DONE]'],
  'no text at all': [role, finish('stop'), '[DONE]'],
  'reasoning before text': [
    role,
    chunk({ reasoning_content: 'Let me ' }),
    chunk({ reasoning_content: 'see.' }),
    chunk({ content: 'Yes.' }),
    finish('stop'),
    '[DONE]',
  ],
  'reasoning under its other name': [
    role,
    chunk({ reasoning: 'Hm.' }),
    chunk({ content: 'No.' }),
    finish('stop'),
    '[DONE]',
  ],
  'a call in pieces': [
    role,
    call(0, { name: 'weather', arguments: '' }, { id: 'call_1', type: 'function' }),
    call(0, { arguments: '{"ci' }),
    call(0, { arguments: 'ty":"Oslo"}' }),
    finish('tool_calls'),
    '[DONE]',
  ],
  'two calls, each whole': [
    call(0, { name: 'weather', arguments: '{"city":"Oslo"}' }, { id: 'call_1', type: 'function' }),
    call(1, { name: 'clock', arguments: '{}' }, { id: 'call_2', type: 'function' }),
    finish('tool_calls'),
    '[DONE]',
  ],
  'text, then a call': [
    role,
    chunk({ content: 'I look.' }),
    call(0, { name: 'clock', arguments: '{}' }, { id: 'call_1', type: 'function' }),
    finish('tool_calls'),
    '[DONE]',
  ],
  'a refusal': [
    role,
    chunk({ refusal: 'I cannot ' }),
    chunk({ refusal: 'do that.' }),
    finish('stop'),
    '[DONE]',
  ],
  'the length reached': [role, chunk({ content: 'Hel' }), finish('length'), '[DONE]'],
  'a filter': [role, chunk({ content: 'Hel' }), finish('content_filter'), '[DONE]'],
  'a reason that is unknown': [role, chunk({ content: 'Hel' }), finish('eos'), '[DONE]'],
  'usage in a chunk of its own': [
    role,
    chunk({ content: 'Hi' }),
    chunk({}, 'stop'),
    JSON.stringify({ ...named, choices: [], usage }),
    '[DONE]',
  ],
  'no usage': [role, chunk({ content: 'Hi' }), chunk({}, 'stop'), '[DONE]'],
  'no word that it is done': [role, chunk({ content: 'Hi' }), finish('stop')],
  'an error event': [
    role,
    chunk({ content: 'Hel' }),
    '{"error":{"message":"It broke.","type":"upstream_error","param":null,"code":"upstream_cut"}}',
  ],
};

describe('an answer with', () => {
  test.each(Object.entries(answers))(
    '%s has the parts that the AI SDK’s provider makes of it',
    async (_, payloads) => {
      const server = fakeStreamServer(() => answerOf(wire(...payloads)));
      const parts = await partsOf(ours(server.fetch), { includeRawChunks: true });
      expect(parts).toEqual(await partsOf(theirs(server.fetch), { includeRawChunks: true }));
      expect(parts.at(-1)).toMatchObject({ type: 'finish' });
    },
  );

  test('text, usage and a finish is what it says', async () => {
    const server = fakeStreamServer(() => answerOf(wire(...(answers['text'] ?? []))));
    const parts = await partsOf(ours(server.fetch));
    expect(parts).toMatchObject([
      { type: 'stream-start', warnings: [] },
      { type: 'response-metadata', id: 'chatcmpl-1', modelId: 'acme/chat' },
      { type: 'text-start' },
      { type: 'text-delta', delta: 'Hello, ' },
      { type: 'text-delta', delta: 'Wörld 😀' },
      { type: 'text-end' },
      {
        type: 'finish',
        finishReason: { unified: 'stop', raw: 'stop' },
        usage: {
          inputTokens: { total: 20, cacheRead: 5, noCache: 15 },
          outputTokens: { total: 30, reasoning: 10, text: 20 },
        },
        providerMetadata: { tailrace: { acceptedPredictionTokens: 3 } },
      },
    ]);
  });
});

const schema = { type: 'object' as const, properties: { a: { type: 'number' as const } } };
const requests: Readonly<Record<string, Partial<CallOptions>>> = {
  'nothing else': {},
  'every setting': {
    maxOutputTokens: 9,
    temperature: 0.5,
    topP: 0.9,
    frequencyPenalty: 0.1,
    presencePenalty: 0.2,
    stopSequences: ['\n\n'],
    seed: 7,
  },
  'a setting that is not supported': { topK: 40 },
  JSON: { responseFormat: { type: 'json' } },
  'a schema': { responseFormat: { type: 'json', schema, name: 'answer', description: 'An answer.' } },
  tools: {
    tools: [{ type: 'function', name: 'weather', description: 'Tells it.', inputSchema: schema }],
    toolChoice: { type: 'tool', toolName: 'weather' },
  },
  'a tool that is not supported': {
    tools: [{ type: 'provider', id: 'acme.search', name: 'search', args: {} }],
  },
  'options of this provider': {
    providerOptions: { tailrace: { user: 'ann', reasoningEffort: 'high', top_logprobs: 2 } },
  },
  'options of another provider': { providerOptions: { acme: { user: 'ann' } } },
  'headers of its own': { headers: { 'tailrace-tags': 'team=blue' } },
  'a chat with calls and images': {
    prompt: [
      { role: 'system', content: 'Be short.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'file', mediaType: 'image/png', data: { type: 'data', data: new Uint8Array([1, 2, 3]) } },
        ],
      },
      {
        role: 'assistant',
        content: [{ type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: { at: 'it' } }],
      },
      {
        role: 'tool',
        content: [
          {
            type: 'tool-result',
            toolCallId: 'c1',
            toolName: 'look',
            output: { type: 'text', value: 'A dog.' },
          },
        ],
      },
    ],
  },
};

/** Without what the healing adds. */
function plain({ method, path, headers, body }: SentRequest): object {
  const kept = Object.fromEntries(headers);
  delete kept['idempotency-key'];
  delete kept['tailrace-resumable'];
  return { method, path, headers: kept, body };
}

describe('a request with', () => {
  const json = (): Response =>
    Response.json({
      ...named,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      usage,
    });

  test.each(Object.entries(requests))(
    '%s is the one that the AI SDK’s provider sends, streamed or not',
    async (_, options) => {
      const streamed = fakeStreamServer(() => answerOf(wire(...(answers['text'] ?? []))));
      const whole = fakeStreamServer(json);
      const parts: unknown[][] = [];
      const results: object[] = [];
      for (const model of [ours, theirs]) {
        parts.push(await partsOf(model(streamed.fetch), options));
        const {
          content,
          finishReason,
          usage: counted,
          warnings,
        } = await model(whole.fetch).doGenerate({ prompt, ...options });
        results.push({ content, finishReason, counted, warnings });
      }
      for (const { sent } of [streamed, whole]) {
        expect(sent).toHaveLength(2);
        expect(plain(sent[0] as SentRequest)).toEqual(plain(sent[1] as SentRequest));
      }
      expect(parts[0]).toEqual(parts[1]);
      expect(results[0]).toEqual(results[1]);
    },
  );

  test('a schema has it enforced by the server', async () => {
    const server = fakeStreamServer(() => answerOf(wire(...(answers['text'] ?? []))));
    await partsOf(ours(server.fetch), requests['a schema']);
    expect(server.sent[0]?.body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
      response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
    });
    expect(server.sent[0]?.headers.get('authorization')).toBe('Bearer tr_1');
    expect(server.sent[0]?.headers.get('tailrace-resumable')).toBe('true');
  });
});

test.each([400, 401, 404, 429, 500, 503])(
  'a refusal with status %i is the AI SDK’s error, asked once',
  async (status) => {
    const error = { message: 'No.', type: 'some_error', param: null, code: 'some_code' };
    const refusal = (): Response =>
      Response.json({ error }, { status, headers: { 'retry-after': '3', 'x-request-id': 'req_9' } });
    const server = fakeStreamServer(refusal);
    const errors = [];
    for (const model of [ours, theirs])
      errors.push(await partsOf(model(server.fetch)).catch((thrown) => thrown));
    expect(server.sent).toHaveLength(2);
    expect(errors[0]).toEqual(errors[1]);
    expect(errors[0]).toMatchObject({
      name: 'AI_APICallError',
      statusCode: status,
      message: 'No.',
      isRetryable: status === 429 || status >= 500,
      data: { error },
      responseHeaders: { 'retry-after': '3', 'x-request-id': 'req_9' },
    });
  },
);

describe('a connection that breaks', () => {
  const payloads = answers['reasoning before text'] ?? [];

  test('is replaced, wherever it breaks: the parts are those of a whole one', async () => {
    const whole = await partsOf(ours(keptStream(payloads, 1e6).fetch));
    const events = payloads.map((data, index) => `id: ${index + 1}\ndata: ${data}\n\n`);
    const bytes = events.join('').length;
    let resumed = 0;
    // Before the first event the client waits half a second: one such cut is enough.
    for (let cutAfter = (events[0] ?? '').length - 1; cutAfter < bytes; cutAfter += 7) {
      const server = keptStream(payloads, cutAfter);
      expect(await partsOf(ours(server.fetch))).toEqual(whole);
      resumed += server.sent.length - 1;
      for (const { method, path, headers } of server.sent.slice(1)) {
        // The same request again, where no event has come yet.
        const key = server.sent[0]?.headers.get('idempotency-key');
        if (method === 'POST') expect(headers.get('idempotency-key')).toBe(key);
        else expect([method, path]).toEqual(['GET', '/v1/chat/completions/chatcmpl-1/events']);
        expect(headers.get('authorization')).toBe('Bearer tr_1');
      }
    }
    expect(resumed).toBeGreaterThan(50);
  }, 60_000);

  test('is told to the app', async () => {
    const server = keptStream(payloads, 300);
    const cursors: number[] = [];
    const provider = createTailrace({
      ...connection,
      fetch: server.fetch,
      onReconnect: ({ cursor }) => void cursors.push(cursor),
    });
    await partsOf(provider('acme/chat'));
    expect(cursors).toEqual([1]);
  });

  test('ends in an error where the server does not keep the stream, and so does a polite end without a finish', async () => {
    const body = wire(...payloads.slice(0, 4));
    for (const cutAfter of [body.length, undefined]) {
      const server = fakeStreamServer(() => answerOf(body, cutAfter === undefined ? {} : { cutAfter }));
      const parts = await partsOf(ours(server.fetch));
      expect(parts.slice(-3)).toMatchObject([
        { type: 'error', error: { code: 'stream_truncated' } },
        { type: 'text-end' },
        { type: 'finish', finishReason: { unified: 'error' } },
      ]);
      expect(parts.filter((part) => (part as { type: string }).type === 'text-delta')).toHaveLength(1);
    }
  });
});
