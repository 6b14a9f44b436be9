import type { FinishReason } from '@tailrace/protocol';
import type { Oddity, Right, UpstreamInput } from './input.ts';
import { event } from './openai-wire.ts';

/** Answers of Gemini's `streamGenerateContent`. */

type Json = Readonly<Record<string, unknown>>;

const counts = { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 };
const says = (parts: readonly Json[], reason?: string, candidate: Json = {}): Json => ({
  candidates: [
    {
      content: { parts, role: 'model' },
      ...(reason === undefined ? {} : { finishReason: reason }),
      index: 0,
      ...candidate,
    },
  ],
  modelVersion: 'm',
  responseId: 'r1',
});
const counted = (usageMetadata: Json = counts): Json => ({
  usageMetadata,
  modelVersion: 'm',
  responseId: 'r1',
});
const t = (text: string): Json => ({ text });
const call = (name: string, args: unknown): Json => ({ functionCall: { name, args } });

const hello = { text: 'Hello world' };
const helloEvents = [says([t('Hello')]), says([t(' world')], 'STOP'), counted()];
const inline = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } };
const code = { executableCode: { language: 'PYTHON', code: 'print(1)' } };
const both = {
  calls: [
    { name: 'get_weather', arguments: { a: 1 } },
    { name: 'get_time', arguments: { b: 2 } },
  ],
};

const stream = (oddity: Oddity, name: string, events: readonly Json[], right: Right): UpstreamInput => ({
  name: `gemini-${name}`,
  oddity,
  upstream: 'gemini',
  form: 'stream',
  body: events.map(event),
  right,
});
const json = (name: string, value: unknown, right: Right): UpstreamInput => ({
  ...stream('status or form', name, [], right),
  form: 'json',
  body: [JSON.stringify(value)],
});

export const geminiInputs: readonly UpstreamInput[] = [
  stream(
    'early finish',
    'finish-on-every-event',
    [says([t('Hello')], 'STOP'), says([t(' world')], 'STOP'), counted()],
    hello,
  ),
  stream(
    'early finish',
    'finish-on-empty-events-before-the-text',
    [says([t('')], 'STOP'), says([], 'STOP'), says([t('Hello')]), says([t(' world')], 'STOP'), counted()],
    hello,
  ),
  stream(
    'early finish',
    'finish-on-each-call',
    [says([call('get_weather', { a: 1 })], 'STOP'), says([call('get_time', { b: 2 })], 'STOP'), counted()],
    both,
  ),
  stream(
    'foreign index',
    'index-from-one',
    [says([t('Hello')], undefined, { index: 1 }), says([t(' world')], 'STOP', { index: 1 }), counted()],
    hello,
  ),
  stream(
    'foreign index',
    'index-absent',
    [
      says([t('Hello')], undefined, { index: undefined }),
      says([t(' world')], 'STOP', { index: undefined }),
      counted(),
    ],
    hello,
  ),
  stream(
    'calls under one index',
    'calls-with-equal-ids',
    [
      says(
        [
          { functionCall: { id: 'a', name: 'get_weather', args: { a: 1 } } },
          { functionCall: { id: 'a', name: 'get_time', args: { b: 2 } } },
        ],
        'STOP',
      ),
      counted(),
    ],
    both,
  ),
  ...[null, [], undefined, {}].map((args, index) =>
    stream('odd arguments', `arguments-odd-${index}`, [says([call('get_time', args)], 'STOP'), counted()], {
      calls: [{ name: 'get_time', arguments: {} }],
    }),
  ),
  stream('unnamed output', 'image', [says([t('Hello world'), inline], 'STOP'), counted()], {
    ...hello,
    other: { content_parts: [inline] },
  }),
  stream('unnamed output', 'code', [says([t('Hello world')]), says([code], 'STOP'), counted()], {
    ...hello,
    other: { content_parts: [code] },
  }),
  stream(
    'unnamed output',
    'thoughts-after-the-text',
    [says([t('Hello')]), says([{ text: 'More.', thought: true }]), says([t(' world')], 'STOP'), counted()],
    { ...hello, reasoning: 'More.' },
  ),
  ...(
    [
      ['MAX_TOKENS', 'length'],
      ['SAFETY', 'content_filter'],
    ] as const satisfies readonly (readonly [string, FinishReason])[]
  ).map(([reason, finish]) =>
    stream(
      'finish reason',
      `reason-${reason.toLowerCase().replaceAll('_', '-')}`,
      [says([t('Hello world')]), says([], reason), counted()],
      { ...hello, finish },
    ),
  ),
  stream(
    'impossible count',
    'thoughts-only',
    [
      ...helloEvents.slice(0, 2),
      counted({ promptTokenCount: 21, candidatesTokenCount: 0, thoughtsTokenCount: 60, totalTokenCount: 81 }),
    ],
    { ...hello, usage: { prompt: 21, completion: 60, reasoning: 60 } },
  ),
  stream(
    'impossible count',
    'zeros-only',
    [
      ...helloEvents.slice(0, 2),
      counted({ promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 }),
    ],
    { ...hello, usage: 'estimated' },
  ),
  stream(
    'impossible count',
    'zeros-behind',
    [...helloEvents, counted({ promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 })],
    hello,
  ),
  {
    ...stream('framing', 'one-lf-between-events', [], hello),
    body: helloEvents.map((one) => event(one).slice(0, -1)),
  },
  {
    ...stream('framing', 'heartbeats', [], hello),
    body: helloEvents.flatMap((one) => [event('heartbeat'), event(one)]),
  },
  { ...stream('status or form', 'status-201', helloEvents, hello), status: 201 },
  json(
    'json-for-a-stream',
    { ...says([t('Hello world'), call('get_weather', { a: 1 })], 'STOP'), usageMetadata: counts },
    {
      ...hello,
      calls: both.calls.slice(0, 1),
    },
  ),
  json('list-for-a-stream', helloEvents, hello),
  stream(
    'status or form',
    'callers-mistake-in-a-200',
    [{ error: { code: 400, message: 'It failed.', status: 'INVALID_ARGUMENT' } }],
    { fails: 'invalid_value', status: 400 },
  ),
  stream(
    'status or form',
    'rate-limit-in-a-200',
    [{ error: { code: 429, message: 'It failed.', status: 'RESOURCE_EXHAUSTED' } }],
    { fails: 'rate_limit_exceeded', status: 429 },
  ),
];
