import { decodeJsonText, jsonText } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isMarkedRoot } from '../domain/spellings.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import { continueWith } from '../routing/continuation.ts';
import { createDelivered } from '../routing/delivered.ts';
import { type FakeOrigin, startFakeOrigin } from '../transport/fake-origin.ts';
import { createChunkEncoder } from '../wire/chat/chunk-encoder.ts';
import { createCompletionCollector } from '../wire/chat/completion-collector.ts';
import { decodeChatRequest } from '../wire/chat/decode-request.ts';
import { knownMembers } from '../wire/chat/known-members.ts';
import { parseJsonBody } from '../wire/json-body.ts';
import { createAnthropicUpstream } from './anthropic/anthropic.ts';
import { claudeModel } from './anthropic/models.ts';
import { requestBody as anthropicBody } from './anthropic/request.ts';
import { createMessageDialect } from './anthropic/stream.ts';
import { readStream } from './contract.suite.ts';
import type { UpstreamCall } from './contract.ts';
import { createGeminiUpstream } from './gemini/gemini.ts';
import { geminiModel } from './gemini/models.ts';
import { requestBody as geminiBody } from './gemini/request.ts';
import { createContentDialect } from './gemini/stream.ts';
import type { Dialect, DialectOutput } from './http/answer/dialect.ts';
import { createTranslation } from './http/answer/translation.ts';
import { batchesOf } from './openai/fake-answer.ts';
import { createOpenAiUpstream } from './openai/openai.ts';
import type { PresetName } from './openai/presets.ts';

/** Numbers that JavaScript would write in another way. */
const odd = '[12345678901234567890,1.0,-0,1e2,0.10,1E+400]';
const id = '12345678901234567890';
/** The arguments of a tool. They are a text, so a number in them may have any length. */
const args = `{"id":${id},"list":${odd},"at":{"x":1.0}}`;

const creators = {
  openai: createOpenAiUpstream,
  anthropic: createAnthropicUpstream,
  gemini: createGeminiUpstream,
};

let origin: FakeOrigin;
let posted = '';

beforeAll(async () => {
  origin = await startFakeOrigin(({ body, socket }) => {
    posted = body;
    socket.write('HTTP/1.1 400 X\r\ncontent-length: 2\r\n\r\n{}');
  });
});
afterAll(() => origin.close());

function callOf(body: string, model: string): UpstreamCall {
  const parsed = parseJsonBody(Buffer.from(body), knownMembers);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  const decoded = decodeChatRequest(parsed.value);
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return { request: decoded.value.request, model, keyId: 'key', completionId: 'chatcmpl-1' };
}

/** The body that an upstream of that kind receives. */
async function sent(kind: keyof typeof creators, call: UpstreamCall, preset?: PresetName): Promise<string> {
  const created = await creators[kind]({
    name: 'lab',
    config: {
      kind,
      baseUrl: origin.url.href,
      headers: {},
      ...(preset === undefined ? {} : { preset }),
    },
    env: {},
    connectMs: 5_000,
    maxEventBytes: 64 * 1024,
  });
  if (!created.ok) throw new Error(created.problems.join('\n'));
  posted = '';
  try {
    await readStream(created.upstream.open(call, new AbortController().signal), 1);
  } finally {
    created.upstream.close();
  }
  return posted;
}

const hello = '"messages":[{"role":"user","content":"hi"}]';
const tool = '"tools":[{"type":"function","function":{"name":"f","parameters":{"minProperties":1.0}}}]';
const calling = (more: string, within = '') =>
  `"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",` +
  `"function":{"name":"f","arguments":"{}"${within}}${more}}]},{"role":"tool","tool_call_id":"c","content":"x"}]`;

