import { describe, expect, test } from 'vitest';
import { writeMarked } from '../../domain/exact-json.ts';
import type { JsonValue } from '../../domain/json.ts';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import { knownMembers } from '../../wire/chat/known-members.ts';
import { parseJsonBody } from '../../wire/json-body.ts';
import { featuresOf } from './preset.ts';
import { genericPreset, type PresetName, presets } from './presets.ts';
import { requestBody } from './request.ts';

const hello: JsonValue = [{ role: 'user', content: 'hi' }];

/** The body for a preset. Requests that no surface accepts are tested in `wire/`. */
function sent(more: Record<string, JsonValue>, preset?: PresetName, prefix?: string) {
  const decoded = decodeChatRequest({ model: 'm', messages: hello, ...more });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  const row = preset === undefined ? genericPreset : presets[preset];
  if (row === undefined) throw new Error(`no preset ${preset}`);
  return requestBody(
    {
      request: decoded.value.request,
      model: 'there',
      keyId: 'k',
      completionId: 'c',
      ...(prefix === undefined ? {} : { prefix }),
    },
    row,
  );
}

const message = (assistant: Record<string, JsonValue>, preset?: PresetName) => {
  const { messages } = sent({ messages: [{ role: 'assistant', ...assistant }] }, preset);
  return Array.isArray(messages) ? messages[0] : undefined;
};

describe('the body for an upstream', () => {
  test('is the client’s, with the upstream’s model, streaming and a request for usage', () => {
    expect(sent({ temperature: 0.5, top_k: 40, stream: false, __proto__x: 1 })).toEqual({
      model: 'there',
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.5,
      top_k: 40,
      __proto__x: 1,
    });
  });

  test('has no field that is null, and no field without effect that OpenAI refuses', () => {
    const nothing = {
      tools: [],
      tool_choice: 'none',
      parallel_tool_calls: false,
      stop: [],
      response_format: { type: 'text' },
    };
    const nulls = { seed: null, temperature: null };
    expect(Object.keys(sent({ ...nothing, ...nulls, functions: [], metadata: { a: 'b' } }))).toEqual([
      'model',
      'messages',
      'stream',
      'stream_options',
    ]);
  });

  test('has no fields of features that the preset lacks: their values have no effect', () => {
    const body = sent({ n: 1, logprobs: false, logit_bias: {}, presence_penalty: 0 }, 'groq');
    expect(body).not.toHaveProperty('n');
    expect(body).not.toHaveProperty('logprobs');
    expect(body).not.toHaveProperty('logit_bias');
    expect(body).toHaveProperty('presence_penalty', 0);
  });

  test.each<[PresetName | undefined, string]>([
    ['openai', 'max_completion_tokens'],
    ['ollama', 'max_tokens'],
    // A server without a preset: some servers ignore the newer name.
    [undefined, 'max_tokens'],
  ])('for %s has %s, under either name in the client’s request', (preset, field) => {
    for (const given of ['max_tokens', 'max_completion_tokens']) {
      const body = sent({ [given]: 7 }, preset);
      expect(Object.entries(body).filter(([key]) => key.startsWith('max'))).toEqual([[field, 7]]);
    }
  });

  test('for Mistral has random_seed, and no stream_options', () => {
    const body = sent(
      { seed: 5, user: 'u', stream: true, stream_options: { include_usage: true } },
      'mistral',
    );
    expect(body).toMatchObject({ random_seed: 5 });
    expect(Object.keys(body)).not.toEqual(expect.arrayContaining(['seed']));
    expect(body).not.toHaveProperty('stream_options');
    expect(body).not.toHaveProperty('user');
  });

  test('for Mistral has the unknown members of stream_options only', () => {
    const stream_options = { include_usage: true, include_obfuscation: false, foo: { a: 1 } };
    const body = sent({ stream: true, stream_options }, 'mistral');
    expect(body['stream_options']).toEqual({ foo: { a: 1 } });
  });

  test('has an unknown field with the name __proto__, byte for byte', () => {
    const odd = '"__proto__":{"tool_calls":[{"id":5}],"role":"system","n":1.0}';
    const messages = `[{"role":"user","content":[{"type":"text","text":"x",${odd}}],${odd}},{"role":"assistant","content":"a",${odd}}]`;
    const tools = `[{"type":"function",${odd},"function":{"name":"f",${odd}}}]`;
    const given = `{"model":"m","messages":${messages},"tools":${tools},${odd},"stream":true,"stream_options":{${odd}}}`;
    const parsed = parseJsonBody(Buffer.from(given), knownMembers);
    const decoded = parsed.ok ? decodeChatRequest(parsed.value) : parsed;
    if (!decoded.ok) throw new Error(decoded.failure.message);
    const call = { request: decoded.value.request, model: 'm', keyId: 'k', completionId: 'c' };
    for (const name of ['mistral', 'openai', 'openrouter', 'vllm'] as const) {
      const text = writeMarked(requestBody(call, presets[name]));
      expect(text.split(odd)).toHaveLength(8);
      expect(text).not.toContain('"tool_calls":[{"id":5}],"content"');
    }
  });

  test('for OpenAI asks for no padding', () => {
    expect(sent({}, 'openai')['stream_options']).toEqual({ include_usage: true, include_obfuscation: false });
  });

  test('has unknown members of stream_options, and unknown fields that are null', () => {
    const stream_options = { include_usage: false, foo: 1 };
    const messages = [{ role: 'user', content: 'x', name: null, w: null }];
    const body = sent({ stream: true, stream_options, messages, top_k: null, seed: null }, 'vllm');
    expect(body['stream_options']).toEqual({ include_usage: true, foo: 1 });
    expect(body).toHaveProperty('top_k', null);
    expect(body).not.toHaveProperty('seed');
    expect(body['messages']).toEqual([{ role: 'user', content: 'x', w: null }]);
  });

  test('has the preset’s name of the developer role, and no `name` where the preset refuses it', () => {
    const messages = [{ role: 'developer', content: 'x', name: 'n' }];
    expect(sent({ messages }, 'groq')['messages']).toEqual([{ role: 'system', content: 'x' }]);
    expect(sent({ messages }, 'openai')['messages']).toEqual(messages);
  });
});

