import type { Oddity, Right, UpstreamInput } from './input.ts';

/** Answers of Anthropic's Messages API; each event stands with its name. */

type Json = Readonly<Record<string, unknown>>;

const start = (usage: Json = { input_tokens: 7, output_tokens: 1 }): string =>
  named('message_start', {
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [],
      model: 'm',
      stop_reason: null,
      usage,
    },
  });
const stop = named('message_stop', {});
const ends = (reason: unknown, usage: Json = { output_tokens: 3 }): string =>
  named('message_delta', { delta: { stop_reason: reason, stop_sequence: null }, usage });
const opens = (index: number, block: Json): string =>
  named('content_block_start', { index, content_block: block });
const adds = (index: number, delta: Json): string => named('content_block_delta', { index, delta });
const closes = (index: number): string => named('content_block_stop', { index });

const textBlock = (index: number, ...pieces: readonly string[]): readonly string[] => [
  opens(index, { type: 'text', text: '' }),
  ...pieces.map((text) => adds(index, { type: 'text_delta', text })),
  closes(index),
];
const thoughts = (index: number, thinking: string): readonly string[] => [
  opens(index, { type: 'thinking', thinking: '', signature: '' }),
  adds(index, { type: 'thinking_delta', thinking }),
  closes(index),
];
const call = (index: number, id: string, name: string, ...pieces: readonly string[]): readonly string[] => [
  opens(index, { type: 'tool_use', id, name, input: {} }),
  ...pieces.map((text) => adds(index, { type: 'input_json_delta', partial_json: text })),
  closes(index),
];

const hello = { text: 'Hello world' };
const helloBlock = textBlock(0, 'Hello', ' world');
const whole = [start(), ...helloBlock, ends('end_turn'), stop];
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  content: [
    { type: 'text', text: 'Hello world' },
    { type: 'tool_use', id: 'a', name: 'get_weather', input: { a: 1 } },
  ],
  model: 'm',
  stop_reason: 'tool_use',
  usage: { input_tokens: 7, output_tokens: 3 },
};
const weather = { name: 'get_weather', arguments: { a: 1 } };
const searched = { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: { query: 'mills' } };

const found = {
  type: 'web_search_tool_result',
  tool_use_id: 'srv_1',
  content: [{ type: 'web_search_result', url: 'https://example.org/' }],
};

const stream = (oddity: Oddity, name: string, body: readonly string[], right: Right): UpstreamInput => ({
  name: `anthropic-${name}`,
  oddity,
  upstream: 'anthropic',
  form: 'stream',
  body,
  right,
});

