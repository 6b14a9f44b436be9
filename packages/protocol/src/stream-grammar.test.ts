import { describe, expect, test } from 'vitest';
import { asciiJson } from './json-text.ts';
import { createSseDecoder, sseData, sseDone, sseKeepalive } from './sse.ts';
import {
  checkStream,
  createStreamChecker,
  type StreamCheckOptions,
  type StreamRule,
  streamRules,
} from './stream-grammar.ts';

const head = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_763_000_000,
  model: 'acme/chat',
  system_fingerprint: 'fp',
};
const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
const failure = {
  message: 'The upstream cut the stream.',
  type: 'upstream_error',
  param: null,
  code: 'upstream_cut',
  request_id: 'req-1',
};

const images = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }];

type Frames = (string | object)[];

function chunk(
  delta: unknown,
  more: { index?: number; finish?: string; top?: object; entry?: object } = {},
): object {
  const { index = 0, finish = null, top = {}, entry = {} } = more;
  return { ...head, choices: [{ index, delta, logprobs: null, finish_reason: finish, ...entry }], ...top };
}

const role = (index = 0) => chunk({ role: 'assistant', content: '' }, { index });
const text = (content: string, index = 0) => chunk({ content }, { index });
const call = (piece: object) => chunk({ tool_calls: [piece] });
const start = (index: number, id = `call_${index}`) =>
  call({ index, id, type: 'function', function: { name: 'weather', arguments: '' } });
const piece = (index: number, args: string) => call({ index, function: { arguments: args } });
const end = (finish = 'stop', more: object = { usage }) => chunk({}, { finish, top: more });

/** Objects become `data:` frames, strings go out as they are. */
function body(frames: Frames): string {
  return frames.map((frame) => (typeof frame === 'string' ? frame : sseData(asciiJson(frame)))).join('');
}

function rules(frames: Frames, options?: StreamCheckOptions): StreamRule[] {
  return [...new Set(checkStream(body(frames), options).violations.map((violation) => violation.rule))];
}

const plain: Frames = [role(), text('Hello'), text(' w\u00f6rld \ud83d\ude00'), end(), sseDone];
const withTools: Frames = [
  role(),
  chunk({ reasoning_content: 'hm' }),
  text('Let me look.'),
  start(0),
  piece(0, '{"city":'),
  piece(0, '"Bern"}'),
  start(1),
  piece(1, '{}'),
  end('tool_calls'),
  sseDone,
];
const separate: Frames = [
  { ...role(), usage: null },
  { ...text('a'), usage: null },
  { ...end('stop', {}), usage: null },
  { ...head, choices: [], usage },
  sseDone,
];
const two: Frames = [
  sseKeepalive,
  role(0),
  role(1),
  text('a', 0),
  text('b', 1),
  chunk({}, { index: 1, finish: 'length' }),
  text('c', 0),
  end(),
  sseDone,
];
const torn: Frames = [role(), text('Hel'), { error: failure }];

describe('streams that keep the contract', () => {
  const good: [string, Frames, StreamCheckOptions?][] = [
    ['plain text', plain, { choices: 1 }],
    ['reasoning, text and two tool calls', withTools],
    ['two choices, interleaved', two, { choices: 2 }],
    ['usage on a chunk of its own', separate, { usage: 'separate' }],
    [
      'no usage, where the separate form was not asked for',
      [role(), text('a'), end('stop', {}), sseDone],
      { usage: 'absent' },
    ],
    ['a stream torn after some text', torn],
    ['a stream torn before its first chunk', [sseKeepalive, { error: failure }]],
    ['an answer without a word', [role(), end('content_filter'), sseDone]],
    ['arguments cut short by length', [role(), start(0), piece(0, '{"ci'), end('length'), sseDone]],
    [
      'reasoning after content',
      [role(), text('a'), chunk({ reasoning_content: 'b' }), text('c'), end(), sseDone],
    ],
    ['output in a field that the protocol does not name', [role(), chunk({ images }), end(), sseDone]],
    ['keepalive chunks', [role(), text(''), text('a'), text(''), end(), sseDone], { keepaliveChunks: true }],
    [
      'logprobs that were asked for, with a token that has no text yet',
      [role(), chunk({ content: '' }, { entry: { logprobs: { content: [] } } }), end(), sseDone],
      { logprobs: true },
    ],
    [
      'what a provider wants back',
      [
        role(),
        call({
          index: 0,
          id: 'a',
          type: 'function',
          function: { name: 'f', arguments: '' },
          extra_content: {},
        }),
        piece(0, '{}'),
        chunk({ content: '', extra_content: { signature: 'x' } }),
        end('tool_calls'),
        sseDone,
      ],
    ],
    [
      'a resumed stream from its third event',
      [
        `id: 3\n${sseData(asciiJson(text('b')))}`,
        ': keepalive\n',
        `id: 4\n${sseData(asciiJson(end()))}`,
        `id: 5\n${sseDone}`,
      ],
      { resumedFrom: 3 },
    ],
    [
      'a resumed stream from within a tool call',
      [
        `id: 9\n${sseData(asciiJson(piece(1, '"}')))}`,
        `id: 10\n${sseData(asciiJson(end('tool_calls')))}`,
        `id: 11\n${sseDone}`,
      ],
      { resumedFrom: 9 },
    ],
  ];

  test.each(good)('%s', (_name, frames, options) => {
    expect(checkStream(body(frames), options).violations).toEqual([]);
  });
});