describe('an assistant message that comes back', () => {
  const returned = {
    content: null,
    refusal: null,
    audio: null,
    function_call: null,
    annotations: [],
    reasoning_content: 'hm',
    extra_content: { openrouter: { reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] } },
    tool_calls: [
      {
        index: 0,
        id: 'c',
        type: 'function',
        function: { name: 'f', arguments: '{}' },
        extra_content: { google: { thought_signature: 's' } },
      },
    ],
  };
  const bare = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };

  test('is sent without our own fields and without nulls', () => {
    expect(message(returned, 'openai')).toEqual({ role: 'assistant', content: null, tool_calls: [bare] });
  });

  test('is sent to OpenRouter with its reasoning details, and to DeepSeek with its reasoning', () => {
    expect(message(returned, 'openrouter')).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [bare],
      reasoning_details: [{ type: 'reasoning.text', text: 'hm' }],
    });
    expect(message(returned, 'deepseek')).toMatchObject({ reasoning_content: 'hm' });
  });

  test('is sent with thought signatures to an upstream without a preset', () => {
    expect(message(returned)).toMatchObject({
      tool_calls: [{ ...bare, extra_content: { google: { thought_signature: 's' } } }],
    });
  });

  test('without calls has a content: its text, its refusal, or an empty text', () => {
    expect(message({ content: null, tool_calls: [] }, 'vllm')).toEqual({ role: 'assistant', content: '' });
    expect(message({ content: null, refusal: 'No.' }, 'vllm')).toEqual({ role: 'assistant', content: 'No.' });
    expect(message({ content: 'a', refusal: null }, 'vllm')).toEqual({ role: 'assistant', content: 'a' });
  });
});

describe('the beginning of an answer', () => {
  test.each<[PresetName, Record<string, JsonValue>, Record<string, JsonValue>]>([
    ['vllm', { continue_final_message: true, add_generation_prompt: false }, {}],
    ['sglang', { continue_final_message: true }, {}],
    ['mistral', {}, { prefix: true }],
    ['deepseek', {}, { prefix: true }],
  ])('is sent to %s with the fields of its prefill', (preset, inBody, inMessage) => {
    const body = sent({}, preset, 'The mi');
    expect(body).toMatchObject(inBody);
    expect(body['messages']).toEqual([
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'The mi', ...inMessage },
    ]);
    expect(sent({}, preset)).not.toHaveProperty('continue_final_message');
  });

  test.each<[PresetName, boolean]>([
    ['vllm', true],
    ['groq', true],
    ['openai', false],
    ['azure', false],
  ])('is a feature of %s: %s', (preset, honours) => {
    expect(featuresOf(presets[preset]).includes('continued_answer')).toBe(honours);
    expect(new Set(featuresOf(presets[preset])).size).toBe(featuresOf(presets[preset]).length);
  });
});
