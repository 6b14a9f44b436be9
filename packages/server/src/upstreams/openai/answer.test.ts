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
const textChunk = (content: string, index = 0) => delta({ content }, null, index);
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
    case 'other-delta':
      return `${event.choice} ${event.field}=${event.value}`;
    case 'usage':
      return `usage ${event.usage.promptTokens}+${event.usage.completionTokens}`;
    case 'finish':
      return `${event.choice} ${event.reason}`;
    case 'failed':
      return `failed ${event.failure.code}`;
  }
}

describe('the finish', () => {
  test('is held for the usage that comes after it', async () => {
    expect(await play([textChunk('a'), finish(), usage(), done])).toEqual(['0 "a"', 'usage 3+4', '0 stop']);
  });

  test('may come in the chunk of the last content', async () => {
    expect(await play([delta({ content: 'a' }, 'stop'), usage(), done])).toEqual([
      '0 "a"',
      'usage 3+4',
      '0 stop',
    ]);
  });

  test('makes the answer whole without [DONE] and without usage', async () => {
    expect(await play([textChunk('a'), finish()])).toEqual(['0 "a"', '0 stop']);
  });

  test('makes the answer whole although the connection is cut after it', async () => {
    const cut = failure('upstream_cut', 'cut');
    expect(
      (await batchesOf(fakeBody([frame(textChunk('a')) + frame(finish())], cut))).flat().map(short),
    ).toEqual(['0 "a"', '0 stop']);
  });

  test('is the last one', async () => {
    expect(
      await play([textChunk('a'), finish(), textChunk('late'), finish('length'), usage(), done]),
    ).toEqual(['0 "a"', '0 "late"', 'usage 3+4', '0 length']);
  });

  test('is not changed by an error after it, nor by an event that cannot be read and has no output', async () => {
    const noise = [{ error: { message: 'late' } }, '{"usage'];
    expect(await play([textChunk('a'), finish(), ...noise, usage(), done])).toEqual([
      '0 "a"',
      'usage 3+4',
      '0 stop',
    ]);
  });

  test('is held for `finishWaitMs` at most; then the connection is released', async () => {
    vi.useFakeTimers();
    try {
      const body = fakeBody([frame(textChunk('a')) + frame(finish())], 'stays open');
      const played = batchesOf(body, { finishWaitMs: 2_000 });
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

  test('is held longer while no pull waits: the usage may have come unread', async () => {
    vi.useFakeTimers();
    try {
      const body = fakeBody([frame(textChunk('a')) + frame(finish()), frame(usage()) + frame(done)]);
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

  test('is dropped by an abort while it is held, and its timer is cleared', async () => {
    vi.useFakeTimers();
    try {
      const abort = new AbortController();
      const body = fakeBody([frame(textChunk('a')) + frame(finish())], 'stays open');
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
    ['sensitive', 'content_filter'],
    ['SAFETY', 'content_filter'],
    ['refusal', 'content_filter'],
    ['model_context_window_exceeded', 'length'],
    ['MAX_TOKENS', 'length'],
    ['STOP', 'stop'],
    ['end_turn', 'stop'],
    ['tool_use', 'stop'],
    ['guardrail_intervened', 'content_filter'],
    ['content-filter', 'content_filter'],
    ['ERROR_TOXIC', 'content_filter'],
    ['token_limit', 'length'],
  ])('with the reason %s is %s', async (reason, expected) => {
    const frames = [textChunk('a'), finish(reason), done].map(frame).join('');
    for (const pieces of [[frames], Array.from(Buffer.from(frames), (byte) => Uint8Array.of(byte))]) {
      expect(await playBytes(pieces)).toEqual(['0 "a"', `0 ${expected}`]);
    }
  });

  test.each(['error', 'abort', 'toString'])('with the reason %s tears the answer', async (reason) => {
    expect(await play([textChunk('a'), finish(reason), done])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test.each<[string, readonly unknown[]]>([
    [
      'beside the role and at the end',
      [delta({ role: 'assistant' }, 'stop'), textChunk('Hello'), textChunk(' world'), finish()],
    ],
    ['on every chunk', ['Hel', 'lo', ' world'].map((content) => delta({ content }, 'stop'))],
    [
      'on every chunk, as another reason before',
      [delta({ content: 'Hello' }, 'length'), delta({ content: ' world' }, 'stop')],
    ],
    ['before the last words, with [DONE]', [textChunk('Hello'), finish(), textChunk(' world'), done]],
    [
      'on empty chunks before the text',
      [finish(), finish(), textChunk('Hello'), textChunk(' world'), finish()],
    ],
    [
      'as the text "null" on every chunk',
      [delta({ content: 'Hello' }, 'null'), delta({ content: ' world' }, 'null'), finish()],
    ],
    [
      'as an unknown word on every chunk',
      [delta({ content: 'Hello' }, 'generating'), delta({ content: ' world' }, 'stop')],
    ],
    [
      'as an empty text on every chunk',
      [delta({ content: 'Hello' }, ''), delta({ content: ' world' }, ''), finish()],
    ],
  ])('%s is one finish after all text', async (_, chunks) => {
    for (const end of [[], [done], [usage(), done]]) {
      const played = await play([...chunks, ...end]);
      const texts = played.filter((event) => event.includes('"')).map((event) => event.slice(3, -1));
      expect(texts.join('')).toBe('Hello world');
      expect(played.filter((event) => /^0 (stop|length)/.test(event))).toEqual(['0 stop']);
      expect(played.at(-1)).toBe('0 stop');
    }
  });

  const call = (index: number, id: string, name: string) =>
    delta(
      { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '{}' } }] },
      'tool_calls',
    );

  test('on each of several calls is one finish after all calls', async () => {
    expect(await play([call(0, 'a', 'w'), call(1, 'b', 'x')])).toEqual([
      '0 call 0 a w',
      '0 args 0 {}',
      '0 call 1 b x',
      '0 args 1 {}',
      '0 tool_calls',
    ]);
  });

  test('within the arguments of a call ends nothing', async () => {
    const piece = (text: string) =>
      delta({ tool_calls: [{ index: 0, function: { arguments: text } }] }, 'tool_calls');
    const begun = delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f' } }] }, 'tool_calls');
    const args = (await play([begun, piece('{"a":'), piece('"\\ud83d'), piece('\\ude00"}')]))
      .filter((event) => event.includes('args'))
      .map((event) => event.slice(9));
    expect(args.join('')).toBe('{"a":"\\ud83d\\ude00"}');
  });

  test.each<[string, (string | Uint8Array)[], 'ends' | 'cut']>([
    [
      'then output and the end of the body',
      [frame(delta({ content: 'Hel' }, 'stop')), frame(textChunk('lo'))],
      'ends',
    ],
    ['then output and a cut', [frame(delta({ content: 'Hel' }, 'stop')), frame(textChunk('lo'))], 'cut'],
    [
      'then output and an error',
      [frame(delta({ content: 'Hel' }, 'stop')), frame(textChunk('lo')), frame({ error: { message: 'x' } })],
      'ends',
    ],
    ['on every chunk, then a cut', ['Hel', 'lo'].map((content) => frame(delta({ content }, 'stop'))), 'cut'],
    [
      'on every chunk, then an error',
      [
        ...['Hel', 'lo'].map((content) => frame(delta({ content }, 'stop'))),
        frame({ error: { message: 'x' } }),
      ],
      'ends',
    ],
    [
      'then output that cannot be read',
      [frame(delta({ content: 'Hel' }, 'stop')), frame('{"choices":[{"delta":{"content":"lo')],
      'ends',
    ],
    [
      'then half of an event with output',
      [frame(delta({ content: 'Hel' }, 'stop')), 'data: {"choices":[{"delta":{"content":"lo'],
      'ends',
    ],
    [
      'before any output, then an error',
      [frame(delta({ role: 'assistant' }, 'stop')), frame({ error: { message: 'x' } })],
      'ends',
    ],
    ['before any output, then a cut', [frame(delta({ role: 'assistant' }, 'stop'))], 'cut'],
  ])('%s is a failure', async (_, pieces, end) => {
    const body = fakeBody(pieces, end === 'ends' ? 'ends' : failure('upstream_cut', 'cut'));
    const events = (await batchesOf(body)).flat();
    expect(events.at(-1)?.type).toBe('failed');
    expect(events.filter(({ type }) => type === 'finish')).toEqual([]);
  });

  test('before any output waits for the end of the body and not for a time', async () => {
    vi.useFakeTimers();
    try {
      const body = fakeBody([frame(delta({ role: 'assistant' }, 'stop'))], 'stays open');
      const played = batchesOf(body);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(body.released).toBe(false);
      body.release();
      expect((await played).flat().map(short)).toEqual(['0 stop']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('is held for the whole time again after each event', async () => {
    vi.useFakeTimers();
    try {
      const body = fakeBody([frame(delta({ content: 'a' }, 'stop'))], 'stays open');
      const later = [frame(delta({ content: 'b' }, 'stop')), frame(usage())];
      const { pull } = body;
      let pulls = 0;
      // Each later event comes 1.9 s after the one before.
      body.pull = (receiver) => {
        pulls += 1;
        const piece = pulls > 1 ? later.shift() : undefined;
        if (piece === undefined) pull.call(body, receiver);
        else setTimeout(() => receiver.bytes(Buffer.from(piece), 0, piece.length), 1_900);
      };
      const played = batchesOf(body, { finishWaitMs: 2_000 });
      // The second finish shows that the first one was wrong: the wait is longer then.
      await vi.advanceTimersByTimeAsync(3_800 + 4_900);
      expect(body.released).toBe(false);
      await vi.advanceTimersByTimeAsync(200);
      expect((await played).flat().map(short)).toEqual(['0 "a"', '0 "b"', 'usage 3+4', '0 stop']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('that is missing is a cut, with and without [DONE]', async () => {
    expect(await play([textChunk('a'), done])).toEqual(['0 "a"', 'failed upstream_cut']);
    expect(await play([textChunk('a')])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test('of only one of two choices is a cut', async () => {
    expect(await play([textChunk('a'), textChunk('b', 1), finish(), done], { choices: 2 })).toEqual([
      '0 "a"',
      '1 "b"',
      'failed upstream_cut',
    ]);
  });

  test('releases the connection for the next request, and a torn answer does not', async () => {
    const whole = fakeBody([frame(textChunk('a')) + frame(finish()) + frame(done)]);
    await batchesOf(whole);
    expect(whole.released).toBe(true);
    const torn = fakeBody([frame(textChunk('a')) + frame(finish('error'))]);
    await batchesOf(torn);
    expect(torn.released).toBe(false);
  });
});

describe('the index of a choice', () => {
  const pieces = ['Hel', 'lo', ' wor', 'ld'];

  test.each<[string, readonly unknown[]]>([
    ['counts', [0, 1, 2, 3, 0]],
    ['begins with 1', [1, 1, 1, 1, 1]],
    ['is a text', ['0', '0', '0', '0', '0']],
    ['is absent', [undefined, undefined, undefined, undefined, undefined]],
    ['is null', [null, null, null, null, null]],
    ['differs at the finish', [0, 1, 2, 2, 0]],
    ['is negative, and is no whole number', [-1, 0.5, 7e9, true, {}]],
  ])('that %s means the only choice', async (_, indexes) => {
    const chunks = [...pieces.map((content) => delta({ content })), finish()].map((chunk, at) => ({
      ...chunk,
      choices: [{ ...chunk.choices[0], index: indexes[at] }],
    }));
    expect(await play([...chunks, done])).toEqual([...pieces.map((piece) => `0 "${piece}"`), '0 stop']);
  });

  test('of a JSON answer means the only choice', async () => {
    const message = { role: 'assistant', content: 'Hello' };
    const answer = { choices: [{ index: 1, message, finish_reason: 'stop' }] };
    const options = { contentType: 'application/json' };
    expect(await playBytes([JSON.stringify(answer)], options)).toEqual(['0 "Hello"', '0 stop']);
    const two = { choices: [0, 1].map((index) => ({ index, message, finish_reason: 'stop' })) };
    expect(await playBytes([JSON.stringify(two)], options)).toEqual(['failed upstream_protocol']);
  });

  test('of two outputs in one event is a failure; beside a choice without output it is not', async () => {
    const both = { choices: [textChunk('a').choices[0], textChunk('b', 1).choices[0]] };
    expect(await play([both, finish(), done])).toEqual(['failed upstream_protocol']);
    const one = { choices: [textChunk('a').choices[0], finish('stop', 1).choices[0]] };
    expect(await play([one, done])).toEqual(['0 "a"', '0 stop']);
  });

  test('outside of the requested ones is a cut, and without output nothing', async () => {
    const chunks = [textChunk('a'), textChunk('b', 1), finish(), finish('stop', 1)];
    expect(await play([...chunks, finish('stop', 2), done], { choices: 2 })).toContain('1 stop');
    expect(await play([...chunks, textChunk('c', 2), done], { choices: 2 })).toContain('failed upstream_cut');
    const named = [delta({ content: 'a' }), { choices: [{ index: '1', delta: { content: 'b' } }] }];
    expect(await play([...named, finish(), finish('stop', 1), done], { choices: 2 })).toContain('1 "b"');
  });
});

describe('usage', () => {
  test('in the chunk of the finish is the usage of the answer', async () => {
    const both = { ...finish(), ...{ usage: usage().usage } };
    const body = fakeBody([frame(textChunk('a')) + frame(both) + frame(done)], 'stays open');
    expect((await batchesOf(body)).flat().map(short)).toEqual(['0 "a"', 'usage 3+4', '0 stop']);
  });

  test('for each choice is summed, with the prompt counted once', async () => {
    const chunks = [
      textChunk('a'),
      textChunk('b', 1),
      finish('stop', 0),
      finish('length', 1),
      usage(3, 4),
      usage(3, 5),
      done,
    ];
    expect(await play(chunks, { choices: 2 })).toEqual(['0 "a"', '1 "b"', 'usage 3+9', '0 stop', '1 length']);
  });

  test('that comes once for two choices counts as it is', async () => {
    const chunks = [
      textChunk('a'),
      textChunk('b', 1),
      finish('stop', 1),
      finish('stop', 0),
      usage(3, 9),
      done,
    ];
    expect(await play(chunks, { choices: 2 })).toEqual(['0 "a"', '1 "b"', 'usage 3+9', '0 stop', '1 stop']);
  });

  test('that comes early and late: the late one counts', async () => {
    const early = { ...textChunk('a'), usage: usage(3, 1).usage };
    expect(await play([early, finish(), usage(3, 4), done])).toEqual(['0 "a"', 'usage 3+4', '0 stop']);
  });

  test('that comes early is used where no later one comes', async () => {
    const early = { ...textChunk('a'), usage: usage(3, 1).usage };
    expect(await play([early, finish(), done])).toEqual(['0 "a"', 'usage 3+1', '0 stop']);
  });

  test.each([
    [-1, 'many'],
    [0, 0],
    [null, undefined],
    [[], {}],
  ])('with the counts %s and %s is ignored', async (prompt, completion) => {
    const absurd = { choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion } };
    expect(await play([textChunk('a'), finish(), absurd, done])).toEqual(['0 "a"', '0 stop']);
  });
});

describe('text', () => {
  test('may come with roles, nulls and empty pieces around it', async () => {
    const chunks = [
      delta({ role: 'assistant', content: null }),
      delta({ role: 'assistant', content: 'a' }),
      textChunk(''),
      textChunk('b'),
    ];
    expect(await play([...chunks, finish(), done])).toEqual(['0 "a"', '0 "b"', '0 stop']);
  });

  test('that ends in half a surrogate pair: the half is held for its other half', async () => {
    const bytes = ['"a\\ud83d"', '"\\ude00b"'].map(
      (text) => `data: {"choices":[{"index":0,"delta":{"content":${text}}}]}\n\n`,
    );
    expect(await playBytes([...bytes, frame(finish())])).toEqual(['0 "a"', '0 "😀b"', '0 stop']);
  });

  test('with half a surrogate pair alone: the half becomes U+FFFD', async () => {
    const half = 'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n';
    expect(await playBytes([half, frame(textChunk('b')), half, frame(finish())])).toEqual([
      '0 "\ufffdb"',
      '0 "\ufffd"',
      '0 stop',
    ]);
  });

  test('after the finish of its choice is emitted', async () => {
    const chunks = [
      textChunk('a'),
      textChunk('b', 1),
      finish(),
      textChunk('late'),
      textChunk('c', 1),
      finish('stop', 1),
      done,
    ];
    expect(await play(chunks, { choices: 2 })).toEqual([
      '0 "a"',
      '1 "b"',
      '0 "late"',
      '1 "c"',
      '0 stop',
      '1 stop',
    ]);
  });

  test('in the field `refusal` is a refusal', async () => {
    expect(await play([delta({ refusal: 'No.' }), finish(), done])).toEqual(['0 !No.', '0 stop']);
  });

  test('keeps its log probabilities', async () => {
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

  test.each(['reasoning', 'reasoning_content'])('in the field `%s` is reasoning', async (field) => {
    expect(await play([delta({ [field]: 'hm' }), textChunk('a'), finish(), done])).toEqual([
      '0 (hm)',
      '0 "a"',
      '0 stop',
    ]);
  });

  test('in both fields of reasoning is emitted once', async () => {
    expect(await play([delta({ reasoning: 'hm', reasoning_content: 'hm' }), finish(), done])).toEqual([
      '0 (hm)',
      '0 stop',
    ]);
  });

  test('in reasoning details alone is reasoning, and the finish carries the details', async () => {
    const details = [{ type: 'reasoning.text', index: 0, text: 'hm' }];
    const events = (await batchesOf([frame(delta({ reasoning_details: details })), frame(finish())])).flat();
    expect(events).toEqual([
      { type: 'reasoning-delta', choice: 0, json: 'hm' },
      { type: 'finish', choice: 0, reason: 'stop', extra: { openrouter: { reasoning_details: details } } },
    ]);
  });

  test('that repeats the prefix is left out', async () => {
    const chunks = [textChunk('The mi'), textChunk('ll turns'), finish(), done];
    expect(await play(chunks, { echo: 'The mill' })).toEqual(['0 " turns"', '0 stop']);
    expect(await play(chunks, { echo: 'The milk' })).toEqual(['failed upstream_protocol']);
  });

  test('comes after one `start` with the fingerprint', async () => {
    const chunks = [
      { ...textChunk('a'), system_fingerprint: 'fp' },
      { ...textChunk('b'), system_fingerprint: 'other' },
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

  test('that come whole in one chunk, with the finish reason stop, finish with tool_calls', async () => {
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

  test('that come interleaved are emitted one after the other, with indexes without gaps', async () => {
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

  test('with repeated ids and names have each once; a missing id is generated', async () => {
    const chunks = [
      call(0, { name: 'f', args: '{' }),
      call(0, { name: 'f', args: '}' }),
      call(1, { id: 'c2', name: 'g', args: '' }),
      call(1, { id: 'c2', name: 'g', args: '{"b":1}' }),
    ];
    expect(await play([...chunks, finish('tool_calls'), done])).toEqual([
      '0 call 0 call_7_0_0 f',
      '0 args 0 {}',
      '0 call 1 c2 g',
      '0 args 1 {"b":1}',
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

  test('that all have index 0, or no index, are distinguished by id and name', async () => {
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

  test('whose arguments are no JSON object end in a failure, never in a finish', async () => {
    const chunks = [call(0, { id: 'c', name: 'f', args: '{"a":' }), finish('tool_calls'), done];
    expect((await play(chunks)).at(-1)).toBe('failed upstream_protocol');
    const interleaved = [
      call(0, { id: 'c', name: 'f', args: '{}' }),
      call(1, { id: 'd', name: 'g', args: '{}' }),
      call(0, { args: '}' }),
    ];
    expect((await play([...interleaved, finish('tool_calls'), done])).at(-1)).toBe(
      'failed upstream_protocol',
    );
  });

  test('may have cut arguments where the choice ran out of tokens', async () => {
    expect(
      (await play([call(0, { id: 'c', name: 'f', args: '{"a":' }), finish('length'), done])).at(-1),
    ).toBe('0 length');
  });

  test('without a name end in a failure', async () => {
    expect((await play([call(0, { id: 'c', args: '{}' }), finish('tool_calls'), done])).at(-1)).toBe(
      'failed upstream_protocol',
    );
  });

  test('have the extra content of the provider', async () => {
    const extra = { google: { thought_signature: 'sig' } };
    const chunk = delta({
      tool_calls: [{ index: 0, id: 'c', extra_content: extra, function: { name: 'f', arguments: '{}' } }],
    });
    const [start] = (await batchesOf([frame(chunk), frame(finish())])).flat();
    expect(start).toMatchObject({ type: 'tool-call-start', extra });
  });

  test('are missing: the finish reason tool_calls becomes stop', async () => {
    expect(await play([textChunk('a'), finish('tool_calls'), done])).toEqual(['0 "a"', '0 stop']);
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

  test('after output tear the answer, also where the upstream blames the request', async () => {
    expect(await play([textChunk('a'), { error: { message: 'bad field', code: 400 } }, done])).toEqual([
      '0 "a"',
      'failed upstream_cut',
    ]);
  });

  test('may come in an event with the name `error`', async () => {
    expect(await playBytes(['event: error\ndata: {"message": "slow down", "code": 429}\n\n'])).toEqual([
      'failed rate_limit_exceeded',
    ]);
    expect(await playBytes(['event: error\ndata: boom\n\n'])).toEqual(['failed upstream_refused']);
  });
});

describe('malformed events', () => {
  test('that cannot carry output are dropped, up to three of them', async () => {
    expect(await play([textChunk('a'), '{"x":', 'nonsense', '[', textChunk('b'), finish(), done])).toEqual([
      '0 "a"',
      '0 "b"',
      '0 stop',
    ]);
    expect(await play([textChunk('a'), '{"x', '[', '{"x', '[', textChunk('b'), finish(), done])).toEqual([
      '0 "a"',
      'failed upstream_protocol',
    ]);
  });

  test.each(['{"choices":[{"delta":{"content":"lo', '{"reasoning": x}', '{"arguments'])(
    'that hold part of a delta tear the answer: %s',
    async (data) => {
      expect(await play([textChunk('a'), data, textChunk('b'), finish(), done])).toEqual([
        '0 "a"',
        'failed upstream_cut',
      ]);
    },
  );

  test('with an unknown shape of content tear the answer too', async () => {
    expect(await play([textChunk('a'), delta({ content: 5 })])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test('with bytes that are not UTF-8 tear the answer', async () => {
    const bytes = Buffer.from('data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n', 'latin1');
    expect(await playBytes([frame(textChunk('a')), bytes])).toEqual(['0 "a"', 'failed upstream_cut']);
  });

  test('that are too large are a protocol error', async () => {
    expect(await play([textChunk('a'), textChunk('x'.repeat(2_000))], { maxEventBytes: 1_000 })).toEqual([
      '0 "a"',
      'failed upstream_protocol',
    ]);
  });

  test('with details nested too deep to be written again lose only these', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const chunk = `{"choices":[{"index":0,"delta":{"content":"a","reasoning_details":[{"x":${deep}}]},"finish_reason":"stop"}]}`;
    expect(await play([chunk, done])).toEqual(['0 "a"', '0 stop']);
  });

  test('with more fields than are parsed are a protocol error, also in an event with the name `error`', async () => {
    const many = `{"choices":[${'{},'.repeat(100_000)}{}]}`;
    expect(await play([textChunk('a'), many])).toEqual(['0 "a"', 'failed upstream_protocol']);
    expect(await playBytes([`event: error\ndata: ${many}\n\n`])).toEqual(['failed upstream_protocol']);
  });

  test('with more choices than a request can have are not read', async () => {
    const many = `{"choices":[${'{},'.repeat(2_000)}{"delta":{"content":"a"}}]}`;
    expect(await play([many])).toEqual(['failed upstream_cut']);
  });

  test('do not include unknown events, empty events and events with unknown fields', async () => {
    const bytes = [
      'event: ping\ndata: {"type":"ping"}\n\n',
      'data:\n\n',
      'id: 4\nretry: 5\nfoo: bar\n\n',
      frame({ ...textChunk('a'), x: 1 }),
    ];
    expect(await playBytes([...bytes, frame(finish())])).toEqual(['0 "a"', '0 stop']);
  });
});

describe('an answer with status 200 that is no event stream', () => {
  const json = { contentType: 'application/json' };

  test('is not parsed where it exceeds the bounds', async () => {
    const parser = vi.spyOn(JSON, 'parse');
    const events = await playBytes([`{"x":[${'{},'.repeat(300_000)}{}],"choices":[]}`], json);
    const parses = parser.mock.calls.length;
    parser.mockRestore();
    expect(events).toEqual(['failed upstream_protocol']);
    expect(parses).toBe(0);
  });

  test('becomes events where it is a completion', async () => {
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
    ['an error without a status', '{"error":{"message":"boom"}}', 'upstream_protocol'],
    ['another object', '{"hello":"world"}', 'upstream_protocol'],
    ['a cut completion', '{"choices":[', 'upstream_protocol'],
    ['a completion without finish', '{"choices":[{"message":{"content":""}}]}', 'upstream_protocol'],
  ])('fails where it is %s', async (_name, body, code) => {
    expect(await playBytes([body], json)).toEqual([`failed ${code}`]);
  });

  test('fails where it is a page, or empty', async () => {
    expect(await playBytes(['<!doctype html><p>content'], { contentType: 'text/html' })).toEqual([
      'failed upstream_protocol',
    ]);
    expect(await playBytes([], { contentType: '' })).toEqual(['failed upstream_protocol']);
    expect(await playBytes([])).toEqual(['failed upstream_protocol']);
  });

  test('by its content type is read as a stream where its bytes are one', async () => {
    const bytes = frame(textChunk('a')) + frame(finish()) + frame(done);
    for (const contentType of ['', 'text/plain']) {
      expect(await playBytes([`: hi\n\n${bytes}`], { contentType })).toEqual(['0 "a"', '0 stop']);
    }
  });
});

describe('framing', () => {
  const plain = [textChunk('a\u2028b'), textChunk('😀'), finish(), usage(), done].map(frame).join('');
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
  test('come one for each read with an event, empty where the events have no output; a comment brings none', async () => {
    const pieces = [
      ': ping\n\n',
      frame(delta({ role: 'assistant', content: '' })),
      ': ping\n\n',
      frame(textChunk('a')) + frame(textChunk('b')),
      frame(finish()) + frame(done),
    ];
    const batches = await batchesOf(pieces);
    expect(batches.map((batch) => batch.map(short))).toEqual([[], ['0 "a"', '0 "b"'], ['0 stop']]);
  });
});