describe('an unknown field reaches an OpenAI-compatible upstream byte for byte', () => {
  test.each([
    ['a number', hello, '"top_k":1.0'],
    ['a large number', hello, `"request_number" : ${id}`],
    ['an object', hello, `"extra": { "2":1.0, "1" : [ ${id},\n -0 ], "s":"\\u00e9\\/" , "s" : "" }`],
    ['a name with escapes', hello, '"caf\\u00e9": "\\u00e9"'],
    ['a name of the language', hello, '"__proto__": {"a" : 1.0}'],
    [
      'in a message',
      '"messages":[{"role":"user","content":"hi","x": {"2": 1.0, "1": 2}}]',
      '"x": {"2": 1.0, "1": 2}',
    ],
    [
      'in a part',
      '"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control": {"ttl": 1.0}}]}]',
      '"cache_control": {"ttl": 1.0}',
    ],
    [
      'in an image',
      '"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x/y","scale": 1.0}}]}]',
      '"scale": 1.0',
    ],
    ['in a tool call', calling(',"weight": 1.0'), '"weight": 1.0'],
    ['in the function of a call', calling('', ',"parsed": {"id": 1.0}'), '"parsed": {"id": 1.0}'],
    ['in a tool', hello, '"tools":[{"type":"function","function":{"name":"f"},"timeout": 1.0}]'],
    ['in a function', hello, '"tools":[{"type":"function","function":{"name":"f","cost": 1e2}}]'],
    [
      'in a format',
      hello,
      '"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{},"depth": 1.0},"weight": -0}',
    ],
    [
      'in a choice of tools',
      hello,
      `${tool},"tool_choice":{"type":"function","function":{"name":"f","weight": 1.0}}`,
    ],
  ])('%s', async (_, messages, member) => {
    const body = await sent('openai', callOf(`{"model":"m",${messages},${member}}`, 'there'));
    expect(body).toContain(member);
    expect(() => JSON.parse(body)).not.toThrow();
  });

  test('the last field of one name', async () => {
    const body = await sent(
      'openai',
      callOf(`{"model":"m","x": 1.0,"x":1,"y":1,"y": 1.0,${hello}}`, 'there'),
    );
    expect(body).toContain('"x":1,"y": 1.0');
  });

  test('but not a field of a name to which the preset gives a value', async () => {
    const call = callOf(`{"model":"m","random_seed": 7.0,"seed":5,${hello}}`, 'there');
    const body = await sent('openai', call, 'mistral');
    expect(body).toContain('"random_seed":5');
    expect(body).not.toContain('7.0');
  });

  test('when another target continues the answer', async () => {
    const call = callOf(`{"model":"m","max_tokens":9.0,"x": {"a" : ${id}},${hello}}`, 'there');
    const delivered = createDelivered();
    delivered.add({ type: 'text-delta', choice: 0, json: jsonText('So') });
    const { call: continued } = continueWith('prefix', call, delivered, {
      tokens: 1,
      lowerBound: 1,
      exact: false,
    });
    const body = await sent('openai', { ...continued, model: 'there' }, 'vllm');
    expect(body).toContain(`"x": {"a" : ${id}}`);
    expect(body).toContain('"max_tokens":8,');
  });
});