export const anthropicInputs: readonly UpstreamInput[] = [
  stream(
    'early finish',
    'finish-before-the-text',
    [start(), ends('end_turn'), ...helloBlock, ends('end_turn'), stop],
    hello,
  ),
  stream(
    'early finish',
    'finish-before-the-text-alone',
    [start(), ends('end_turn'), ...helloBlock, stop],
    hello,
  ),
  stream('early finish', 'no-message-stop', [start(), ...helloBlock, ends('end_turn')], hello),
  stream(
    'early finish',
    'finish-on-each-call',
    [
      start(),
      ...call(0, 'a', 'get_weather', '{"a":1}'),
      ends('tool_use'),
      ...call(1, 'b', 'get_time', '{"b":2}'),
      ends('tool_use'),
      stop,
    ],
    { calls: [weather, { name: 'get_time', arguments: { b: 2 } }] },
  ),
  stream(
    'foreign index',
    'blocks-under-one-index',
    [start(), ...textBlock(0, 'Hello'), ...textBlock(0, ' world'), ends('end_turn'), stop],
    hello,
  ),
  stream(
    'foreign index',
    'blocks-from-one',
    [start(), ...textBlock(1, 'Hello', ' world'), ends('end_turn'), stop],
    hello,
  ),
  stream(
    'calls under one index',
    'calls-under-one-index',
    [
      start(),
      ...call(0, 'a', 'get_weather', '{"a":1}'),
      ...call(0, 'a', 'get_time', '{"b":2}'),
      ends('tool_use'),
      stop,
    ],
    { calls: [weather, { name: 'get_time', arguments: { b: 2 } }] },
  ),
  stream(
    'odd arguments',
    'arguments-empty',
    [start(), ...call(0, 'a', 'get_time', ''), ends('tool_use'), stop],
    {
      calls: [{ name: 'get_time', arguments: {} }],
    },
  ),
  stream(
    'odd arguments',
    'arguments-whole-at-the-start',
    [
      start(),
      opens(0, { type: 'tool_use', id: 'a', name: 'get_weather', input: { a: 1 } }),
      closes(0),
      ends('tool_use'),
      stop,
    ],
    { calls: [weather] },
  ),
  stream(
    'odd arguments',
    'arguments-at-the-start-and-in-pieces',
    [
      start(),
      opens(0, { type: 'tool_use', id: 'a', name: 'get_weather', input: { a: 1 } }),
      adds(0, { type: 'input_json_delta', partial_json: '{"a"' }),
      adds(0, { type: 'input_json_delta', partial_json: ':1}' }),
      closes(0),
      ends('tool_use'),
      stop,
    ],
    { calls: [weather] },
  ),
  stream(
    'unnamed output',
    'server-tool',
    [
      start(),
      opens(0, { ...searched, input: {} }),
      adds(0, { type: 'input_json_delta', partial_json: '{"query":"mills"}' }),
      closes(0),
      ...textBlock(1, 'Hello world'),
      ends('end_turn'),
      stop,
    ],
    { ...hello, other: { content_parts: [searched] } },
  ),
  stream(
    'unnamed output',
    'thoughts-after-the-text',
    [
      start(),
      ...textBlock(0, 'Hello'),
      ...thoughts(1, 'More.'),
      ...textBlock(2, ' world'),
      ends('end_turn'),
      stop,
    ],
    { ...hello, reasoning: 'More.' },
  ),
  stream(
    'unnamed output',
    'search-result',
    [start(), opens(0, found), closes(0), ...textBlock(1, 'Hello world'), ends('end_turn'), stop],
    { ...hello, other: { content_parts: [found] } },
  ),
  ...(
    [
      ['end_turn', 'stop'],
      ['stop_sequence', 'stop'],
      ['max_tokens', 'length'],
      ['model_context_window_exceeded', 'length'],
      ['refusal', 'content_filter'],
    ] as const
  ).map(([reason, finish]) =>
    stream(
      'finish reason',
      `reason-${reason.replaceAll('_', '-')}`,
      [start(), ...helloBlock, ends(reason), stop],
      {
        ...hello,
        finish,
      },
    ),
  ),
  stream(
    'impossible count',
    'input-zero-at-the-end',
    [start(), ...helloBlock, ends('end_turn', { input_tokens: 0, output_tokens: 3 }), stop],
    hello,
  ),
  stream(
    'impossible count',
    'input-zero-at-the-end-beside-cache',
    [
      start({
        input_tokens: 7,
        cache_read_input_tokens: 20,
        cache_creation_input_tokens: 0,
        output_tokens: 1,
      }),
      ...helloBlock,
      ends('end_turn', {
        input_tokens: 0,
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 0,
        output_tokens: 3,
      }),
      stop,
    ],
    { ...hello, usage: { prompt: 27, completion: 3, cached: 20 } },
  ),
  stream(
    'impossible count',
    'all-from-the-cache',
    [
      start({
        input_tokens: 0,
        cache_read_input_tokens: 20,
        cache_creation_input_tokens: 0,
        output_tokens: 1,
      }),
      ...helloBlock,
      ends('end_turn'),
      stop,
    ],
    { ...hello, usage: { prompt: 20, completion: 3, cached: 20 } },
  ),
  stream(
    'impossible count',
    'zeros-only',
    [
      start({ input_tokens: 0, output_tokens: 0 }),
      ...helloBlock,
      ends('end_turn', { input_tokens: 0, output_tokens: 0 }),
      stop,
    ],
    { ...hello, usage: 'estimated' },
  ),
  stream(
    'framing',
    'one-lf-between-events',
    whole.map((event) => event.slice(0, -1)),
    hello,
  ),
  stream(
    'framing',
    'crlf',
    whole.map((event) => event.replaceAll('\n', '\r\n')),
    hello,
  ),
  stream(
    'framing',
    'heartbeats',
    whole.flatMap((event) => ['data: heartbeat\n\n', named('ping', {}), event]),
    hello,
  ),
  { ...stream('status or form', 'status-201', whole, hello), status: 201 },
  {
    ...stream('status or form', 'json-for-a-stream', [JSON.stringify(message)], {
      ...hello,
      calls: [weather],
    }),
    form: 'json',
  },
  stream(
    'status or form',
    'callers-mistake-in-a-200',
    [named('error', { error: { type: 'invalid_request_error', message: 'It failed.' } })],
    { fails: 'invalid_value', status: 400 },
  ),
  stream(
    'status or form',
    'overloaded-in-a-200',
    [named('error', { error: { type: 'overloaded_error', message: 'It failed.' } })],
    { fails: 'upstream_refused', status: 502 },
  ),
];

function named(type: string, fields: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
