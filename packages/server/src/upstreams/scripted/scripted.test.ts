import { decodeJsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pullOnce } from '../../domain/batches.ts';
import type { Message } from '../../domain/chat-request.ts';
import { fakeChatRequest } from '../../domain/fake-chat-request.ts';
import { features } from '../../domain/requirements.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { describeUpstream, readStream, type UpstreamScenario } from '../contract.suite.ts';
import type { UpstreamCall } from '../contract.ts';
import { parseScript } from './load-script.ts';
import { cut } from './script.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted.ts';
import type { ScriptClock } from './scripted-stream.ts';

function user(text: string): Message {
  return { role: 'user', content: [{ type: 'text', text }] };
}

function call(text: string | Message[], more: { n?: number; model?: string } = {}): UpstreamCall {
  const { n = 1, model = 'any' } = more;
  const messages = typeof text === 'string' ? [user(text)] : text;
  const request = fakeChatRequest('', { model, messages, n });
  return { request, model, keyId: 'key', completionId: 'chatcmpl-1' };
}

/** A clock whose waits end at once, and are recorded. */
function recordingClock(): ScriptClock & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    wait: async (ms) => {
      waits.push(ms);
    },
  };
}

async function upstreamOf(yaml: string, clock: ScriptClock = recordingClock()): Promise<ScriptedUpstream> {
  const parsed = parseScript(yaml, 'answers.yaml');
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const created = await createScriptedUpstream({ name: 'lab', script: parsed.script, clock });
  if (!created.ok) throw new Error(created.problems.join('\n'));
  return created.upstream;
}

const oddCalls: readonly (readonly [name: string, asked: UpstreamCall])[] = [
  ['no messages', call([])],
  ['no text', call([{ role: 'user', content: [] }])],
  ['no user', call([{ role: 'system', content: [{ type: 'text', text: 'be' }] }])],
  ['many choices', call('Hi', { n: 128 })],
  ['no choices', call('Hi', { n: 0 })],
  ['half a character', call('\ud83d')],
  ['white space alone', call(' \n\t '.repeat(1_000))],
];

/** The batches of one call, not checked against the grammar. */
async function batches(upstream: ScriptedUpstream, asked: UpstreamCall): Promise<StreamEvent[][]> {
  const stream = upstream.open(asked, new AbortController().signal);
  const all: StreamEvent[][] = [];
  for (let pulled = await pullOnce(stream); pulled.done !== true; pulled = await pullOnce(stream))
    all.push([...pulled.value]);
  return all;
}

/** The deltas of a script with these steps, as text. */
async function deltasOf(steps: string, asked = call('Hello there')): Promise<string[]> {
  const upstream = await upstreamOf(`answers: [{steps: ${steps}}]`);
  const events = (await batches(upstream, asked)).flat();
  return events.flatMap((event) => (event.type === 'text-delta' ? [decodeJsonText(event.json)] : []));
}

const scenarios: Record<UpstreamScenario, { steps: string; n?: number }> = {
  text: { steps: '[start, {text: "The mill turns as long as the water runs."}]' },
  'other text': { steps: '[{text: "Nothing but the truth.", every: 1ms}]' },
  long: { steps: '[{repeat: {times: 200, steps: [{text: " on and on"}]}}]' },
  silent: { steps: '[start, {wait: 24h}, {text: late}]' },
  stalls: { steps: '[{text: once}, hang]' },
  'two choices': { steps: '[{text: a b c}]', n: 2 },
  reasoning: { steps: '[{reasoning: hm hm}, {text: yes}]' },
  'other output': { steps: '[{text: see}, {other: {field: images, value: [{url: "a 😀"}]}}, {text: there}]' },
  'tool calls': {
    steps:
      '[{tool_call: {name: f, arguments: {a: 1, b: [x]}, pieces: 3}}, {tool_call: {name: g}}, {tool_call: {name: h, arguments: "[]"}}]',
  },
  'fails at once': { steps: '[{fail: {code: upstream_refused}}]' },
  'fails midway': { steps: '[{text: half of}, {fail: {code: upstream_cut, message: "Cut."}}]' },
};

describeUpstream('scripted, on the system clock', async () => {
  const answers = Object.entries(scenarios).map(
    ([name, { steps }]) => `  - {when: {last_message_matches: "^${name}$"}, steps: ${steps}}`,
  );
  const parsed = parseScript(`answers:\n${answers.join('\n')}\n`, 'answers.yaml');
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const created = await createScriptedUpstream({ name: 'lab', script: parsed.script });
  if (!created.ok) throw new Error(created.problems.join('\n'));
  const { upstream } = created;
  return {
    upstream,
    call: (scenario) => call(scenario, { n: scenarios[scenario].n ?? 1 }),
    released: async () => {
      if (upstream.active > 0) throw new Error(`${upstream.active} streams are still being played`);
    },
    close: async () => {},
  };
});

