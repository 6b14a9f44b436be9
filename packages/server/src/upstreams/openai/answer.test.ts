import { decodeJsonText } from '@tailrace/protocol';
import { describe, expect, test, vi } from 'vitest';
import { pullOnce } from '../../domain/batches.ts';
import { createEventGrammar } from '../../domain/event-grammar.ts';
import { failure } from '../../domain/failure.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { batchesOf, type FakeAnswerOptions, fakeBody, readAnswer } from './fake-answer.ts';

const frame = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const delta = (given: object, finish: string | null = null, index = 0) => ({
  id: 'x',
  object: 'chat.completion.chunk',
  choices: [{ index, delta: given, finish_reason: finish }],
});
const say = (content: string, index = 0) => delta({ content }, null, index);
const finish = (reason = 'stop', index = 0) => delta({}, reason, index);
const usage = (prompt = 3, completion = 4) => ({
  choices: [],
  usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
});
const done = '[DONE]';

/** Events in short: text as text, the rest by name. */
async function play(values: readonly unknown[], options: Partial<FakeAnswerOptions> = {}) {
  return await playBytes([values.map(frame).join('')], options);
}

async function playBytes(pieces: readonly (string | Uint8Array)[], options: Partial<FakeAnswerOptions> = {}) {
  const events = (await batchesOf(pieces, options)).flat();
  const grammar = createEventGrammar(options.choices ?? 1);
  for (const event of events) {
    const problem = grammar.accept(event);
    if (problem !== undefined) throw new Error(`${problem}: ${JSON.stringify(events)}`);
  }
  return events.map(short);
}

function short(event: StreamEvent): string {
  switch (event.type) {
    case 'start':
      return `start ${event.fingerprint}`;
    case 'text-delta':
      return `${event.choice} "${decodeJsonText(event.json)}"${event.logprobs === undefined ? '' : ` +${event.logprobs.length}`}`;
    case 'reasoning-delta':
      return `${event.choice} (${decodeJsonText(event.json)})`;
    case 'refusal-delta':
      return `${event.choice} !${decodeJsonText(event.json)}`;
    case 'tool-call-start':
      return `${event.choice} call ${event.index} ${event.id} ${event.name}`;
    case 'tool-call-delta':
      return `${event.choice} args ${event.index} ${decodeJsonText(event.json)}`;
    case 'usage':
      return `usage ${event.usage.promptTokens}+${event.usage.completionTokens}`;
    case 'finish':
      return `${event.choice} ${event.reason}`;
    case 'failed':
      return `failed ${event.failure.code}`;
  }
}

