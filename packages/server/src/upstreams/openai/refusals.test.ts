import { expect, test } from 'vitest';
import { decodeChatRequest } from '../../wire/chat/decode-request.ts';
import { genericPreset, presets } from './presets.ts';
import { refusalOf } from './refusals.ts';

function request(fields: object) {
  const decoded = decodeChatRequest({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...fields });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return decoded.value.request;
}

const logprobs = (count: number) => ({ logprobs: true, top_logprobs: count });

test.each([
  ['mistral', { temperature: 1.5 }, undefined],
  ['mistral', { temperature: 1.6 }, 'temperature'],
  ['xai', logprobs(8), undefined],
  ['xai', logprobs(9), 'top_logprobs'],
  ['openai', { temperature: 2, ...logprobs(20) }, undefined],
] as const)('%s and %j', (preset, fields, param) => {
  const reason = refusalOf(request(fields), presets[preset]);
  expect(reason?.param).toBe(param);
  expect(reason?.code).toBe(param === undefined ? undefined : 'unsupported_parameter');
});

const tools = (count: number, nameLength = 10) => ({
  tools: Array.from({ length: count }, (_, index) => ({
    type: 'function',
    function: { name: `f${index}`.padEnd(nameLength, '_') },
  })),
});
const stops = (count: number) => ({ stop: Array.from({ length: count }, (_, index) => `s${index}`) });
const named = (length: number) => ({
  response_format: { type: 'json_schema', json_schema: { name: 's'.repeat(length), schema: {} } },
});

test.each([
  [stops(4), undefined],
  [stops(5), 'stop'],
  [{ stop: ['a', 'b', 'c', 'd', ''] }, undefined],
  [tools(128), undefined],
  [tools(129), 'tools'],
  [tools(2, 64), undefined],
  [tools(2, 65), 'tools[0].function.name'],
  [named(64), undefined],
  [named(65), 'response_format.json_schema.name'],
])('OpenAI has caps of its own', (fields, param) => {
  for (const preset of ['openai', 'azure'] as const) {
    const reason = refusalOf(request(fields), presets[preset]);
    expect(reason?.param).toBe(param);
    expect(reason?.code).toBe(param === undefined ? undefined : 'invalid_value');
  }
});

test('its caps are no other server’s', () => {
  const many = request({ ...tools(222, 65), ...stops(6), ...named(65) });
  expect(refusalOf(many, genericPreset)).toBeUndefined();
  for (const preset of ['vllm', 'llamacpp', 'openrouter'] as const) {
    expect(refusalOf(many, presets[preset])).toBeUndefined();
  }
});

test('a server without a preset is sent every value', () => {
  expect(refusalOf(request({ temperature: 2, ...logprobs(20) }), genericPreset)).toBeUndefined();
});