describe('the summary', () => {
  test('joins text, reasoning and tool calls', () => {
    const { summary } = checkStream(body(withTools));
    expect(summary).toMatchObject({
      id: head.id,
      model: head.model,
      usage,
      complete: true,
      events: 10,
      keepalives: 0,
    });
    expect(summary.choices).toEqual([
      {
        index: 0,
        content: 'Let me look.',
        reasoning: 'hm',
        refusal: '',
        toolCalls: [
          { id: 'call_0', name: 'weather', arguments: '{"city":"Bern"}' },
          { id: 'call_1', name: 'weather', arguments: '{}' },
        ],
        finishReason: 'tool_calls',
      },
    ]);
  });

  test('keeps choices apart', () => {
    const { summary } = checkStream(body(two));
    expect(summary.choices.map(({ content, finishReason }) => [content, finishReason])).toEqual([
      ['ac', 'stop'],
      ['b', 'length'],
    ]);
    expect(summary.keepalives).toBe(1);
  });

  test('of a torn stream is not complete and has the error', () => {
    const { summary } = checkStream(body(torn));
    expect(summary.complete).toBe(false);
    expect(summary.error).toMatchObject({ code: 'upstream_cut', requestId: 'req-1' });
    expect(summary.choices[0]?.content).toBe('Hel');
  });

  test('of a stream without finish is not complete, with any ending', () => {
    expect(checkStream(body([role(), text('a'), sseDone])).summary.complete).toBe(false);
    expect(checkStream(body([role(), text('a'), end()])).summary.complete).toBe(false);
    expect(checkStream('').summary).toMatchObject({ complete: false, choices: [], events: 0 });
  });
});