describe('numbers in JSON that is passed on keep their spelling', () => {
  test.each([
    ['the parameters of a tool', hello, tool],
    [
      'a schema',
      hello,
      `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"const":${id}}}}`,
    ],
    ['biases', hello, '"logit_bias":{"5":-1.50}'],
    ['a prediction', hello, '"prediction":{"type":"content","content":"x","weight":1.0}'],
  ])('%s', async (_, messages, member) => {
    const call = callOf(`{"model":"m",${messages},${member}}`, 'there');
    expect(await sent('openai', call, 'openai')).toContain(member);
  });

  test.each([
    [
      'a file',
      `"messages":[{"role":"user","content":[{"type":"file","file":{"id":${id}}}]}]`,
      `{"id":${id}}`,
    ],
    ['what goes back with a call', calling(',"extra_content":{"google":{"n":1.0}}'), '{"google":{"n":1.0}}'],
  ])('%s', async (_, messages, object) => {
    expect(await sent('openai', callOf(`{"model":"m",${messages}}`, 'there'))).toContain(object);
  });

  test('reasoning details of an earlier turn', async () => {
    const details = `[{"type":"reasoning.text","text":"hm","n":${id}}]`;
    const extra = `"extra_content":{"openrouter":{"reasoning_details":${details}}}`;
    const text = `{"model":"m","messages":[{"role":"assistant","content":"a",${extra}}]}`;
    expect(await sent('openai', callOf(text, 'there'), 'openrouter')).toContain(
      `"reasoning_details":${details}`,
    );
  });

  test('but not a number that this server reads and writes itself', async () => {
    const body = await sent(
      'openai',
      callOf(`{"model":"m","temperature":0.50,"max_tokens":7.0,"n":2.0,${hello}}`, 'there'),
    );
    expect(body).toContain('"temperature":0.5,');
    expect(body).toContain('"n":2');
    expect(body).toContain('"max_tokens":7,');
  });

  const schema = `{"type":"object","minProperties":1.0,"properties":{"id":{"type":"integer","const":${id},"default":1.0}}}`;
  const withTool = (strict: boolean) =>
    `"tools":[{"type":"function","function":{"name":"f","strict":${strict},"parameters":${schema}}}]`;
  const history = calling('').replace('"{}"', JSON.stringify(args));

  test('for Gemini: schemas, and the arguments of a call in the history', async () => {
    const format = `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":${schema}}}`;
    const body = await sent(
      'gemini',
      callOf(`{"model":"m",${history},${withTool(false)},${format}}`, 'gemini-3-flash-preview'),
    );
    expect(body).toContain(`"parametersJsonSchema":${schema}`);
    expect(body).toContain(`"responseJsonSchema":${schema}`);
    expect(body).toContain(`"args":${args}`);
  });

  test('for Anthropic: schemas, open and closed, and the arguments of a call in the history', async () => {
    const model = 'claude-sonnet-4-5';
    const open = await sent('anthropic', callOf(`{"model":"m",${history},${withTool(false)}}`, model));
    expect(open).toContain(`"input_schema":${schema}`);
    expect(open).toContain(`"input":${args}`);
    const closed = schema
      .replace('"minProperties":1.0,', '')
      .replace(/\}$/, ',"additionalProperties":false}');
    const strict = withTool(true).replace('"minProperties":1.0,', '');
    expect(await sent('anthropic', callOf(`{"model":"m",${hello},${strict}}`, model))).toContain(closed);
  });

  test('a closed schema with numbers at its root', async () => {
    const strict =
      '"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","x-version":1.0}}}]';
    const body = await sent('anthropic', callOf(`{"model":"m",${hello},${strict}}`, 'claude-sonnet-4-5'));
    expect(body).toContain('"input_schema":{"type":"object","x-version":1.0,"additionalProperties":false}');
  });
});

/** The arguments of all calls, as the client receives them. */
function argumentsOf(events: readonly StreamEvent[]): string {
  return events.map((event) => (event.type === 'tool-call-delta' ? decodeJsonText(event.json) : '')).join('');
}

/** What clients receive for these events, with streaming and without. */
function received(events: readonly StreamEvent[]): { readonly frames: string; readonly completion: string } {
  const identity = { id: 'chatcmpl-1', created: 1, model: 'm', fingerprint: 'f' };
  const encoder = createChunkEncoder({ id: 'chatcmpl-1', requestId: 'r', createdAtMs: 1_000 }, 1, 'inline');
  const collector = createCompletionCollector(1);
  let frames = '';
  const to = { event: (payload: string) => (frames += `data: ${payload}\n\n`) };
  encoder.begin(identity, to);
  for (const event of events) {
    if (event.type === 'failed') throw new Error(event.failure.message);
    encoder.encode(event, to);
    collector.add(event);
  }
  return { frames, completion: collector.toJson(identity) };
}

