import { describe, expect, test } from 'vitest';
import { readJsonInShort as answered, readChunksInShort as read } from '../testing/output-in-short.ts';

const delta = (given: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta: given, finish_reason: finish }],
});
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const closing = (message: object, more: object = {}, finish: string | null = 'stop') => ({
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish, ...more }],
  usage,
});
const called = (id: string | undefined, name: string, text: string, index?: number) => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id }),
  type: 'function',
  function: { name, arguments: text },
});

describe('a whole message after deltas', () => {
  const hello = [delta({ content: 'Hello' }), delta({ content: ' wor' }), delta({ content: 'ld' })];

  test('is not said again, and its finish and usage count', async () => {
    expect(await read(...hello, closing({ content: 'Hello world' }))).toEqual(['Hello world', '3+2', 'stop']);
    expect(await read(...hello, delta({}, 'stop'), closing({ content: 'Hello world' }, {}, null))).toEqual([
      'Hello world',
      '3+2',
      'stop',
    ]);
    const parts = [{ type: 'text', text: 'Hello world' }];
    expect(await read(...hello, closing({ content: parts }))).toEqual(['Hello world', '3+2', 'stop']);
  });

  test('may stand beside an empty delta, or be a text', async () => {
    for (const empty of [{}, null, [], { role: 'assistant', content: '' }]) {
      expect(await read(...hello, closing({ content: 'Hello world' }, { delta: empty }))).toEqual([
        'Hello world',
        '3+2',
        'stop',
      ]);
    }
    const text = { choices: [{ index: 0, text: 'Hello world', finish_reason: 'stop' }] };
    expect(await read(...hello, text)).toEqual(['Hello world', 'stop']);
  });

  test('adds the kinds of output that have not come', async () => {
    const message = { content: 'Hello world', reasoning_content: 'hm', refusal: 'no', images: [1] };
    expect(await read(...hello, closing(message))).toEqual([
      '(hm)',
      'Hello world',
      'images=[1]',
      '!no',
      '3+2',
      'stop',
    ]);
    expect(await read(delta({ reasoning_content: 'hm' }), closing(message))).toEqual([
      '(hm)',
      'Hello world',
      'images=[1]',
      '!no',
      '3+2',
      'stop',
    ]);
    expect(
      await read(
        delta({ reasoning_content: 'h' }),
        delta({ reasoning_content: 'm', images: [2] }),
        delta({ content: 'Hello world' }),
        delta({ refusal: 'no' }),
        closing(message),
      ),
    ).toEqual(['(hm)', 'Hello world', 'images=[2]', '!no', '3+2', 'stop']);
  });

  test('may separate the reasoning of tags, or keep the tags', async () => {
    const tagged = ['<thi', 'nk>hm</think>', 'Hello world'].map((content) => delta({ content }));
    for (const message of [
      { content: '<think>hm</think>Hello world' },
      { content: 'Hello world', reasoning_content: 'hm' },
      { content: '\n\nHello world' },
    ]) {
      expect(await read(...tagged, closing(message))).toEqual(['(hm)', 'Hello world', '3+2', 'stop']);
    }
  });

  test('adds the calls that have not come', async () => {
    const message = { content: 'Hello world', tool_calls: [called('a', 'f', '{"a":1}')] };
    expect(await read(...hello, closing(message, {}, 'tool_calls'))).toEqual([
      'Hello world',
      'f',
      '{"a":1}',
      '3+2',
      'tool_calls',
    ]);
  });

  const f = (index?: number, id?: string) => called(id, 'f', '{"a":1}', index);
  const g = (index?: number, id?: string) => called(id, 'g', '{}', index);
  const inDeltas = (...calls: readonly object[]) => calls.map((one) => delta({ tool_calls: [one] }));

  test.each<[string, readonly object[], readonly object[]]>([
    ['without an index', [f(0, 'a'), g(1, 'b')], [f(undefined, 'a'), g(undefined, 'b')]],
    ['with the same index', [f(0, 'a'), g(1, 'b')], [f(0, 'a'), g(1, 'b')]],
    ['with another index', [f(1, 'a'), g(2, 'b')], [f(0, 'a'), g(1, 'b')]],
    ['all with one index', [f(0, 'a'), g(1, 'b')], [f(0, 'a'), g(0, 'b')]],
    ['without ids', [f(0), g(1)], [f(), g()]],
    ['without ids in the message', [f(0, 'a'), g(1, 'b')], [f(), g()]],
    ['that had no index', [f(undefined, 'a'), g(undefined, 'b')], [f(undefined, 'a'), g(undefined, 'b')]],
  ])('does not call again: %s', async (_, before, after) => {
    const chunks = [...inDeltas(...before), closing({ tool_calls: after }, {}, 'tool_calls')];
    expect(await read(...chunks)).toEqual(['f', '{"a":1}', 'g', '{}', '3+2', 'tool_calls']);
  });

  test('adds a call that has not come', async () => {
    const message = { tool_calls: [f(undefined, 'a'), called('c', 'f', '{"a":2}')] };
    expect(await read(...inDeltas(f(0, 'a')), closing(message, {}, 'tool_calls'))).toEqual([
      'f',
      '{"a":1}',
      'f',
      '{"a":2}',
      '3+2',
      'tool_calls',
    ]);
  });

  test('with other words is a cut, because they may be new', async () => {
    expect(await read(...hello, closing({ content: '!' }))).toEqual(['Hello world', 'upstream_cut']);
  });

  test('is a piece of the answer where no delta had output', async () => {
    const piece = (content: string, finish: string | null = null) => ({
      choices: [{ index: 0, message: { content }, finish_reason: finish }],
    });
    const opening = delta({ role: 'assistant', content: '' });
    for (const first of [[], [opening]]) {
      const chunks = [...first, piece('Hello'), piece(' world'), piece('', 'stop')];
      expect(await read(...chunks)).toEqual(['Hello world', 'stop']);
    }
  });
});

describe('an empty delta or message', () => {
  test.each<[string, object]>([
    ['{}', { delta: {} }],
    ['[]', { delta: [] }],
    ['a role', { delta: { role: 'assistant', content: null } }],
  ])('does not hide the message beside it: %s', async (_, empty) => {
    const message = { content: 'a', tool_calls: [called('i', 'f', '{}')] };
    const choice = { index: 0, ...empty, message, finish_reason: 'stop' };
    expect(await answered({ choices: [choice] })).toEqual(['a', 'f', '{}', 'tool_calls']);
    expect(await read({ choices: [choice] })).toEqual(['a', 'f', '{}', 'tool_calls']);
  });

  test('does not hide the text of the old completions API', async () => {
    for (const message of [{}, [], null]) {
      const choice = { index: 0, message, text: 'a', finish_reason: 'stop' };
      expect(await answered({ choices: [choice] })).toEqual(['a', 'stop']);
      expect(await read({ choices: [choice] })).toEqual(['a', 'stop']);
    }
  });
});
