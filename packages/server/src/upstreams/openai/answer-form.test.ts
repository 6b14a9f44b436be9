import { describe, expect, test } from 'vitest';
import {
  readJsonInShort as answered,
  outputInShort,
  readChunksInShort as read,
} from '../testing/output-in-short.ts';
import { batchesOf } from './fake-answer.ts';

const delta = (given: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta: given, finish_reason: finish }],
});
const called = (id: string | undefined, name: string, text: string, index?: number) => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id }),
  type: 'function',
  function: { name, arguments: text },
});

const message = (content: string | null, index?: unknown, finish: string | null = 'stop') => ({
  ...(index === undefined ? {} : { index }),
  message: { role: 'assistant', content },
  finish_reason: finish,
});

describe('a JSON answer', () => {
  test.each([undefined, null, 0, '0', 7])(
    'with output of two choices for one is none: index %s',
    async (index) => {
      const both = { choices: [message('A', index), message('B', index)] };
      expect(await answered(both)).toEqual(['upstream_protocol']);
      expect(await answered({ choices: [message('A', 0), message('B', index)] })).toEqual([
        'upstream_protocol',
      ]);
    },
  );

  test('with two choices of which one is empty is whole', async () => {
    expect(await answered({ choices: [message('A', 0), message(null, 0)] })).toEqual(['A', 'stop']);
    expect(await answered({ choices: [message('', 1), message('A', 0), null] })).toEqual(['A', 'stop']);
  });

  test('with the same index for two of the requested choices is none', async () => {
    const answer = JSON.stringify({ choices: [message('A', 1), message('B', 1)] });
    const batches = await batchesOf([answer], { contentType: 'application/json', choices: 2 });
    expect(outputInShort(batches.flat())).toEqual(['upstream_protocol']);
  });
});

test('one event of a stream may have two pieces of a choice', async () => {
  const pieces = ['a', 'b'].map((content) => ({ index: 0, delta: { content } }));
  expect(await read({ choices: pieces }, delta({}, 'stop'))).toEqual(['ab', 'stop']);
});

describe('a finish for calls without a call', () => {
  test.each(['tool_calls', 'function_call', 'tool_use'])(
    'and without an answer is none: %s',
    async (reason) => {
      expect(await read(delta({ role: 'assistant', content: '' }), delta({}, reason))).toEqual([
        'upstream_cut',
      ]);
      expect(await read(delta({ reasoning_content: 'hm' }), delta({}, reason))).toEqual([
        '(hm)',
        'upstream_cut',
      ]);
      expect(await read(delta({ tool_calls: [] }, reason))).toEqual(['upstream_cut']);
      expect(await read(delta({ tool_calls: [{ index: 0, id: 'a' }] }, reason))).toEqual(['upstream_cut']);
      expect(await answered({ choices: [message(null, 0, reason)] })).toEqual(['upstream_cut']);
    },
  );

  test('stands for the end of a text, a refusal or another field', async () => {
    expect(await read(delta({ content: 'a' }), delta({}, 'tool_calls'))).toEqual(['a', 'stop']);
    expect(await read(delta({ refusal: 'a' }), delta({}, 'tool_calls'))).toEqual(['!a', 'stop']);
    expect(await read(delta({ images: [1] }), delta({}, 'tool_calls'))).toEqual(['images=[1]', 'stop']);
    expect(await answered({ choices: [message('a', 0, 'tool_calls')] })).toEqual(['a', 'stop']);
  });
});

describe('output that stands in no choice or in no delta', () => {
  const calls = [called('a', 'f', '{}')];
  const members: readonly object[] = [
    { content: ' LOST' },
    { content: [{ type: 'text', text: ' LOST' }] },
    { tool_calls: calls },
    { function_call: { name: 'f', arguments: '{}' } },
    { output_text: ' LOST' },
    { generated_text: ' LOST' },
    { response: ' LOST', done: false },
    { reasoning_content: ' LOST' },
    { refusal: ' LOST' },
  ];
  const inMessage = [
    { message: { role: 'assistant', content: ' LOST' }, done: false },
    { message: { tool_calls: calls } },
    { delta: { content: ' LOST' } },
    { type: 'response.output_text.delta', delta: ' LOST' },
  ];

  test.each([...members, ...inMessage])('of an event is a cut: %j', async (event) => {
    for (const form of [event, { ...event, choices: [] }, { ...event, choices: null }]) {
      expect(await read(delta({ content: 'a' }), form, delta({ content: 'b' }, 'stop'))).toEqual([
        'a',
        'upstream_cut',
      ]);
      expect(await read(delta({ content: 'a' }, 'stop'), form)).toEqual(['a', 'upstream_cut']);
      expect((await read(form, delta({ content: 'b' }, 'stop'))).at(-1)).toBe('upstream_cut');
    }
  });

  test.each(members)('of a choice is a cut: %j', async (given) => {
    for (const form of [given, { ...given, delta: null }, { ...given, message: {} }]) {
      const event = { choices: [{ index: 0, ...form, finish_reason: null }] };
      expect(await read(delta({ content: 'a' }), event, delta({ content: 'b' }, 'stop'))).toEqual([
        'a',
        'upstream_cut',
      ]);
      expect(await answered({ choices: [{ index: 0, ...form, finish_reason: 'stop' }] })).toEqual([
        'upstream_cut',
      ]);
    }
  });

  test.each([
    { message: 'loading' },
    { status: 'loading', progress: 5 },
    { object: 'status', detail: 'queue position 3' },
    { content: null, tool_calls: [], message: { role: 'assistant', content: '' } },
    { content: false, response: {}, text: 5 },
  ])('is not assumed for an event that reports progress: %j', async (event) => {
    expect(await read(event, delta({ content: 'a' }), event, delta({ content: 'b' }, 'stop'), event)).toEqual(
      ['ab', 'stop'],
    );
  });
});

describe('what says nothing', () => {
  test.each([{ refusal: false }, { content: false }, { reasoning_content: false }, { tool_calls: false }])(
    '%j',
    async (given) => {
      expect(await read(delta(given), delta({ ...given, content: 'a' }), delta(given, 'stop'))).toEqual([
        'a',
        'stop',
      ]);
      expect(await read(delta({ content: 'a' }), delta(given, 'stop'))).toEqual(['a', 'stop']);
      expect(await read(delta({ content: 'a' }), { choices: [null] }, delta(given, 'stop'))).toEqual([
        'a',
        'stop',
      ]);
      expect(
        await answered({
          choices: [{ message: { content: 'a', refusal: false }, finish_reason: 'stop' }, null],
        }),
      ).toEqual(['a', 'stop']);
    },
  );
});

test.each([
  { detail: 'boom' },
  { object: 'error', detail: 'boom' },
  { status: 'failed', detail: 'boom' },
  { status: 400, detail: 'boom' },
  { type: 'about:blank', title: 'Bad Request', detail: 'boom' },
  { type: 'https://errors.example.org/full', title: 'Full', detail: 'boom' },
  { type: 'invalid_request', detail: [{ loc: ['body'], msg: 'boom' }] },
])('a detail is an error, unless a status stands beside it: %j', async (event) => {
  const [text, code, ...rest] = await read(delta({ content: 'a' }), event, delta({}, 'stop'));
  expect([text, rest]).toEqual(['a', []]);
  expect(code).toMatch(/^upstream_|invalid_/);
});