describe('numbers in an answer keep their spelling', () => {
  const errors = () => ({ hidden: [], nowMs: 0 });
  const translated = (dialect: (output: DialectOutput) => Dialect, events: readonly string[]) => {
    const translation = createTranslation({ dialect, maxEventBytes: 64 * 1024 });
    return translation.push(Buffer.from(events.map((event) => `data: ${event}\n\n`).join(''))) ?? [];
  };

  test('in the arguments of a call of Gemini', () => {
    const dialect = (output: DialectOutput) =>
      createContentDialect(
        { choices: 1, parallelToolCalls: true, completionId: 'chatcmpl-1', errors },
        output,
      );
    const event = `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args": ${args}}}]}}]}`;
    expect(argumentsOf(translated(dialect, [event]))).toBe(args);
  });

  test('in the arguments of a call of Anthropic that comes whole', () => {
    const dialect = (output: DialectOutput) =>
      createMessageDialect({ errors, completionId: 'chatcmpl-1' }, output);
    const block = `{"type":"tool_use","id":"t","name":"f","input" : ${args}}`;
    const events = [
      `{"type":"content_block_start","index":0,"content_block":${block}}`,
      '{"type":"content_block_stop","index":0}',
    ];
    expect(argumentsOf(translated(dialect, events))).toBe(args);
  });

  const call = `{"index":0,"id":"c","type":"function","function":{"name":"f","arguments": ${args}},"extra_content":{"google":{"n":1.0}}}`;
  const details = `"reasoning_details":[{"type":"reasoning.encrypted","index":0,"data":"x","n":${id}}]`;

  test.each([
    ['a chunk', [`data: {"choices":[{"index":0,"delta":{"tool_calls":[${call}],${details}}}]}\n\n`]],
    [
      'a whole completion',
      [
        `{\n"choices":[{"index":0,"message":{"tool_calls":[${call}],${details}},"finish_reason":"tool_calls"}]}`,
      ],
    ],
  ])('in arguments that are an object, and in extra content, of %s', async (name, pieces) => {
    const more =
      'data: {"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","index":0,"m":2.0}]}}]}\n\n';
    const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n';
    const streamed = name === 'a chunk';
    const events = (
      await batchesOf(
        streamed ? [...pieces, more, end] : pieces,
        streamed ? {} : { contentType: 'application/json' },
      )
    ).flat();
    expect(argumentsOf(events)).toBe(args);
    const { frames, completion } = received(events);
    const extra = `"data":"x","n":${id}${streamed ? ',"m":2.0' : ''}}]`;
    for (const text of [frames, completion]) {
      expect(text).toContain('"extra_content":{"google":{"n":1.0}}');
      expect(text).toContain(extra);
    }
  });
});

describe('a body for Anthropic or Gemini', () => {
  const history = (args: string) =>
    `"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":` +
    `"function","function":{"name":"f","arguments":${JSON.stringify(args)}}}]},{"role":"tool","tool_call_id":"c","content":"x"}]`;
  const bodies = (more: string) => {
    const body = `{"model":"m",${more}}`;
    return [
      anthropicBody(callOf(body, 'claude-sonnet-4-5'), claudeModel('claude-sonnet-4-5')),
      geminiBody(callOf(body, 'gemini-2.5-pro'), geminiModel('gemini-2.5-pro')),
    ];
  };

  test.each([
    ['nothing odd in it', history('{"a":1}'), false],
    ['odd numbers in a schema', `${hello},${tool}`, true],
    ['odd numbers in arguments alone', history('{"a":1.0}'), true],
  ])('with %s has a mark only where a spelling was kept', (_, more, marked) => {
    for (const made of bodies(more)) expect(made.ok && isMarkedRoot(made.value)).toBe(marked);
  });
});
