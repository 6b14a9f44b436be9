import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { requestFields } from '../../domain/request-fields.ts';
import { decodeChatRequest } from './decode-request.ts';

const messages = [{ role: 'user', content: 'Hello' }];
const decode = (fields: JsonObject) => decodeChatRequest({ model: 'default', messages, ...fields });

function requestOf(fields: JsonObject) {
  const decoded = decode(fields);
  if (!decoded.ok) throw new Error(`refused: ${decoded.failure.message}`);
  return decoded.value;
}

function refusalOf(fields: JsonObject) {
  const decoded = decode(fields);
  if (decoded.ok) throw new Error('accepted');
  return { code: decoded.failure.code, param: decoded.failure.param };
}

describe('a request', () => {
  it.each<[JsonObject, string]>([
    [
      { messages: [{ role: 'bot', content: 'x' }] },
      "'messages[0].role' must be one of system, developer, user, assistant, tool, got 'bot'.",
    ],
    [
      { messages: [{ role: 'what a user might have said', content: 'x' }] },
      "'messages[0].role' must be one of system, developer, user, assistant, tool.",
    ],
    [
      {
        tools: [{ type: 'function', function: { name: 'f' } }],
        tool_choice: { type: 'function', function: { name: 'g' } },
      },
      "'tool_choice' names the function 'g', which 'tools' lacks.",
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { schema: {} } } },
      "'response_format.json_schema.name' is required: the name of the schema.",
    ],
  ])('with %j is refused with the short word that came, and never with a text', (fields, message) => {
    const decoded = decode(fields);
    expect(decoded.ok ? undefined : decoded.failure.message).toBe(message);
  });

  it('for JSON names the type that a target has to honour', () => {
    expect(requestOf({ response_format: { type: 'json_object' } }).requirements).toMatchObject([
      { feature: 'json_object', hint: expect.stringContaining("the type 'json_object'") },
    ]);
  });

  it.each<[JsonObject, string]>([
    [{ functions: [{ name: 'f' }] }, "It is OpenAI's older form: send 'tools'."],
    [{ function_call: { name: 'f' } }, "It is OpenAI's older form: send 'tools' and 'tool_choice'."],
  ])('with %j is refused with a hint what to send instead', (fields, hint) => {
    expect(requestOf(fields).requirements).toMatchObject([{ feature: 'functions', hint }]);
  });

  it.each<[string, JsonObject]>([
    ['n of one', { n: 1 }],
    ['penalties of zero', { presence_penalty: 0, frequency_penalty: 0 }],
    ['logprobs: false', { logprobs: false, top_logprobs: 0 }],
    ['an empty logit_bias', { logit_bias: {} }],
    ['a logit_bias of nothing', { logit_bias: { 42: 0 } }],
    ['no tools', { tools: [], tool_choice: 'none' }],
    ['an empty stop string', { stop: '' }],
    ['a list of an empty stop string', { stop: [''] }],
    ['a list of no stop string', { stop: [] }],
    ['no limit of tokens', { max_tokens: -1 }],
    ['no limit of tokens, by its newer name', { max_completion_tokens: -1 }],
    ['tool_choice none without tools', { tool_choice: 'none' }],
    ['tool_choice auto without tools', { tool_choice: 'auto', parallel_tool_calls: true }],
    ['response_format text', { response_format: { type: 'text' } }],
    ['text modality', { modalities: ['text'] }],
    ['legacy calls that ask for nothing', { functions: [], function_call: 'none' }],
    ['OpenAI defaults', { temperature: 1, top_p: 1 }],
    ['null everywhere', { temperature: null, stop: null, tools: null, stream: null, made_up: null }],
    [
      'fields that only advise',
      { user: 'u', metadata: { a: 'b' }, store: false, service_tier: 'auto', reasoning_effort: 'low' },
    ],
  ])('that asks for nothing with %s needs nothing of a target', (_, fields) => {
    expect(requestOf(fields).requirements).toEqual([]);
  });

  it.each<[JsonObject, string, string]>([
    [{ temperature: 0.5 }, 'temperature', 'temperature'],
    [{ top_p: 0 }, 'top_p', 'top_p'],
    [{ max_tokens: 5 }, 'max_tokens', 'max_tokens'],
    [{ max_completion_tokens: 5 }, 'max_tokens', 'max_completion_tokens'],
    [{ n: 2 }, 'n', 'n'],
    [{ logprobs: true }, 'logprobs', 'logprobs'],
    [{ response_format: { type: 'json_object' } }, 'json_object', 'response_format'],
    [{ tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools', 'tools'],
    [{ modalities: ['text', 'audio'] }, 'audio_output', 'modalities'],
    [{ top_k: 40 }, 'unknown_fields', 'top_k'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }] },
      'image_input',
      'messages[0].content[0]',
    ],
  ])('with %j needs %s', (fields, feature, param) => {
    expect(requestOf(fields).requirements).toMatchObject([{ feature, param }]);
  });

  const begun = [...messages, { role: 'assistant', content: 'One, two,' }];

  it('reads the beginning of an answer from the last message, and keeps no field of it', () => {
    const fields = { messages: begun, continue_final_message: true, add_generation_prompt: false };
    const { request, requirements } = requestOf(fields);
    expect(request).toMatchObject({ continued: 'One, two,', rest: {} });
    expect(request.messages).toHaveLength(messages.length);
    expect(requirements).toEqual([{ feature: 'continued_answer', param: 'continue_final_message' }]);
  });

  it('reads an answer that is whole as one more message', () => {
    for (const fields of [{}, { continue_final_message: false }, { continue_final_message: null }]) {
      const { request, requirements } = requestOf({ messages: begun, ...fields });
      expect([request.messages.length, request.continued, request.rest]).toEqual([
        begun.length,
        undefined,
        {},
      ]);
      expect(requirements).toEqual([]);
    }
  });

  it.each<JsonObject>([
    { messages },
    { messages: begun.slice(-1) },
    { messages: [...messages, { role: 'assistant', content: '' }] },
    { messages: [...messages, { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }] },
    { messages: begun, n: 2 },
    { messages: begun, response_format: { type: 'json_object' } },
    {
      messages: begun,
      tools: [{ type: 'function', function: { name: 'f' } }],
      tool_choice: 'required',
    },
  ])('refuses to go on with %j', (fields) => {
    const decoded = decodeChatRequest({ model: 'm', ...fields, continue_final_message: true });
    expect(decoded).toMatchObject({
      ok: false,
      failure: { code: 'invalid_value', param: 'continue_final_message' },
    });
  });

  it('needs each feature once, named by the first field that needs it', () => {
    const unknown = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`temperatur${index}`, 1]),
    );
    const image = { type: 'image_url', image_url: { url: 'data:,' } };
    const content = Array.from({ length: 1_000 }, () => image);
    const { requirements } = requestOf({ ...unknown, messages: [{ role: 'user', content }] });
    expect(requirements).toMatchObject([
      { feature: 'unknown_fields', param: 'temperatur0', hint: expect.stringContaining("'temperature'") },
      { feature: 'image_input', param: 'messages[0].content[0]' },
    ]);
  });

  it.each<[JsonObject, string, string | undefined]>([
    [{ messages: 'hi' }, 'invalid_type', 'messages'],
    [{ messages: [] }, 'invalid_value', 'messages'],
    [{ messages: null }, 'missing_parameter', 'messages'],
    [{ messages: [{ content: 'x' }] }, 'missing_parameter', 'messages[0].role'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'messages[0].role'],
    [{ messages: [{ role: 'user', content: 5 }] }, 'invalid_type', 'messages[0].content'],
    [{ messages: [...messages, { role: 'user' }] }, 'missing_parameter', 'messages[1].content'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'missing_parameter', 'messages[0].tool_call_id'],
    [{ messages: [{ role: 'assistant' }] }, 'missing_parameter', 'messages[0].content'],
    [
      { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      'missing_parameter',
      'messages[0].content[0].text',
    ],
    [{ messages: [{ role: 'user', content: [] }] }, 'invalid_value', 'messages[0].content'],
    [{ messages: [{ role: 'system', content: [] }] }, 'invalid_value', 'messages[0].content'],
    [{ messages: [{ role: 'assistant', content: [] }] }, 'invalid_value', 'messages[0].content'],
    [
      { messages: [{ role: 'tool', tool_call_id: 'a', content: [] }] },
      'invalid_value',
      'messages[0].content',
    ],
    [{ model: null }, 'missing_parameter', 'model'],
    [{ model: '' }, 'invalid_value', 'model'],
    [{ stream: 'yes' }, 'invalid_type', 'stream'],
    [{ temperature: 2.1 }, 'invalid_value', 'temperature'],
    [{ temperature: '1' }, 'invalid_type', 'temperature'],
    [{ top_p: -0.1 }, 'invalid_value', 'top_p'],
    [{ max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    [{ max_tokens: -2 }, 'invalid_value', 'max_tokens'],
    [{ max_completion_tokens: -2 }, 'invalid_value', 'max_completion_tokens'],
    [{ max_tokens: '-1' }, 'invalid_type', 'max_tokens'],
    [{ max_tokens: 1.5 }, 'invalid_type', 'max_tokens'],
    [{ max_tokens: 2 ** 31 }, 'invalid_value', 'max_tokens'],
    [{ max_tokens: Number.POSITIVE_INFINITY }, 'invalid_value', 'max_tokens'],
    [{ n: 0 }, 'invalid_value', 'n'],
    [{ stop: Array.from({ length: 257 }, String) }, 'invalid_value', 'stop'],
    [{ stop: ['a', 5] }, 'invalid_type', 'stop[1]'],
    [{ stop: ['', null] }, 'invalid_type', 'stop[1]'],
    [{ seed: 2 ** 64 }, 'invalid_value', 'seed'],
    [{ stream_options: { include_usage: true } }, 'invalid_value', 'stream_options'],
    [{ stream: true, stream_options: { include_usage: 1 } }, 'invalid_type', 'stream_options.include_usage'],
    [{ top_logprobs: 2 }, 'invalid_value', 'top_logprobs'],
    [{ logprobs: true, top_logprobs: 21 }, 'invalid_value', 'top_logprobs'],
    [{ logit_bias: { word: 1 } }, 'invalid_value', 'logit_bias.word'],
    [{ logit_bias: { '01': 1 } }, 'invalid_value', 'logit_bias.01'],
    [{ logit_bias: { '1': 1, '+1': 1 } }, 'invalid_value', 'logit_bias.+1'],
    [{ logit_bias: { 5: 101 } }, 'invalid_value', 'logit_bias.5'],
    [{ tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
    [{ tool_choice: { type: 'function', function: { name: 'f' } } }, 'invalid_value', 'tool_choice'],
    [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'invalid_value', 'tools[0].function.name'],
    [{ tools: [{ type: 'function', function: { name: '' } }] }, 'invalid_value', 'tools[0].function.name'],
    [{ response_format: { type: 'json_object', schema: 'x' } }, 'invalid_type', 'response_format.schema'],
    [{ response_format: { type: 'xml' } }, 'invalid_value', 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'missing_parameter', 'response_format.json_schema'],
    [{ metadata: { a: 1 } }, 'invalid_type', 'metadata.a'],
    [{ user: 7 }, 'invalid_type', 'user'],
  ])('with %j is refused as %s at %s', (fields, code, param) => {
    expect(refusalOf(fields)).toEqual({ code, param });
  });

  it('that is no object is refused', () => {
    for (const body of [null, [], 'x', 5] satisfies JsonValue[]) {
      expect(decodeChatRequest(body)).toMatchObject({ ok: false, failure: { code: 'invalid_type' } });
    }
  });

  it('accepts an assistant message as SDKs return it', () => {
    const returned = {
      role: 'assistant',
      content: 'Hi',
      refusal: null,
      annotations: [],
      audio: null,
      function_call: null,
      tool_calls: null,
      reasoning_content: 'hm',
      extra_content: { google: { thought_signature: 'abc' } },
      parsed: { answer: 1 },
      images: [{ type: 'image_url', image_url: { url: 'data:,' } }],
      content_parts: [{ type: 'made_up' }],
    };
    const { request, requirements } = requestOf({ messages: [...messages, returned, ...messages] });
    expect(requirements).toEqual([]);
    expect(request.messages[1]).toEqual({
      role: 'assistant',
      content: 'Hi',
      toolCalls: [],
      reasoning: 'hm',
      extra: { google: { thought_signature: 'abc' } },
      rest: {
        parsed: { answer: 1 },
        images: [{ type: 'image_url', image_url: { url: 'data:,' } }],
        content_parts: [{ type: 'made_up' }],
      },
    });
  });

  it('accepts audio that an earlier answer had', () => {
    const audio = { id: 'audio_1', data: 'AA==', expires_at: 1, transcript: 'Hi' };
    const { request, requirements } = requestOf({
      messages: [...messages, { role: 'assistant', content: null, audio }, ...messages],
    });
    expect(requirements).toEqual([]);
    expect(request.messages[1]).toMatchObject({ rest: { audio } });
  });

  it('keeps text, calls and their answers apart', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const { request } = requestOf({
      messages: [
        ...messages,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: '42' }] },
      ],
    });
    expect(request.messages.slice(1)).toEqual([
      { role: 'assistant', content: null, toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'c1', content: [{ type: 'text', text: '42' }] },
    ]);
  });

  it.each([...requestFields].filter((name) => name !== 'model' && name !== 'messages'))(
    'reads null for %s as absent',
    (name) => {
      expect(requestOf({ [name]: null })).toEqual(requestOf({}));
    },
  );

  it('leaves out empty stop strings among others', () => {
    expect(requestOf({ stop: ['', 'a', ''] }).request.stop).toEqual(['a']);
  });

  it('takes the older limit of tokens where the newer one asks for none', () => {
    expect(requestOf({ max_tokens: 5, max_completion_tokens: -1 }).request.maxTokens).toBe(5);
    expect(requestOf({ max_tokens: -1, max_completion_tokens: 7 }).request.maxTokens).toBe(7);
  });

  it('has no cap of one vendor', () => {
    const tools = Array.from({ length: 222 }, (_, index) => ({
      type: 'function',
      function: { name: `${'f'.repeat(65)}${index}` },
    }));
    const { request } = requestOf({
      tools,
      stop: ['a', 'b', 'c', 'd', 'e', 'f'],
      metadata: Object.fromEntries(tools.map(({ function: { name } }) => [name, 'x'.repeat(513)])),
      response_format: { type: 'json_schema', json_schema: { name: 's'.repeat(65), schema: {} } },
    });
    expect(request.tools).toHaveLength(222);
    expect(request.stop).toHaveLength(6);
  });

  it('has U+FFFD for half of a surrogate pair, also where it is an escape in the arguments of a call', () => {
    const called = { name: 'f', arguments: '{"a":"\\ud83d","b":"\\\\ud83d","c":"\\ud83d\\ude00"}' };
    const { request } = requestOf({
      messages: [
        { role: 'user', content: 'a\ud83d' },
        { role: 'user', content: [{ type: 'text', text: '\ude00b' }], name: '\ud83d' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: called }] },
      ],
      stop: ['\ud83d'],
      tools: [{ type: 'function', function: { name: 'f', description: '\ud83d' } }],
    });
    expect(request).toMatchObject({
      messages: [
        { content: 'a\ufffd' },
        { content: [{ text: '\ufffdb' }], name: '\ufffd' },
        { toolCalls: [{ arguments: '{"a":"\\ufffd","b":"\\\\ud83d","c":"\\ud83d\\ude00"}' }] },
      ],
      stop: ['\ufffd'],
      tools: [{ description: '\ufffd' }],
    });
  });

  it('folds any 64-bit seed into the integers that a double holds exactly', () => {
    expect(requestOf({ seed: -1 }).request.seed).toBe(2 ** 53 - 1);
    expect(requestOf({ seed: 2 ** 62 }).request.seed).toBeLessThan(2 ** 53);
    expect(requestOf({ seed: 7 }).request.seed).toBe(7);
  });

  it('prefers max_completion_tokens to max_tokens', () => {
    expect(requestOf({ max_tokens: 5, max_completion_tokens: 9 }).request.maxTokens).toBe(9);
  });
});
