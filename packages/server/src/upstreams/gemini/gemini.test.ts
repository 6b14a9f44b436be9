import { expect, test } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { chunked, startFakeOrigin } from '../../transport/fake-origin.ts';
import { readStream } from '../contract.suite.ts';
import { apiKey, callOf, describeProvider, type Played } from '../http/provider.suite.ts';
import { createGeminiUpstream } from './gemini.ts';

const frame = (response: JsonValue) => `data: ${JSON.stringify(response)}\r\n\r\n`;
const usageMetadata = { promptTokenCount: 5, candidatesTokenCount: 7 };
const parts = (index: number, ...list: readonly JsonValue[]) =>
  frame({ candidates: [{ index, content: { role: 'model', parts: list } }] });
const textEvent = (text: string, index = 0) => parts(index, { text });
const end = (finishReason = 'STOP', index = 0) =>
  frame({ candidates: [{ index, finishReason, content: { parts: [] } }], usageMetadata });
const words = (text: string) => (text.match(/\S+\s*/g) ?? []).map((word) => textEvent(word));
const signedCall = {
  functionCall: { id: 'fc_1', name: 'get_weather', args: { city: 'A' } },
  thoughtSignature: 'CiQB',
};
const otherCall = { functionCall: { id: 'fc_2', name: 'get_weather', args: {} } };

const refused = (
  code: number,
  status: string,
  message: string,
  details: readonly JsonValue[] = [],
): Played => ({
  status: code,
  body: JSON.stringify({ error: { code, message, status, details } }),
});

describeProvider({
  create: createGeminiUpstream,
  kind: 'gemini',
  model: 'gemini-2.5-flash',
  head: [
    /^POST \/v1beta\/models\/gemini-2\.5-flash:streamGenerateContent\?alt=sse HTTP\/1\.1\r/,
    new RegExp(`^x-goog-api-key: ${apiKey}\\r$`, 'im'),
  ],
  scenarios: {
    text: { pieces: [...words('The mill turns as long as the water runs.'), end()] },
    'other text': { pieces: [...words('Nothing but the truth.'), end()] },
    long: { pieces: [...Array.from({ length: 100 }, () => textEvent(' on')), end()] },
    silent: 'silent',
    stalls: { pieces: [textEvent('once')], after: 'stays open' },
    'two choices': { pieces: [textEvent('a'), textEvent('b', 1), end('STOP', 0), end('STOP', 1)] },
    reasoning: { pieces: [parts(0, { text: 'hm', thought: true }), textEvent('yes'), end()] },
    'other output': {
      pieces: [
        textEvent('see'),
        parts(0, { inlineData: { mimeType: 'image/png', data: 'AA==' } }),
        textEvent('there'),
        end(),
      ],
    },
    'tool calls': { pieces: [parts(0, signedCall, otherCall), end()] },
    'fails at once': refused(503, 'UNAVAILABLE', 'The model is overloaded.'),
    'fails midway': {
      pieces: [textEvent('once'), frame({ error: { code: 500, message: 'Internal', status: 'INTERNAL' } })],
    },
  },
  refusals: {
    'a wrong key, which comes as an invalid argument, is ours to mend': {
      played: refused(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'API_KEY_INVALID',
          domain: 'googleapis.com',
        },
      ]),
      becomes: { code: 'upstream_auth', permanent: true },
    },
    'so is a key that may not': {
      played: refused(403, 'PERMISSION_DENIED', 'Your project has been denied access.'),
      becomes: { code: 'upstream_auth', permanent: true },
    },
    'a country without service is the target’s failure': {
      played: refused(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'),
      becomes: { code: 'upstream_refused', permanent: true },
    },
    'a model that is not there is the target’s failure': {
      played: refused(404, 'NOT_FOUND', 'models/gemini-9 is not found for API version v1beta'),
      becomes: { code: 'upstream_refused', permanent: true },
    },
    'a quota with the time to wait in its details': {
      played: refused(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [
        { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [] },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.074824224s' },
      ]),
      becomes: { code: 'rate_limit_exceeded', retryAfterMs: 34_075 },
    },
    'an overload may be tried again': {
      played: refused(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'),
      becomes: { code: 'upstream_refused' },
    },
    'a prompt that is too long': {
      played: refused(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).',
      ),
      becomes: { code: 'context_length_exceeded' },
    },
    'another mistake is the caller’s, quoted without addresses and keys': {
      played: refused(400, 'INVALID_ARGUMENT', `bad schema, see https://ai.x/y with ${apiKey}`),
      becomes: {
        code: 'invalid_value',
        message: 'The upstream refused the request: bad schema, see … with …',
      },
    },
    'an error in a list is read too': {
      played: {
        status: 429,
        body: '[{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}]',
      },
      becomes: { code: 'rate_limit_exceeded' },
    },
    'an error inside a 200 is judged by its own code': {
      played: { status: 200, body: '{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}' },
      becomes: { code: 'upstream_refused' },
    },
    'a page where a stream should be is a protocol error': {
      played: { status: 200, body: '<html>Welcome</html>', type: 'text/html' },
      becomes: { code: 'upstream_protocol' },
    },
    'a blocked prompt is a refusal by policy': {
      played: { pieces: [frame({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata })] },
      becomes: { code: 'content_policy_violation' },
    },
  },
  toolTurn: {
    pieces: [
      parts(0, { text: 'hm', thought: true }),
      parts(0, { text: 'I look.', thoughtSignature: 'MsgSig' }),
      parts(0, signedCall, otherCall),
      end(),
    ],
  },
  toolTurnBack: {
    role: 'model',
    parts: [{ text: 'I look.', thoughtSignature: 'MsgSig' }, signedCall, otherCall],
  },
  turns: (body) => body['contents'] as readonly JsonValue[],
});

test('a finish is held for a bounded time where no counts come', async () => {
  const uncounted = frame({ candidates: [{ finishReason: 'STOP', content: { parts: [{ text: 'Hi' }] } }] });
  const origin = await startFakeOrigin(({ socket }) => socket.write(chunked([uncounted], false)));
  const created = await createGeminiUpstream({
    name: 'lab',
    config: { kind: 'gemini', baseUrl: origin.url.origin, headers: {} },
    env: {},
    connectMs: 5_000,
    maxEventBytes: 1_024,
    finishWaitMs: 1,
  });
  if (!created.ok) throw new Error(created.problems.join('\n'));
  try {
    const stream = created.upstream.open(callOf('Hi', 'gemini-2.5-flash'), new AbortController().signal);
    const { ended, texts, usages } = await readStream(stream, 1);
    expect({ ended, texts, usages }).toEqual({ ended: 'whole', texts: ['Hi'], usages: [] });
  } finally {
    created.upstream.close();
    await origin.close();
  }
});
