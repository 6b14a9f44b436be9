import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../domain/json.ts';
import { apiKey, describeProvider, type Played } from '../http/provider.suite.ts';
import { createAnthropicUpstream } from './anthropic.ts';
import { failureOfEvent, prefillRefused } from './errors.ts';

const frame = (event: { readonly type: string; readonly [key: string]: JsonValue }) =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const begin = frame({ type: 'message_start', message: { usage: { input_tokens: 5, output_tokens: 1 } } });
const start = (index: number, block: JsonValue) =>
  frame({ type: 'content_block_start', index, content_block: block });
const delta = (index: number, piece: JsonValue) =>
  frame({ type: 'content_block_delta', index, delta: piece });
const stop = (index: number) => frame({ type: 'content_block_stop', index });
const end = (reason = 'end_turn') =>
  frame({ type: 'message_delta', delta: { stop_reason: reason }, usage: { output_tokens: 7 } }) +
  frame({ type: 'message_stop' });
const textEvent = (index: number, text: string) => delta(index, { type: 'text_delta', text });
const words = (text: string, index = 0) => [
  start(index, { type: 'text', text: '' }),
  ...(text.match(/\S+\s*/g) ?? []).map((word) => textEvent(index, word)),
  stop(index),
];
const call = (index: number, id: string, ...pieces: readonly string[]) => [
  start(index, { type: 'tool_use', id, name: 'get_weather', input: {} }),
  ...pieces.map((piece) => delta(index, { type: 'input_json_delta', partial_json: piece })),
  stop(index),
];
const thoughts = [
  start(0, { type: 'thinking', thinking: '', signature: '' }),
  delta(0, { type: 'thinking_delta', thinking: 'hm' }),
  delta(0, { type: 'signature_delta', signature: 'EqQB' }),
  stop(0),
];

const refused = (status: number, type: string, message: string, headers = ''): Played => ({
  status,
  headers,
  body: JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_1' }),
});