describe('text', () => {
  test('is cut into words by default, and the words join to the text', async () => {
    expect(await deltasOf('[{text: "Hello  there,\\nyou. "}]')).toEqual(['Hello', '  there,', '\nyou.', ' ']);
  });

  test('is cut into characters, never inside a surrogate pair', async () => {
    expect(await deltasOf('[{text: "a\u{1f600}b\u{1f600}c", chunk: 2 characters}]')).toEqual([
      'a\u{1f600}',
      'b\u{1f600}',
      'c',
    ]);
  });

  test('is cut as its list is, but halves of a character are joined and empty pieces are dropped', async () => {
    expect(await deltasOf('[{text: [Hel, "", "lo \\uD83D", "\\uDE00"]}]')).toEqual(['Hel', 'lo ', '😀']);
    expect(await deltasOf('[{text: ["a\\uD83D"]}]')).toEqual(['a', '\ufffd']);
  });

  test('may have other output beside it, for one choice too, in ASCII', async () => {
    const steps = '[{text: see}, {other: {field: images, value: [{a: "ü"}]}, choice: 1}, {text: there}]';
    const upstream = await upstreamOf(`answers: [{steps: ${steps}}]`);
    const events = (await batches(upstream, call('x', { n: 2 }))).flat();
    expect(events.filter(({ type }) => type === 'other-delta')).toEqual([
      { type: 'other-delta', choice: 1, field: 'images', value: '[{"a":"\\u00fc"}]' },
    ]);
    for (const wrong of ['{field: content, value: a}', '{field: images, value: []}', '{value: a}']) {
      expect(parseScript(`answers: [{steps: [{other: ${wrong}}]}]`, 'answers.yaml').ok).toBe(false);
    }
  });

  test('may be followed by reasoning, which keeps its place', async () => {
    const upstream = await upstreamOf('answers: [{steps: [{reasoning: a}, {text: b}, {reasoning: c}]}]');
    const types = (await batches(upstream, call('x'))).flat().map((event) => event.type);
    expect(types).toEqual(['reasoning-delta', 'text-delta', 'reasoning-delta', 'usage', 'finish']);
  });

  test('is the join of its deltas, with any chunk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('words', 'characters'),
        async (text, count, unit) => {
          const deltas = await deltasOf(`[{text: ${JSON.stringify(text)}, chunk: ${count} ${unit}}]`);
          expect(deltas.join('')).toBe(text);
          expect(deltas).not.toContain('');
        },
      ),
    );
  });

  test('of an echo is that of the last user’s message', async () => {
    const messages: Message[] = [
      user('first'),
      { role: 'assistant', content: [], toolCalls: [] },
      user('say this'),
    ];
    expect(await deltasOf('[echo]', call(messages))).toEqual(['say', ' this']);
  });
});