// Each mutation breaks one rule, and nothing but that rule is reported.
const mutations: [StreamRule, string, Frames | Uint8Array, StreamCheckOptions?][] = [
  ['framing-bom', 'a byte order mark', [`\ufeff${body(plain)}`]],
  ['framing-cr', 'CR LF', [body(plain).replaceAll('\n', '\r\n')]],
  ['framing-cr', 'CR alone', [body(plain).replaceAll('\n', '\r')]],
  ['framing-ascii', 'a raw umlaut', [role(), sseData(JSON.stringify(text('\u00fc'))), end(), sseDone]],
  [
    'framing-utf8',
    'a byte that is no UTF-8',
    latin1(body([role(), `data: "\u00ff"\n\n`, text('a'), end(), sseDone])),
  ],
  [
    'framing-line',
    'an event name',
    [role(), `event: delta\n${sseData(asciiJson(text('a')))}`, end(), sseDone],
  ],
  ['framing-line', 'a retry line', [`retry: 100\n\n${body(plain)}`]],
  ['framing-line', 'no space after the colon', [body(plain).replace('data: ', 'data:')]],
  [
    'framing-line',
    'JSON over two lines',
    [role(), 'data: {"error":\ndata: 1}\n\n']
      .slice(0, 1)
      .concat([`data: ${asciiJson(text('a')).replace('"object"', '\ndata: "object"')}\n\n`, end(), sseDone]),
  ],
  ['framing-separator', 'a blank line too many', [role(), '\n', text('a'), end(), sseDone]],
  [
    'framing-separator',
    'a comment without its blank line',
    [role(), ': keepalive\n', text('a'), end(), sseDone],
  ],
  ['framing-incomplete', 'a body cut in its last event', [body(plain).slice(0, -1)]],
  ['framing-incomplete', 'a body cut in the middle', [body(plain).slice(0, 300)]],
  [
    'framing-too-large',
    'a giant event',
    [role(), text('x'.repeat(2000)), end(), sseDone],
    { maxEventBytes: 1024 },
  ],
  ['comment-text', ': ping', [': ping\n\n', ...plain]],
  ['event-id', 'ids on an ordinary stream', [role(), end(), `id: 3\n${sseDone}`]],
  [
    'event-id',
    'an id left out',
    [`id: 3\n${sseData(asciiJson(end()))}`, `id: 5\n${sseDone}`],
    { resumedFrom: 3 },
  ],
  ['data-json', 'data that is no JSON', [role(), 'data: {"choices"\n\n', end(), sseDone]],
  ['data-json', 'data that is no object', [role(), 'data: [1]\n\n', end(), sseDone]],
  ['data-json', '[DONE] with a space', [role(), end(), 'data: [DONE] \n\n', sseDone]],
  ['chunk-fields', 'no object', [role(), { ...text('a'), object: undefined }, end(), sseDone]],
  [
    'chunk-fields',
    'a fingerprint of null',
    [role(), { ...text('a'), system_fingerprint: null }, end(), sseDone],
  ],
  ['chunk-fields', 'a time that is no integer', [role(), { ...text('a'), created: 1.5 }, end(), sseDone]],
  ['chunk-fields', 'no choices', [role(), { ...head }, end(), sseDone]],
  ...(['id', 'model', 'system_fingerprint'] as const).map((name): [StreamRule, string, Frames] => [
    'chunk-constant',
    `another ${name}`,
    [role(), { ...text('a'), [name]: 'other' }, end(), sseDone],
  ]),
  ['chunk-constant', 'another created', [role(), { ...text('a'), created: 1 }, end(), sseDone]],
  ['choices-empty', 'empty choices', [role(), { ...head, choices: [] }, end(), sseDone]],
  [
    'choices-empty',
    'the usage chunk where usage is inline',
    [role(), end(), { ...head, choices: [], usage }, sseDone],
  ],
  ['choice-fields', 'no delta', [role(), chunk(undefined), end(), sseDone]],
  [
    'choice-fields',
    'no index',
    [role(), chunk({ content: 'a' }, { entry: { index: undefined } }), end(), sseDone],
  ],
  [
    'choice-fields',
    'no logprobs',
    [role(), chunk({ content: 'a' }, { entry: { logprobs: undefined } }), end(), sseDone],
  ],
  [
    'choice-fields',
    'no finish_reason',
    [role(), chunk({ content: 'a' }, { entry: { finish_reason: undefined } }), end(), sseDone],
  ],
  ['choice-index', 'a choice too many', two, { choices: 1 }],
  [
    'logprobs',
    'logprobs unasked',
    [role(), chunk({ content: 'a' }, { entry: { logprobs: { content: [] } } }), end(), sseDone],
  ],
  ['role-chunk', 'a role riding on content', [chunk({ role: 'assistant', content: 'Hi' }), end(), sseDone]],
  ['role-chunk', 'a role without content', [chunk({ role: 'assistant' }), end(), sseDone]],
  ['role-first', 'no role chunk', [text('a'), end(), sseDone]],
  ['role-first', 'a second role chunk', [role(), text('a'), role(), end(), sseDone]],
  [
    'role-first',
    'roles out of order',
    [role(1), role(0), chunk({}, { index: 1, finish: 'stop' }), end(), sseDone],
  ],
  [
    'role-first',
    'a role after a delta',
    [role(0), text('a'), role(1), chunk({}, { index: 1, finish: 'stop' }), end(), sseDone],
  ],
  ['delta-empty', 'an empty delta', [role(), chunk({}), end(), sseDone]],
  ['delta-empty', 'no tool call in tool_calls', [role(), chunk({ tool_calls: [] }), end(), sseDone]],
  ['delta-empty', 'another field that carries nothing', [role(), chunk({ images: [] }), end(), sseDone]],
  ['delta-text', 'content null', [role(), chunk({ content: null }), end(), sseDone]],
  ['delta-text', 'empty content', [role(), text(''), end(), sseDone]],
  ['text-cut', 'a character cut in two', [role(), text('\ud83d'), text('\ude00'), end(), sseDone]],
  [
    'text-cut',
    'a character cut in two in the arguments',
    [role(), start(0), piece(0, '"\ud83d'), piece(0, '\ude00"'), end('tool_calls'), sseDone],
  ],
  [
    'tool-call-start',
    'arguments in the first delta',
    [
      role(),
      call({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }),
      end('tool_calls'),
      sseDone,
    ],
  ],
  [
    'tool-call-start',
    'a call without id',
    [
      role(),
      call({ index: 0, type: 'function', function: { name: 'f', arguments: '' } }),
      piece(0, '{}'),
      end('tool_calls'),
      sseDone,
    ],
  ],
  [
    'tool-call-piece',
    'the id repeated',
    [
      role(),
      start(0),
      call({ index: 0, id: 'call_0', function: { arguments: '{}' } }),
      end('tool_calls'),
      sseDone,
    ],
  ],
  [
    'tool-call-piece',
    'the name repeated',
    [
      role(),
      start(0),
      call({ index: 0, function: { name: 'weather', arguments: '{}' } }),
      end('tool_calls'),
      sseDone,
    ],
  ],
  [
    'tool-call-order',
    'a gap in the indexes',
    [role(), start(0), piece(0, '{}'), start(2), end('tool_calls'), sseDone],
  ],
  [
    'tool-call-order',
    'a piece of an earlier call',
    [role(), start(0), piece(0, '1'), start(1), piece(1, '2'), piece(0, '3'), end('tool_calls'), sseDone],
  ],
  [
    'tool-call-arguments',
    'arguments that are no JSON',
    [role(), start(0), piece(0, '{"a"'), end('tool_calls'), sseDone],
  ],
  ['tool-call-arguments', 'no arguments', [role(), start(0), end('tool_calls'), sseDone]],
  ['tool-call-finish', 'stop after a call', [role(), start(0), piece(0, '{}'), end('stop'), sseDone]],
  ['tool-call-finish', 'tool_calls without a call', [role(), text('a'), end('tool_calls'), sseDone]],
  ['finish-reason', 'a reason of its own', [role(), end('eos'), sseDone]],
  [
    'finish-delta',
    'text on the finish chunk',
    [role(), chunk({ content: 'a' }, { finish: 'stop', top: { usage } }), sseDone],
  ],
  [
    'finish-delta',
    'what a provider wants back on the finish chunk',
    [role(), chunk({ extra_content: {} }, { finish: 'stop', top: { usage } }), sseDone],
  ],
  ['after-finish', 'text after the finish', [role(), end(), text('a'), sseDone]],
  ['after-finish', 'a second finish', [role(), end(), end('stop', {}), sseDone]],
  ['finish-missing', 'no finish', [role(), text('a'), sseDone]],
  ['finish-missing', 'a choice that never came', [role(), end('stop', {}), sseDone], { choices: 2 }],
  ['finish-missing', 'nothing but [DONE]', [sseDone]],
  ['usage-fields', 'a wrong sum', [role(), end('stop', { usage: { ...usage, total_tokens: 11 } }), sseDone]],
  [
    'usage-fields',
    'more cached than there is',
    [role(), end('stop', { usage: { ...usage, prompt_tokens_details: { cached_tokens: 6 } } }), sseDone],
  ],
  ['usage-place', 'usage early', [role(), { ...text('a'), usage }, end('stop', {}), sseDone]],
  ['usage-place', 'usage twice', [role(), { ...text('a'), usage }, end(), sseDone]],
  [
    'usage-place',
    'usage on the first of two finishes',
    [role(0), role(1), chunk({}, { index: 1, finish: 'stop', top: { usage } }), end('stop', {}), sseDone],
  ],
  ['usage-place', 'usage null on an inline stream', [role(), { ...text('a'), usage: null }, end(), sseDone]],
  ['usage-place', 'usage that was not asked for', plain, { usage: 'absent' }],
  ['usage-place', 'both forms', separate.with(2, end()), { usage: 'separate' }],
  [
    'usage-place',
    'the usage chunk before the finish',
    [separate[0], separate[3], separate[2], sseDone].flatMap((f) => f ?? []),
    { usage: 'separate' },
  ],
  ['usage-missing', 'no usage', [role(), end('stop', {}), sseDone]],
  ['usage-missing', 'no usage chunk', separate.toSpliced(3, 1), { usage: 'separate' }],
  ['usage-null', 'usage left out', separate.with(1, text('a')), { usage: 'separate' }],
  ['error-fields', 'an error without request_id', [role(), { error: { ...failure, request_id: undefined } }]],
  ['error-fields', 'an error with choices', [role(), { ...text('a'), error: failure }]],
  ['error-code', 'a code of its own', [role(), { error: { ...failure, code: 'oops' } }]],
  ['error-code', 'the wrong type', [role(), { error: { ...failure, type: 'server_error' } }]],
  ['error-after-finish', 'an error after the finish', [role(), end(), { error: failure }]],
  ['done-missing', 'no [DONE]', plain.slice(0, -1)],
  ['done-missing', 'a body that stops after some text', plain.slice(0, 2)],
  ['done-missing', 'an empty body', []],
  ['after-end', '[DONE] twice', [...plain, sseDone]],
  ['after-end', '[DONE] after an error', [...torn, sseDone]],
  ['after-end', 'a finish after an error', [...torn, end()]],
  ['after-end', 'a keepalive after [DONE]', [...plain, sseKeepalive]],
];

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