describe('the finish', () => {
  test('waits for the usage behind it', async () => {
    expect(await play([say('a'), finish(), usage(), done])).toEqual(['0 "a"', 'usage 3+4', '0 stop']);
  });

  test('may ride on the last content', async () => {
    expect(await play([delta({ content: 'a' }, 'stop'), usage(), done])).toEqual([
      '0 "a"',
      'usage 3+4',
      '0 stop',
    ]);
  });

  test('without [DONE] and without usage is whole', async () => {
    expect(await play([say('a'), finish()])).toEqual(['0 "a"', '0 stop']);
  });

  test('is whole although the connection was cut behind it', async () => {
    const cut = failure('upstream_cut', 'cut');
    expect((await batchesOf(fakeBody([frame(say('a')) + frame(finish())], cut))).flat().map(short)).toEqual([
      '0 "a"',
      '0 stop',
    ]);
  });

  test('is not held up by what an upstream says behind it', async () => {
    const noise = [say('late'), finish('length'), '{"content', { error: { message: 'late' } }];
    expect(await play([say('a'), finish(), ...noise, usage(), done])).toEqual([
      '0 "a"',
      'usage 3+4',
      '0 stop',
    ]);
  });

  test('waits no longer than it is told, and then lets the connection go', async () => {
    vi.useFakeTimers();
    try {
      const body = fakeBody([frame(say('a')) + frame(finish())], 'stays open');
      const played = batchesOf(body, { usageWaitMs: 2_000 });
      await vi.advanceTimersByTimeAsync(1_999);
      expect(body.released).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect((await played).flat().map(short)).toEqual(['0 "a"', '0 stop']);
      expect(body.released).toBe(true);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('does not wait while nobody reads: the usage may lie there unread', async () => {
    vi.useFakeTimers();
    try {
      const body = fakeBody([frame(say('a')) + frame(finish()), frame(usage()) + frame(done)]);
      const answer = readAnswer(body);
      expect(await pullOnce(answer)).toMatchObject({ value: [{ type: 'text-delta' }] });
      await vi.advanceTimersByTimeAsync(60_000);
      const { value } = await pullOnce(answer);
      expect(value?.map(short)).toEqual(['usage 3+4', '0 stop']);
      await answer.close();
    } finally {
      vi.useRealTimers();
    }
  });

  test('that waits is dropped by an abort, and its timer with it', async () => {
    vi.useFakeTimers();
    try {
      const abort = new AbortController();
      const body = fakeBody([frame(say('a')) + frame(finish())], 'stays open');
      const played = batchesOf(body, {}, abort.signal);
      await vi.advanceTimersByTimeAsync(10);
      abort.abort();
      await body.return();
      expect((await played).flat().map(short)).toEqual(['0 "a"']);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([
    ['eos', 'stop'],
    ['model_length', 'length'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
  ])('%s is %s', async (said, meant) => {
    expect(await play([say('a'), finish(said), done])).toEqual(['0 "a"', `0 ${meant}`]);
  });

  test.each(['error', 'abort', 'toString'])('%s tears the stream', async (said) => {
    expect(await play([say('a'), finish(said), done])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test('missing is a cut, however politely the stream ended', async () => {
    expect(await play([say('a'), done])).toEqual(['0 "a"', 'failed upstream_cut']);
    expect(await play([say('a')])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test('of one choice of two is a cut', async () => {
    expect(await play([say('a'), say('b', 1), finish(), done], { choices: 2 })).toEqual([
      '0 "a"',
      '1 "b"',
      '0 stop',
      'failed upstream_cut',
    ]);
  });

  test('lets the connection serve again, and a torn stream does not', async () => {
    const whole = fakeBody([frame(say('a')) + frame(finish()) + frame(done)]);
    await batchesOf(whole);
    expect(whole.released).toBe(true);
    const torn = fakeBody([frame(say('a')) + frame(finish('error'))]);
    await batchesOf(torn);
    expect(torn.released).toBe(false);
  });
});

describe('usage', () => {
  test('on the finish needs no waiting', async () => {
    const both = { ...finish(), ...{ usage: usage().usage } };
    const body = fakeBody([frame(say('a')) + frame(both)], 'stays open');
    expect((await batchesOf(body)).flat().map(short)).toEqual(['0 "a"', 'usage 3+4', '0 stop']);
  });

  test('for each choice is added up, the prompt counted once', async () => {
    const chunks = [
      say('a'),
      say('b', 1),
      finish('stop', 0),
      finish('length', 1),
      usage(3, 4),
      usage(3, 5),
      done,
    ];
    expect(await play(chunks, { choices: 2 })).toEqual(['0 "a"', '1 "b"', '0 stop', 'usage 3+9', '1 length']);
  });

  test('once for two choices is what it is', async () => {
    const chunks = [say('a'), say('b', 1), finish('stop', 1), finish('stop', 0), usage(3, 9), done];
    expect(await play(chunks, { choices: 2 })).toEqual(['0 "a"', '1 "b"', '1 stop', 'usage 3+9', '0 stop']);
  });

  test('early and late: the late one counts', async () => {
    const early = { ...say('a'), usage: usage(3, 1).usage };
    expect(await play([early, finish(), usage(3, 4), done])).toEqual(['0 "a"', 'usage 3+4', '0 stop']);
  });

  test('early alone is used when no other came', async () => {
    const early = { ...say('a'), usage: usage(3, 1).usage };
    expect(await play([early, finish(), done])).toEqual(['0 "a"', 'usage 3+1', '0 stop']);
  });

  test.each([
    [-1, 4],
    [3, 1.5],
    ['3', 4],
    [3, 1e300],
    [3, null],
  ])('that says %s and %s is ignored', async (prompt, completion) => {
    const absurd = { choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion } };
    expect(await play([say('a'), finish(), absurd, done])).toEqual(['0 "a"', '0 stop']);
  });
});

describe('text', () => {
  test('comes with roles, nulls and empty pieces around it', async () => {
    const chunks = [
      delta({ role: 'assistant', content: null }),
      delta({ role: 'assistant', content: 'a' }),
      say(''),
      say('b'),
    ];
    expect(await play([...chunks, finish(), done])).toEqual(['0 "a"', '0 "b"', '0 stop']);
  });

  test('of half a surrogate pair waits for its other half', async () => {
    const bytes = ['"a\\ud83d"', '"\\ude00b"'].map(
      (text) => `data: {"choices":[{"index":0,"delta":{"content":${text}}}]}\n\n`,
    );
    expect(await playBytes([...bytes, frame(finish())])).toEqual(['0 "a"', '0 "😀b"', '0 stop']);
  });

  test('of half a pair that stays alone becomes U+FFFD', async () => {
    const half = 'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n';
    expect(await playBytes([half, frame(say('b')), half, frame(finish())])).toEqual([
      '0 "\ufffdb"',
      '0 "\ufffd"',
      '0 stop',
    ]);
  });

  test('after a finish is dropped', async () => {
    const chunks = [say('a'), say('b', 1), finish(), say('late'), say('c', 1), finish('stop', 1), done];
    expect(await play(chunks, { choices: 2 })).toEqual(['0 "a"', '1 "b"', '0 stop', '1 "c"', '1 stop']);
  });

  test('of a refusal is a refusal', async () => {
    expect(await play([delta({ refusal: 'No.' }), finish(), done])).toEqual(['0 !No.', '0 stop']);
  });

  test('brings its logprobs along', async () => {
    const token = {
      token: 'a',
      logprob: -0.1,
      bytes: [97],
      top_logprobs: [{ token: 'b', logprob: -2, bytes: null }],
    };
    const chunk = {
      choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [token] }, finish_reason: null }],
    };
    const events = (await batchesOf([frame(chunk), frame(finish())])).flat();
    expect(events[0]).toEqual({ type: 'text-delta', choice: 0, json: 'a', logprobs: [token] });
  });

  test.each(['reasoning', 'reasoning_content'])('under %s is reasoning', async (field) => {
    expect(await play([delta({ [field]: 'hm' }), say('a'), finish(), done])).toEqual([
      '0 (hm)',
      '0 "a"',
      '0 stop',
    ]);
  });

  test('under both names of reasoning is said once', async () => {
    expect(await play([delta({ reasoning: 'hm', reasoning_content: 'hm' }), finish(), done])).toEqual([
      '0 (hm)',
      '0 stop',
    ]);
  });

  test('of reasoning details alone is reasoning, and comes back with the finish', async () => {
    const details = [{ type: 'reasoning.text', index: 0, text: 'hm' }];
    const events = (await batchesOf([frame(delta({ reasoning_details: details })), frame(finish())])).flat();
    expect(events).toEqual([
      { type: 'reasoning-delta', choice: 0, json: 'hm' },
      { type: 'finish', choice: 0, reason: 'stop', extra: { openrouter: { reasoning_details: details } } },
    ]);
  });

  test('that an upstream says once more before going on is left out', async () => {
    const chunks = [say('The mi'), say('ll turns'), finish(), done];
    expect(await play(chunks, { echo: 'The mill' })).toEqual(['0 " turns"', '0 stop']);
    expect(await play(chunks, { echo: 'The milk' })).toEqual(['failed upstream_protocol']);
  });

  test('carries the fingerprint in front, once', async () => {
    const chunks = [
      { ...say('a'), system_fingerprint: 'fp' },
      { ...say('b'), system_fingerprint: 'other' },
      finish(),
    ];
    expect(await play(chunks)).toEqual(['start fp', '0 "a"', '0 "b"', '0 stop']);
  });
});

describe('tool calls', () => {
  const call = (index: number | undefined, more: { id?: string; name?: string; args?: unknown }) =>
    delta({
      tool_calls: [
        { index, id: more.id, type: 'function', function: { name: more.name, arguments: more.args } },
      ],
    });

  test('whole in one chunk, and a finish that says stop', async () => {
    const both = delta({
      tool_calls: [
        { index: 0, id: 'c1', function: { name: 'f', arguments: '{"a":1}' } },
        { index: 1, id: 'c2', function: { name: 'g', arguments: { b: 2 } } },
      ],
    });
    expect(await play([both, finish('stop'), done])).toEqual([
      '0 call 0 c1 f',
      '0 args 0 {"a":1}',
      '0 call 1 c2 g',
      '0 args 1 {"b":2}',
      '0 tool_calls',
    ]);
  });

  test('interleaved come out one after the other, with dense indexes', async () => {
    const chunks = [
      call(3, { id: 'c1', name: 'f', args: '{"a"' }),
      call(5, { id: 'c2', name: 'g', args: '{"b"' }),
      call(3, { args: ':1}' }),
      call(5, { args: ':2}' }),
    ];
    expect(await play([...chunks, finish('tool_calls'), done])).toEqual([
      '0 call 0 c1 f',
      '0 args 0 {"a"',
      '0 args 0 :1}',
      '0 call 1 c2 g',
      '0 args 1 {"b"',
      '0 args 1 :2}',
      '0 tool_calls',
    ]);
  });

  test('with repeated ids and names say each once; missing ids are made', async () => {
    const chunks = [
      call(0, { name: 'f', args: '{' }),
      call(0, { name: 'f', args: '}' }),
      call(1, { id: 'c2', name: 'g', args: '' }),
      call(1, { id: 'c2', name: 'g', args: '[1]' }),
    ];
    expect(await play([...chunks, finish('tool_calls'), done])).toEqual([
      '0 call 0 call_7_0_0 f',
      '0 args 0 {',
      '0 args 0 }',
      '0 call 1 c2 g',
      '0 args 1 [1]',
      '0 tool_calls',
    ]);
  });

  test('without arguments get an empty object', async () => {
    expect(await play([call(0, { id: 'c', name: 'f' }), finish('tool_calls'), done])).toEqual([
      '0 call 0 c f',
      '0 args 0 {}',
      '0 tool_calls',
    ]);
  });

  test('all under index 0, or under none, are told apart by id and name', async () => {
    for (const index of [0, undefined]) {
      const chunks = [
        call(index, { id: 'c1', name: 'f', args: '{}' }),
        call(index, { id: 'c2', name: 'g', args: '{}' }),
      ];
      expect(
        (await play([...chunks, finish('tool_calls'), done])).filter((event) => event.includes('call ')),
      ).toEqual(['0 call 0 c1 f', '0 call 1 c2 g']);
    }
  });

  test('whose arguments do not join to JSON end in failure, never in a finish', async () => {
    const chunks = [call(0, { id: 'c', name: 'f', args: '{"a":' }), finish('tool_calls'), done];
    expect((await play(chunks)).at(-1)).toBe('failed upstream_protocol');
    const interleaved = [
      call(0, { id: 'c', name: 'f', args: '{}' }),
      call(1, { id: 'd', name: 'g', args: '{}' }),
      call(0, { args: '}' }),
    ];
    expect((await play(interleaved)).at(-1)).toBe('failed upstream_protocol');
  });

  test('may be torn where the tokens ran out', async () => {
    expect(
      (await play([call(0, { id: 'c', name: 'f', args: '{"a":' }), finish('length'), done])).at(-1),
    ).toBe('0 length');
  });

  test('that never get a name end in failure', async () => {
    expect((await play([call(0, { id: 'c', args: '{}' }), finish('tool_calls'), done])).at(-1)).toBe(
      'failed upstream_protocol',
    );
  });

  test('carry what the provider wants back', async () => {
    const extra = { google: { thought_signature: 'sig' } };
    const chunk = delta({
      tool_calls: [{ index: 0, id: 'c', extra_content: extra, function: { name: 'f', arguments: '{}' } }],
    });
    const [start] = (await batchesOf([frame(chunk), frame(finish())])).flat();
    expect(start).toMatchObject({ type: 'tool-call-start', extra });
  });

  test('a finish of tool_calls without any is a stop', async () => {
    expect(await play([say('a'), finish('tool_calls'), done])).toEqual(['0 "a"', '0 stop']);
  });
});

describe('errors in the stream', () => {
  test.each([
    [{ error: { message: 'boom', code: 500 } }, 'upstream_refused'],
    [{ error: { message: 'slow down', code: 429 } }, 'rate_limit_exceeded'],
    [{ error: { message: 'slow down', code: '429' } }, 'rate_limit_exceeded'],
    [{ error: { message: 'maximum context length is 5', code: 400 } }, 'context_length_exceeded'],
    [{ error: { message: 'bad field', code: 400 } }, 'invalid_value'],
    [{ error: 'boom' }, 'upstream_refused'],
  ])('%j before any output', async (event, code) => {
    expect(await play([event, done])).toEqual([`failed ${code}`]);
  });

  test('behind output are a torn answer, whatever the upstream blames', async () => {
    expect(await play([say('a'), { error: { message: 'bad field', code: 400 } }, done])).toEqual([
      '0 "a"',
      'failed upstream_cut',
    ]);
  });

  test('may be named instead', async () => {
    expect(await playBytes(['event: error\ndata: {"message": "slow down", "code": 429}\n\n'])).toEqual([
      'failed rate_limit_exceeded',
    ]);
    expect(await playBytes(['event: error\ndata: boom\n\n'])).toEqual(['failed upstream_refused']);
  });
});

describe('malformed events', () => {
  test('that can have carried no output are dropped, up to three of them', async () => {
    expect(await play([say('a'), '{"id":', 'nonsense', '[', say('b'), finish(), done])).toEqual([
      '0 "a"',
      '0 "b"',
      '0 stop',
    ]);
    expect(await play([say('a'), '{', '{', '{', '{', say('b'), finish(), done])).toEqual([
      '0 "a"',
      'failed upstream_protocol',
    ]);
  });

  test.each(['{"choices":[{"delta":{"content":"lo', '{"reasoning": x}', '{"arguments'])(
    'that show a delta tear the text: %s',
    async (data) => {
      expect(await play([say('a'), data, say('b'), finish(), done])).toEqual([
        '0 "a"',
        'failed upstream_cut',
      ]);
    },
  );

  test('of a shape that nobody can read tear the text too', async () => {
    expect(await play([say('a'), delta({ content: 5 })])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test('of bytes that are not UTF-8 tear the text', async () => {
    const bytes = Buffer.from('data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n', 'latin1');
    expect(await playBytes([frame(say('a')), bytes])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test('over the bound are a protocol error', async () => {
    expect(await play([say('a'), say('x'.repeat(2_000))], { maxEventBytes: 1_000 })).toEqual([
      '0 "a"',
      'failed upstream_protocol',
    ]);
  });

  test('of a depth that cannot be written again do no harm', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const chunk = `{"choices":[{"index":0,"delta":{"content":"a","reasoning_details":[{"x":${deep}}]},"finish_reason":"stop"}]}`;
    expect(await play([chunk, done])).toEqual(['0 "a"', '0 stop']);
  });

  test('with more than is parsed of one are a protocol error, in the answer and in an error', async () => {
    const many = `{"choices":[${'{},'.repeat(100_000)}{}]}`;
    expect(await play([say('a'), many])).toEqual(['0 "a"', 'failed upstream_protocol']);
    expect(await playBytes([`event: error\ndata: ${many}\n\n`])).toEqual(['failed upstream_protocol']);
  });

  test('with more choices than anybody asks for are not read', async () => {
    const many = `{"choices":[${'{},'.repeat(2_000)}{"delta":{"content":"a"}}]}`;
    expect(await play([many])).toEqual(['failed upstream_cut']);
  });

  test('unknown events, empty ones and unknown fields are none', async () => {
    const bytes = [
      'event: ping\ndata: {"type":"ping"}\n\n',
      'data:\n\n',
      'id: 4\nretry: 5\nfoo: bar\n\n',
      frame({ ...say('a'), x: 1 }),
    ];
    expect(await playBytes([...bytes, frame(finish())])).toEqual(['0 "a"', '0 stop']);
  });
});

describe('a 200 that is no stream', () => {
  const json = { contentType: 'application/json' };

  test('and holds more than is parsed of one is not parsed', async () => {
    const parser = vi.spyOn(JSON, 'parse');
    const heard = await playBytes([`{"x":[${'{},'.repeat(300_000)}{}],"choices":[]}`], json);
    const parses = parser.mock.calls.length;
    parser.mockRestore();
    expect(heard).toEqual(['failed upstream_protocol']);
    expect(parses).toBe(0);
  });

  test('but a completion becomes its events', async () => {
    const message = {
      role: 'assistant',
      content: 'Hi 😀',
      reasoning_content: 'hm',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
    };
    const completion = {
      choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
      ...{ usage: usage().usage },
    };
    expect(await playBytes([JSON.stringify(completion, null, 2)], json)).toEqual([
      '0 (hm)',
      '0 "Hi 😀"',
      '0 call 0 c f',
      '0 args 0 {}',
      'usage 3+4',
      '0 tool_calls',
    ]);
  });

  test.each([
    ['an error', '{"error":{"message":"slow down","code":429}}', 'rate_limit_exceeded'],
    ['an error that says no more', '{"error":{"message":"boom"}}', 'upstream_protocol'],
    ['some other object', '{"hello":"world"}', 'upstream_protocol'],
    ['a torn one', '{"choices":[', 'upstream_protocol'],
    ['a completion without finish', '{"choices":[{"message":{"content":""}}]}', 'upstream_protocol'],
  ])('but %s', async (_name, body, code) => {
    expect(await playBytes([body], json)).toEqual([`failed ${code}`]);
  });

  test('but a page, or nothing at all', async () => {
    expect(await playBytes(['<!doctype html><p>content'], { contentType: 'text/html' })).toEqual([
      'failed upstream_protocol',
    ]);
    expect(await playBytes([], { contentType: '' })).toEqual(['failed upstream_protocol']);
    expect(await playBytes([])).toEqual(['failed upstream_protocol']);
  });

  test('by its header, and one all the same', async () => {
    const bytes = frame(say('a')) + frame(finish()) + frame(done);
    for (const contentType of ['', 'text/plain']) {
      expect(await playBytes([`: hi\n\n${bytes}`], { contentType })).toEqual(['0 "a"', '0 stop']);
    }
  });
});

describe('framing', () => {
  const plain = [say('a\u2028b'), say('😀'), finish(), usage(), done].map(frame).join('');
  test.each([
    ['CRLF', plain.replaceAll('\n', '\r\n')],
    ['CR', plain.replaceAll('\n', '\r')],
    ['a byte order mark', `\ufeff${plain}`],
    ['no space after the colon', plain.replaceAll('data: ', 'data:')],
    ['comments between', plain.replaceAll('\n\n', '\n\n: ping\n\n')],
    ['no blank line after [DONE]', plain.trimEnd()],
    ['trailing junk', `${plain}\u0000garbage`],
  ])('%s, in one piece and byte by byte', async (_name, text) => {
    const expected = ['0 "a\u2028b"', '0 "😀"', 'usage 3+4', '0 stop'];
    expect(await playBytes([text])).toEqual(expected);
    expect(await playBytes(Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte)))).toEqual(expected);
  });
});

describe('batches', () => {
  test('are one a read, empty where the upstream made progress, and none for comments', async () => {
    const pieces = [
      ': ping\n\n',
      frame(delta({ role: 'assistant', content: '' })),
      ': ping\n\n',
      frame(say('a')) + frame(say('b')),
      frame(finish()) + frame(done),
    ];
    const batches = await batchesOf(pieces);
    expect(batches.map((batch) => batch.map(short))).toEqual([[], ['0 "a"', '0 "b"'], ['0 stop']]);
  });
});