describe('time', () => {
  test('is that of the clock: waits, and a pause before each delta', async () => {
    const clock = recordingClock();
    const upstream = await upstreamOf(
      'every: 20ms\nanswers: [{steps: [{wait: 1500ms}, {text: a b}, {reasoning: c, every: 1m}]}]',
      clock,
    );
    await batches(upstream, call('x'));
    expect(clock.waits).toEqual([1500, 20, 20, 60_000]);
  });

  test('an echo is cut as it is played, not before', () => {
    const deltas = cut('x'.repeat(1_000), { count: 1, unit: 'characters' });
    expect([deltas.next().value, deltas.next().value]).toEqual(['x', 'x']);
  });

  test('a repeat without moves ends, and a large batch comes in bounded batches', async () => {
    const upstream = await upstreamOf(
      [
        'answers:',
        '- when: {turn: 1}',
        '  steps: [{repeat: {times: 1000000, steps: [{repeat: {times: 1000000, steps: [{text: []}]}}]}}, {text: a}]',
        '- steps: [{together: [{repeat: {times: 30000, steps: [{text: b}]}}]}]',
      ].join('\n'),
    );
    expect(await batches(upstream, call('Hi'))).toHaveLength(2);
    const many = await batches(upstream, call([user('Hi'), user('again')]));
    expect(many.map((batch) => batch.length)).toEqual([10_000, 10_000, 10_000, 2]);
  });

  test.each(oddCalls)('all steps emit events for an odd request: %s', async (_name, asked) => {
    const steps = [
      'start',
      '{text: "a b"}',
      '{echo: true, choice: 127}',
      '{echo: true, chunk: 3 characters}',
      '{reasoning: r}',
      '{refusal: no}',
      '{tool_call: {name: f, pieces: 3}}',
      '{wait: 1s}',
      '{repeat: {times: 2, steps: [{together: [{echo: true}]}]}}',
      '{usage: none}',
    ];
    for (const end of ['{finish: stop}', '{fail: {code: overloaded}}', 'end_without_finish']) {
      const upstream = await upstreamOf(`answers: [{steps: [${[...steps, end].join(', ')}]}]`);
      expect((await batches(upstream, asked)).length).toBeGreaterThan(0);
    }
  });

  test('repeat repeats its steps, and together makes one batch of several', async () => {
    const upstream = await upstreamOf(
      'answers: [{steps: [{repeat: {times: 2, steps: [{together: [{text: a b}, {refusal: c}]}]}}, {text: d}]}]',
    );
    const played = await batches(upstream, call('x'));
    expect(played.map((batch) => batch.map((event) => event.type))).toEqual([
      ['text-delta', 'text-delta', 'refusal-delta'],
      ['text-delta', 'text-delta', 'refusal-delta'],
      ['text-delta'],
      ['usage', 'finish'],
    ]);
  });

  test('an abort ends a wait, and no timer is left', async () => {
    let waiting = 0;
    const upstream = await upstreamOf('answers: [{steps: [{wait: 24h}]}]', {
      wait: (_ms, signal) => {
        waiting += 1;
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            waiting -= 1;
            resolve();
          });
        });
      },
    });
    const abort = new AbortController();
    const pulled = pullOnce(upstream.open(call('x'), abort.signal));
    expect([waiting, upstream.active]).toEqual([1, 1]);
    abort.abort();
    expect(await pulled).toEqual({ done: true, value: undefined });
    expect([waiting, upstream.active]).toEqual([0, 0]);
  });
});

