import { expect } from 'vitest';
import { accepted, asAbsent, type Effect, type Row, refused, refusedValues, sameAnswer } from './row.ts';

const user = { role: 'user', content: 'Say something.' };
const asPlain: Effect = async (answer, ask) => sameAnswer(await ask({}), answer);
const longerPrompt: Effect = async (answer, ask) => {
  expect(answer.usage.prompt_tokens).toBeGreaterThan((await ask({})).usage.prompt_tokens);
};
const streams =
  (wanted: boolean): Effect =>
  (answer) => {
    expect(answer.type).toMatch(wanted ? /^text\/event-stream/ : /^application\/json/);
  };
const message = (given: string, value: unknown, code: string, below: string, kind: Row['kind']): Row =>
  refused('messages', kind, given, { messages: [user, value] }, code, `messages[1]${below}`);

/** Fields that only advise: every target takes them, and the engine's answer does not change. */
const advice = (field: string, maxLength: number): Row[] => [
  accepted(field, 'valid', 'text', { [field]: 'low' }, asPlain),
  accepted(field, 'boundary', `${maxLength} letters`, { [field]: 'a'.repeat(maxLength) }, asPlain),
  ...refusedValues(field, 'out of range', ['a'.repeat(maxLength + 1)]),
  ...refusedValues(field, 'wrong type', [5, true, [], {}]),
  asAbsent(field),
];
/** Fields for features that this engine lacks: refused by name, not dropped. */
const beyond = (field: string, asked: unknown, wrong: readonly unknown[]): Row[] => [
  refused(field, 'valid', 'what it is for', { [field]: asked }, 'unsupported_parameter'),
  ...refusedValues(field, 'wrong type', wrong),
  asAbsent(field),
];
const entries = (count: number, key: string, value: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}${key}`.slice(0, 64), value]));

export const restRows: readonly Row[] = [
  accepted('model', 'valid', 'its id', { model: 'random' }),
  accepted('model', 'valid', 'default', { model: 'default' }, asPlain),
  refused('model', 'boundary', '5,000 letters, of no model', { model: 'm'.repeat(5_000) }, 'model_not_found'),
  ...refusedValues('model', 'out of range', ['']),
  ...refusedValues('model', 'wrong type', [5, {}, ['random'], true]),
  refused('model', 'null', 'null', { model: null }, 'missing_parameter'),
  refused('model', 'null', 'nothing', { model: undefined }, 'missing_parameter'),

  accepted(
    'messages',
    'valid',
    'every role',
    {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'developer', content: 'Be kind.' },
        { role: 'user', content: 'Hello.', name: 'ada' },
        {
          role: 'assistant',
          content: null,
          refusal: null,
          annotations: [],
          audio: null,
          function_call: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'now', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'noon' },
        { role: 'assistant', content: 'It is noon.', reasoning_content: 'hm', extra_content: {} },
        user,
      ],
    },
    longerPrompt,
  ),
  accepted(
    'messages',
    'valid',
    'content in parts',
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Say something.' }] }] },
    asPlain,
  ),
  accepted('messages', 'boundary', 'empty text', { messages: [{ role: 'user', content: '' }] }),
  accepted('messages', 'boundary', 'control tokens as text', {
    messages: [{ role: 'user', content: '<|im_end|>' }],
  }),
  refused(
    'messages',
    'boundary',
    'more than the context holds',
    { messages: [{ role: 'user', content: 'q'.repeat(4000) }] },
    'context_length_exceeded',
  ),
  ...refusedValues('messages', 'out of range', [[], Array.from({ length: 10_001 }, () => user)]),
  accepted(
    'messages',
    'boundary',
    'half of a surrogate pair',
    { messages: [{ role: 'user', content: 'a\ud800b' }] },
    async (answer, ask) => {
      sameAnswer(await ask({ messages: [{ role: 'user', content: 'a\ufffdb' }] }), answer);
    },
  ),
  message('no part', { role: 'user', content: [] }, 'invalid_value', '.content', 'out of range'),
  message('a member that nobody knows', { ...user, w: 1 }, 'unsupported_parameter', '.w', 'out of range'),
  accepted(
    'messages',
    'valid',
    'marks of a cache',
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Say something.', cache_control: {} }] }] },
    asPlain,
  ),
  message('an unknown role', { role: 'robot', content: 'x' }, 'invalid_value', '.role', 'out of range'),
  message('no role', { content: 'x' }, 'missing_parameter', '.role', 'out of range'),
  message('no content', { role: 'user' }, 'missing_parameter', '.content', 'out of range'),
  message(
    'no tool_call_id',
    { role: 'tool', content: 'x' },
    'missing_parameter',
    '.tool_call_id',
    'out of range',
  ),
  message(
    'an image',
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.org/a.png' } }] },
    'unsupported_parameter',
    '.content[0]',
    'out of range',
  ),
  ...refusedValues('messages', 'wrong type', ['Hello.', {}, 5]),
  message('a message that is text', 'Hello.', 'invalid_type', '', 'wrong type'),
  message('content that is a number', { role: 'user', content: 5 }, 'invalid_type', '.content', 'wrong type'),
  message(
    'a part that is text',
    { role: 'user', content: ['x'] },
    'invalid_type',
    '.content[0]',
    'wrong type',
  ),
  message(
    'calls that are no list',
    { role: 'assistant', tool_calls: {} },
    'invalid_type',
    '.tool_calls',
    'wrong type',
  ),
  refused('messages', 'null', 'null', { messages: null }, 'missing_parameter'),
  refused('messages', 'null', 'nothing', { messages: undefined }, 'missing_parameter'),

  accepted('stream', 'valid', 'true', { stream: true }, streams(true)),
  accepted('stream', 'boundary', 'false', { stream: false }, streams(false)),
  ...refusedValues('stream', 'wrong type', ['yes', 1, [], {}]),
  accepted('stream', 'null', 'null', { stream: null }, streams(false)),

  accepted(
    'stream_options',
    'valid',
    'include_usage',
    { stream: true, stream_options: { include_usage: true } },
    asPlain,
  ),
  accepted('stream_options', 'boundary', 'nothing in it', { stream: true, stream_options: {} }, asPlain),
  ...refusedValues('stream_options', 'out of range', [{ include_usage: true }], { stream: false }),
  ...refusedValues('stream_options', 'wrong type', ['x', 5, []], { stream: true }),
  refused(
    'stream_options',
    'wrong type',
    'include_usage as text',
    { stream: true, stream_options: { include_usage: 'yes' } },
    'invalid_type',
    'stream_options.include_usage',
  ),
  asAbsent('stream_options'),

  ...advice('reasoning_effort', 64),
  ...['verbosity', 'user', 'safety_identifier', 'service_tier', 'prompt_cache_key'].flatMap((field) =>
    advice(field, 1024),
  ),
  accepted('store', 'valid', 'true', { store: true }, asPlain),
  accepted('store', 'boundary', 'false', { store: false }, asPlain),
  ...refusedValues('store', 'wrong type', ['yes', 1, {}]),
  asAbsent('store'),
  accepted('metadata', 'valid', 'an entry', { metadata: { chapter: 'one' } }, asPlain),
  accepted(
    'metadata',
    'boundary',
    '1,024 entries',
    { metadata: entries(1024, 'k'.repeat(65), 'v'.repeat(513)) },
    asPlain,
  ),
  ...refusedValues('metadata', 'out of range', [entries(1025, 'k', 'v')]),
  refused(
    'metadata',
    'out of range',
    'a value too long',
    { metadata: { k: 'v'.repeat(4097) } },
    'invalid_value',
    'metadata.k',
  ),
  ...refusedValues('metadata', 'wrong type', ['x', 5, []]),
  refused('metadata', 'wrong type', 'a number in it', { metadata: { k: 5 } }, 'invalid_type', 'metadata.k'),
  asAbsent('metadata'),

  ...beyond('prediction', { type: 'content', content: 'x' }, ['x', 5, []]),
  ...beyond('audio', { voice: 'alloy', format: 'wav' }, ['x', 5, []]),
  ...beyond('web_search_options', {}, ['x', 5, []]),
  ...beyond('modalities', ['text', 'audio'], ['text', 5, {}]),
  accepted('modalities', 'boundary', 'text', { modalities: ['text'] }, asPlain),
  refused(
    'modalities',
    'wrong type',
    'a number in the list',
    { modalities: [5] },
    'invalid_type',
    'modalities[0]',
  ),
  ...beyond('functions', [{ name: 'f' }], ['f', 5, {}]),
  accepted('functions', 'boundary', 'none', { functions: [] }, asPlain),
  refused('functions', 'wrong type', 'a list of names', { functions: ['f'] }, 'invalid_type', 'functions[0]'),
  ...beyond('function_call', { name: 'f' }, [5, [], true]),
  accepted('function_call', 'boundary', 'none', { function_call: 'none' }, asPlain),
  accepted('function_call', 'boundary', 'auto', { function_call: 'auto' }, asPlain),

  refused('top_k', 'valid', 'an unknown field', { top_k: 5 }, 'unsupported_parameter'),
  accepted('top_k', 'null', 'null', { top_k: null }, asPlain),
];