describeProvider({
  create: createAnthropicUpstream,
  kind: 'anthropic',
  model: 'claude-sonnet-4-5',
  head: [
    /^POST \/v1\/messages HTTP\/1\.1\r/,
    /^anthropic-version: 2023-06-01\r$/im,
    new RegExp(`^x-api-key: ${apiKey}\\r$`, 'im'),
  ],
  scenarios: {
    text: { pieces: [begin, ...words('The mill turns as long as the water runs.'), end()] },
    'other text': { pieces: [begin, ...words('Nothing but the truth.'), end()] },
    long: {
      pieces: [
        begin,
        start(0, { type: 'text', text: '' }),
        ...Array.from({ length: 100 }, () => textEvent(0, ' on')),
        stop(0),
        end(),
      ],
    },
    silent: 'silent',
    stalls: {
      pieces: [begin, start(0, { type: 'text', text: '' }), textEvent(0, 'once')],
      after: 'stays open',
    },
    'two choices': 'the API has no n',
    reasoning: { pieces: [begin, ...thoughts, ...words('yes', 1), end()] },
    'other output': {
      pieces: [
        begin,
        ...words('see'),
        start(1, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
        stop(1),
        ...words('there', 2),
        end(),
      ],
    },
    'tool calls': {
      pieces: [begin, ...call(0, 'toolu_1', '{"a"', ':1}'), ...call(1, 'toolu_2'), end('tool_use')],
    },
    'fails at once': refused(529, 'overloaded_error', 'Overloaded'),
    'fails midway': {
      pieces: [
        begin,
        start(0, { type: 'text', text: '' }),
        textEvent(0, 'once'),
        frame({ type: 'error', error: { type: 'api_error', message: 'Internal server error' } }),
      ],
    },
  },
  refusals: {
    'a wrong key is ours to mend': {
      played: refused(401, 'authentication_error', 'invalid x-api-key'),
      becomes: { code: 'upstream_auth', permanent: true },
    },
    'a bill that was not paid is the target’s failure': {
      played: refused(402, 'billing_error', 'Payment required'),
      becomes: { code: 'upstream_refused', permanent: true },
    },
    'so is an account without credit, which comes as 400': {
      played: refused(
        400,
        'invalid_request_error',
        'Your credit balance is too low to access the Anthropic API.',
      ),
      becomes: { code: 'upstream_refused', permanent: true },
    },
    'a model that is not there is the target’s failure': {
      played: refused(404, 'not_found_error', 'model: claude-9'),
      becomes: { code: 'upstream_refused', permanent: true },
    },
    'a rate limit with the time to wait': {
      played: refused(429, 'rate_limit_error', 'Too many tokens', 'retry-after: 7\r\n'),
      becomes: { code: 'rate_limit_exceeded', retryAfterMs: 7_000 },
    },
    'an overload may be tried again': {
      played: refused(529, 'overloaded_error', 'Overloaded'),
      becomes: { code: 'upstream_refused' },
    },
    'a prompt that is too long': {
      played: refused(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
      becomes: {
        code: 'context_length_exceeded',
        message: 'The prompt is too long for the model: prompt is too long: 210000 tokens > 200000 maximum',
      },
    },
    'another mistake is the caller’s, quoted without addresses and keys': {
      played: refused(
        400,
        'invalid_request_error',
        `tools.0: bad name, see https://docs.x.y/z for ${apiKey} at 127.0.0.1`,
      ),
      becomes: {
        code: 'invalid_value',
        message: 'The upstream refused the request: tools.0: bad name, see … for … at …',
      },
    },
    'an error inside a 200 is judged by its type': {
      played: refused(200, 'overloaded_error', 'Overloaded'),
      becomes: { code: 'upstream_refused' },
    },
    'a page where a stream should be is a protocol error': {
      played: { status: 200, body: '<html>Welcome</html>', type: 'text/html' },
      becomes: { code: 'upstream_protocol' },
    },
    'a page of a gateway with status 502 is a failure of the target': {
      played: { status: 502, body: '<html>Bad Gateway</html>', type: 'text/html' },
      becomes: { code: 'upstream_refused' },
    },
  },
  toolTurn: {
    pieces: [
      begin,
      ...thoughts,
      ...words('I look.', 1),
      ...call(2, 'toolu_1', '{"city":', '"A"}'),
      ...call(3, 'toolu_2'),
      end('tool_use'),
    ],
  },
  toolTurnBack: {
    role: 'assistant',
    content: [
      { type: 'thinking', thinking: 'hm', signature: 'EqQB' },
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'A' } },
      { type: 'tool_use', id: 'toolu_2', name: 'get_weather', input: {} },
    ],
  },
  turns: (body) => body['messages'] as readonly JsonValue[],
});

describe('errors', () => {
  const context = { hidden: [], nowMs: 0 };

  test('of an unknown type are failures of the provider', () => {
    expect(failureOfEvent({ type: 'weather_error', message: 'Rain' }, context).code).toBe('upstream_refused');
    expect(failureOfEvent(null, context).code).toBe('upstream_refused');
  });

  test('of a refused prefill blame the upstream, and other failures stay the same', () => {
    const mistake = failureOfEvent({ type: 'invalid_request_error', message: 'no prefill' }, context);
    expect(mistake.code).toBe('invalid_value');
    expect(prefillRefused(mistake)).toMatchObject({ code: 'upstream_refused', permanent: true });
    const busy = failureOfEvent({ type: 'rate_limit_error', message: '' }, context);
    expect(prefillRefused(busy)).toBe(busy);
  });
});

describe('configuration', () => {
  const make = (config: object) =>
    createAnthropicUpstream({
      name: 'lab',
      config: { kind: 'anthropic', headers: {}, ...config },
      env: {},
      connectMs: 1_000,
      maxEventBytes: 1_024,
    });

  test('needs no base_url: the public host is the default', async () => {
    const created = await make({});
    expect(created).toMatchObject({ ok: true, upstream: { name: 'lab' } });
    if (created.ok) created.upstream.close();
  });

  test('with mistakes is a list of problems, before any request', async () => {
    expect(await make({ baseUrl: 'nowhere' })).toEqual({ ok: false, problems: ['base_url is not a URL'] });
    expect(await make({ caFile: '/nowhere/ca.pem' })).toMatchObject({ ok: false });
    expect(await make({ headers: { Host: 'x' } })).toMatchObject({ ok: false });
  });
});