describe('usage and finish', () => {
  test('are added where the script has none, with four characters for a token', async () => {
    const upstream = await upstreamOf('answers: [{steps: [{text: "12345678 "}]}]');
    expect((await batches(upstream, call('123456789'))).at(-1)).toEqual([
      { type: 'usage', usage: { promptTokens: 3, completionTokens: 3, estimated: true } },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
  });

  test('are tool_calls after calls, and counts of at least 1', async () => {
    const upstream = await upstreamOf(
      'answers: [{when: {turn: 1}, steps: [{tool_call: {name: f}}]}, {steps: []}]',
    );
    expect((await batches(upstream, call('x'))).at(-1)?.at(-1)).toMatchObject({
      type: 'finish',
      reason: 'tool_calls',
    });
    expect((await batches(upstream, call([]))).flat()).toEqual([
      { type: 'usage', usage: { promptTokens: 1, completionTokens: 1, estimated: true } },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
  });

  test('are those of the script where it has them', async () => {
    const upstream = await upstreamOf(
      'answers: [{steps: [{text: a}, {usage: {prompt_tokens: 9, completion_tokens: 8, cached_tokens: 7, cache_write_tokens: 2, reasoning_tokens: 6}}, {finish: length}]}]',
    );
    expect((await batches(upstream, call('x'))).slice(1).flat()).toEqual([
      {
        type: 'usage',
        usage: {
          promptTokens: 9,
          completionTokens: 8,
          cachedTokens: 7,
          cacheWriteTokens: 2,
          reasoningTokens: 6,
        },
      },
      { type: 'finish', choice: 0, reason: 'length' },
    ]);
  });

  test('usage: none emits no usage', async () => {
    const upstream = await upstreamOf('answers: [{steps: [{text: a}, {usage: none}]}]');
    expect((await batches(upstream, call('x'))).flat().map((event) => event.type)).toEqual([
      'text-delta',
      'finish',
    ]);
  });

  test('steps with a choice are for that choice only, the others for all open choices', async () => {
    const upstream = await upstreamOf(
      'answers: [{steps: [{text: both}, {text: " one", choice: 1}, {finish: length, choice: 1}, {text: " zero"}]}]',
    );
    const stream = upstream.open(call('x', { n: 2 }), new AbortController().signal);
    const read = await readStream(stream, 2);
    expect(read.texts).toEqual(['both zero', 'both one']);
    expect(read.finishes.map(({ choice, reason }) => [choice, reason])).toEqual([
      [1, 'length'],
      [0, 'stop'],
    ]);
  });
});

describe('choosing an answer', () => {
  const reply = async (upstream: ScriptedUpstream, asked: UpstreamCall) =>
    (await batches(upstream, asked))
      .flat()
      .flatMap((event) =>
        'json' in event ? [decodeJsonText(event.json)] : event.type === 'failed' ? ['failed'] : [],
      )
      .join('');

  test('the first whose condition holds is used: model, text, pattern, role and turn', async () => {
    const upstream = await upstreamOf(`
answers:
  - {when: {model: small}, steps: [{text: by model}]}
  - {when: {model: [a, b], last_message_contains: rain}, steps: [{text: by both}]}
  - {when: {last_message_contains: rain}, steps: [{text: by text}]}
  - {when: {last_message_matches: "^\\\\d+$"}, steps: [{text: by pattern}]}
  - {when: {last_role: tool}, steps: [{text: by role}]}
  - {when: {turn: 2}, steps: [{text: by turn}]}
`);
    expect(await reply(upstream, call('rain', { model: 'small' }))).toBe('by model');
    expect(await reply(upstream, call('rain', { model: 'b' }))).toBe('by both');
    expect(await reply(upstream, call('will it rain?'))).toBe('by text');
    expect(await reply(upstream, call('42'))).toBe('by pattern');
    expect(await reply(upstream, call([user('x'), { role: 'tool', content: [], toolCallId: 'c' }]))).toBe(
      'by role',
    );
    expect(await reply(upstream, call([user('x'), user('y')]))).toBe('by turn');
    expect(await reply(upstream, call('nothing fits'))).toBe('failed');
  });

  test('an answer whose times are used up is followed by the next', async () => {
    const upstream = await upstreamOf(
      'answers: [{times: 2, steps: [{fail: {code: overloaded, retry_after: 2s}}]}, {steps: [{text: fine}]}]',
    );
    const replies = [];
    for (let round = 0; round < 4; round += 1) replies.push(await reply(upstream, call('x')));
    expect(replies).toEqual(['failed', 'failed', 'fine', 'fine']);
  });

  test('capabilities and context are declared for all models, and for single models', async () => {
    const upstream = await upstreamOf(`
context: 4096
models:
  bare: {capabilities: []}
  small: {capabilities: [stop, seed], context: 512}
first_token_clock: start
answers: [{steps: []}]
`);
    expect([...upstream.capabilities('any')]).toEqual([...features]);
    expect([...upstream.capabilities('bare')]).toEqual([]);
    expect([...upstream.capabilities('small')]).toEqual(['stop', 'seed']);
    expect(['any', 'bare', 'small'].map((model) => upstream.contextLength(model))).toEqual([4096, 4096, 512]);
    expect(upstream.firstTokenClock).toBe('start');
  });
});

describe('faults on purpose', () => {
  test.each([
    ['a raw event out of place', '[{event: {type: text-delta, choice: 4, json: x}}]', /choice 4 of 1/],
    [
      'text after the finish, as raw events',
      '[{event: {type: finish, choice: 0, reason: stop}}, {event: {type: usage, usage: {}}}]',
      /after the end/,
    ],
    [
      'an empty delta, as a raw event',
      '[{event: {type: text-delta, choice: 0, json: ""}}]',
      /an empty text-delta/,
    ],
    [
      'half a character, as a raw event',
      '[{event: {type: text-delta, choice: 0, json: "\\\\ud83d"}}]',
      /half a surrogate pair in a text-delta/,
    ],
    ['a bug of the adapter', '[{text: a}, {throw: a bug}]', /^a bug$/],
  ])('%s', async (_name, steps, message) => {
    const upstream = await upstreamOf(`answers: [{steps: ${steps}}]`);
    await expect(readStream(upstream.open(call('x'), new AbortController().signal), 1)).rejects.toThrow(
      message,
    );
  });

  test('end_without_finish ends the events without another event', async () => {
    const upstream = await upstreamOf('answers: [{steps: [{text: a b}, end_without_finish]}]');
    const read = await readStream(upstream.open(call('x'), new AbortController().signal), 1);
    expect(read.ended).toBeUndefined();
    expect(read.events.map((event) => event.type)).toEqual(['text-delta', 'text-delta']);
  });

  test('a stream that throws releases everything', async () => {
    const upstream = await upstreamOf('answers: [{steps: [{throw: a bug}]}]');
    await expect(pullOnce(upstream.open(call('x'), new AbortController().signal))).rejects.toThrow('a bug');
    expect(upstream.active).toBe(0);
  });
});