describe('a mutation breaks one rule and only that is reported', () => {
  test.each(mutations)('%s: %s', (rule, _name, frames, options) => {
    if (frames instanceof Uint8Array) {
      expect(checkStream(frames, options).violations.map((violation) => violation.rule)).toEqual([rule]);
    } else expect(rules(frames, options)).toEqual([rule]);
  });

  test('every rule has a mutation', () => {
    expect(Object.keys(streamRules).filter((rule) => !mutations.some(([broken]) => broken === rule))).toEqual(
      [],
    );
  });

  test('a violation has what was found, and at which event', () => {
    expect(checkStream(body([sseKeepalive, role(), text('a'), text(''), end(), sseDone])).violations).toEqual(
      [{ rule: 'delta-text', message: 'content is ""', eventNumber: 3 }],
    );
  });
});

test('event by event the report is the same as for the whole body', () => {
  for (const frames of [plain, withTools, two, torn, [role(), text(''), sseDone]]) {
    const checker = createStreamChecker();
    const decoder = createSseDecoder({}, checker.accept);
    for (const byte of new TextEncoder().encode(body(frames))) decoder.push(Uint8Array.of(byte));
    decoder.end();
    expect(checker.end()).toEqual(checkStream(body(frames)));
  }
});

test('the report of a stream full of mistakes is bounded', () => {
  expect(checkStream(sseData('{}').repeat(5000)).violations.length).toBe(100);
});

