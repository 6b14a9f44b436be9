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

test('a server without a preset is sent every value', () => {
  expect(refusalOf(request({ temperature: 2, ...logprobs(20) }), genericPreset)).toBeUndefined();
});