test('a stream cut at any byte is never complete, and never without a violation', () => {
  for (const frames of [plain, withTools, two, separate, torn]) {
    const options: StreamCheckOptions = frames === separate ? { usage: 'separate' } : {};
    const whole = new TextEncoder().encode(body(frames));
    for (let length = 0; length < whole.length; length += 1) {
      const { violations, summary } = checkStream(whole.subarray(0, length), options);
      expect({ length, complete: summary.complete, faultless: violations.length === 0 }).toEqual({
        length,
        complete: false,
        faultless: false,
      });
    }
  }
});

test('a stream of very many choices is checked in linear time', () => {
  const checker = createStreamChecker();
  const said = (index: number, delta: object, finish: string | null) =>
    checker.accept({
      type: 'event',
      event: 'message',
      lastEventId: '',
      data: JSON.stringify({
        ...head,
        choices: [{ index, delta, logprobs: null, finish_reason: finish }],
        ...(finish !== null && index === 29_999 ? { usage } : {}),
      }),
    });
  const indexes = Array.from({ length: 30_000 }, (_, index) => index);
  for (const index of indexes) said(index, { role: 'assistant', content: '' }, null);
  for (const index of indexes) said(index, {}, 'stop');
  checker.accept({ type: 'event', event: 'message', lastEventId: '', data: '[DONE]' });
  expect(checker.end()).toMatchObject({ violations: [], summary: { complete: true } });
});
