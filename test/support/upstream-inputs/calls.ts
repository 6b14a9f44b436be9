import type { UpstreamInput, WholeAnswer } from './input.ts';
import { call, callPiece, completion, delta, finish, finishing, openaiInputs, role } from './openai-wire.ts';

/** Tool calls that share an index, names in pieces, arguments that are no object or that are said twice. */

const shared = openaiInputs('calls under one index');
const named = openaiInputs('name in pieces');
const odd = openaiInputs('odd arguments');
const end = finish('tool_calls');

const joined = 'the SDK joins what is under one index: a name and arguments that no tool has';
const spelt = 'a call has no id, or one that another call has';
const tornCall = 'arguments that do not join to JSON end in an error';
const said = 'the SDK joins arguments that are said twice, or that are no object';

const both: WholeAnswer = {
  calls: [
    { name: 'get_weather', arguments: { a: 1 } },
    { name: 'get_time', arguments: { b: 2 } },
  ],
};
const weather = { name: 'get_weather', args: '{"a":1}' };
const time = { name: 'get_time', args: '{"b":2}' };

const underOne = (name: string, first: object, second: object): UpstreamInput =>
  shared.stream(name, [role(), call({ ...weather, ...first }), call({ ...time, ...second }), end], {
    right: both,
    differs: { calls: joined },
  });

export const sharedIndexInputs: readonly UpstreamInput[] = [
  underOne('calls-with-empty-ids', { id: '' }, { id: '' }),
  underOne('calls-without-ids', {}, {}),
  underOne('calls-with-equal-ids', { id: 'a' }, { id: 'a' }),
  underOne('calls-with-null-ids', { id: null }, { id: null }),
  underOne('calls-with-ids-of-their-own', { id: 'a' }, { id: 'b' }),
  underOne('calls-without-index', { index: 'absent', id: 'a' }, { index: 'absent', id: 'b' }),
  underOne('calls-with-a-null-index', { index: null, id: 'a' }, { index: null, id: 'b' }),
  underOne('calls-under-index-one', { index: 1, id: 'a' }, { index: 1, id: 'b' }),
  underOne('calls-under-a-text', { index: '0', id: 'a' }, { index: '0', id: 'b' }),
  shared.stream(
    'calls-in-one-event',
    [role(), delta({ tool_calls: [callPiece({ ...weather, id: '' }), callPiece({ ...time, id: '' })] }), end],
    { right: both, differs: { calls: joined } },
  ),
  shared.stream(
    'calls-in-pieces-under-one-index',
    [
      call({ id: '', name: 'get_weather', args: '{"a"' }),
      call({ args: ':1}' }),
      call({ id: '', name: 'get_time', args: '{"b"' }),
      call({ args: ':2}' }),
      end,
    ],
    { right: both, differs: { calls: joined } },
  ),
  shared.stream(
    'calls-of-one-function',
    [call({ id: '', ...weather }), call({ id: '', name: 'get_weather', args: '{"a":2}' }), end],
    {
      right: { calls: [1, 2].map((a) => ({ name: 'get_weather', arguments: { a } })) },
      differs: { calls: joined },
    },
  ),
  shared.stream('call-sent-again', [call({ id: 'a', ...weather }), call({ id: 'a', ...weather }), end], {
    right: { calls: both.calls?.slice(0, 1) ?? [] },
    differs: { calls: joined },
  }),
  shared.stream(
    'calls-from-one',
    [call({ index: 1, id: 'a', ...weather }), call({ index: 2, id: 'b', ...time }), end],
    { right: both },
  ),
  shared.stream(
    'calls-that-take-turns',
    [
      call({ index: 0, id: 'a', name: 'get_weather', args: '' }),
      call({ index: 1, id: 'b', name: 'get_time', args: '' }),
      call({ index: 0, args: '{"a"' }),
      call({ index: 1, args: '{"b"' }),
      call({ index: 0, args: ':1}' }),
      call({ index: 1, args: ':2}' }),
      end,
    ],
    { right: both },
  ),
  shared.json(
    'calls-with-equal-ids-in-json',
    completion(
      { tool_calls: [callPiece({ ...weather, id: 'a' }), callPiece({ ...time, id: 'a' })] },
      finishing('tool_calls'),
    ),
    { right: both, differs: { calls: spelt } },
  ),
  shared.json(
    'calls-without-ids-in-json',
    completion(
      { tool_calls: [callPiece({ ...weather, index: 'absent' }), callPiece({ ...time, index: 'absent' })] },
      finishing('tool_calls'),
    ),
    { right: both },
  ),
  shared.stream(
    'function-call-of-old',
    [
      delta({ function_call: { name: 'get_weather', arguments: '' } }),
      delta({ function_call: { arguments: '{"a"' } }),
      delta({ function_call: { arguments: ':1}' } }),
      finish('function_call'),
    ],
    {
      right: { calls: both.calls?.slice(0, 1) ?? [] },
      differs: { finish: 'function_call is tool_calls' },
    },
  ),
];

const edit: WholeAnswer = { calls: [{ name: 'edit_existing_file', arguments: { a: 1 } }] };
const nameJoined = 'the SDK joins repetitions of a name, or keeps its last piece';

export const nameInputs: readonly UpstreamInput[] = [
  named.stream(
    'name-in-two-pieces',
    [
      call({ id: 'a', name: 'edit_ex', args: '' }),
      call({ name: 'isting_file', args: '' }),
      call({ args: '{"a":1}' }),
      end,
    ],
    { right: edit },
  ),
  named.stream(
    'name-repeated',
    [
      call({ id: 'a', name: 'edit_existing_file', args: '' }),
      call({ name: 'edit_existing_file', args: '{"a"' }),
      call({ name: 'edit_existing_file', args: ':1}' }),
      end,
    ],
    { right: edit, differs: { calls: nameJoined } },
  ),
  named.stream(
    'name-and-id-repeated',
    [
      call({ id: 'a', name: 'edit_existing_file', args: '{"a"' }),
      call({ id: 'a', name: 'edit_existing_file', args: ':1}' }),
      end,
    ],
    { right: edit, differs: { calls: nameJoined } },
  ),
  named.stream(
    'name-in-many-pieces',
    [...'edit_existing_file']
      .map((letter, index) => call({ ...(index === 0 ? { id: 'a' } : {}), name: letter, args: '' }))
      .concat(call({ args: '{"a":1}' }), end),
    { right: edit },
  ),
  named.stream(
    'name-in-pieces-with-the-id',
    [
      call({ id: 'a', name: 'edit_ex', args: '' }),
      call({ id: 'a', name: 'isting_file', args: '' }),
      call({ id: 'a', args: '{"a":1}' }),
      end,
    ],
    { right: edit, differs: { calls: 'the SDK for Python joins the ids as well' } },
  ),
  named.stream(
    'name-in-pieces-without-arguments',
    [call({ id: 'a', name: 'edit_ex' }), call({ name: 'isting_file' }), call({ args: '{"a":1}' }), end],
    { right: edit },
  ),
  named.stream(
    'name-piece-beside-arguments',
    [call({ id: 'a', name: 'edit_ex', args: '' }), call({ name: 'isting_file', args: '{"a":1}' }), end],
    { right: edit },
  ),
  named.stream(
    'name-null-later',
    [
      call({ id: 'a', name: 'edit_existing_file', args: '' }),
      call({ id: null, name: null, args: '{"a":1}' }),
      end,
    ],
    { right: edit },
  ),
  named.stream(
    'name-empty-later',
    [
      call({ id: 'a', name: 'edit_existing_file', args: '' }),
      call({ id: '', name: '', args: '{"a":1}' }),
      end,
    ],
    { right: edit },
  ),
  named.stream(
    'names-of-two-calls-in-pieces',
    [
      call({ id: 'a', name: 'get_', args: '' }),
      call({ index: 1, id: 'b', name: 'get', args: '' }),
      call({ name: 'weather', args: '' }),
      call({ index: 1, name: '_time', args: '' }),
      call({ args: '{"a":1}' }),
      call({ index: 1, args: '{"b":2}' }),
      end,
    ],
    { right: both },
  ),
];

const no: WholeAnswer = { calls: [{ name: 'get_time', arguments: {} }] };
const one: WholeAnswer = { calls: [{ name: 'get_weather', arguments: { a: 1 } }] };

const argued = (
  name: string,
  pieces: readonly unknown[],
  right: WholeAnswer,
  differs = true,
): UpstreamInput =>
  odd.stream(
    name,
    [
      role(),
      ...pieces.map((args, index) =>
        call({ ...(index === 0 ? { id: 'a', name: right.calls?.[0]?.name } : {}), args }),
      ),
      end,
    ],
    { right, ...(differs ? { differs: { calls: said } } : {}) },
  );

const whole = (args: unknown, right: WholeAnswer, name: string, differs = true): UpstreamInput =>
  odd.json(
    name,
    completion(
      { tool_calls: [callPiece({ id: 'a', name: right.calls?.[0]?.name, args })] },
      finishing('tool_calls'),
    ),
    { right, ...(differs ? { differs: { calls: said } } : {}) },
  );

export const argumentInputs: readonly UpstreamInput[] = [
  argued('arguments-null-as-text', ['null'], no),
  argued('arguments-list', ['[]'], no),
  argued('arguments-empty', [''], no),
  argued('arguments-null', [null], no),
  argued('arguments-absent', [undefined], no),
  argued('arguments-white', ['', ' ', '\n'], no),
  argued('arguments-null-in-pieces', ['', 'nu', 'll'], no),
  argued('arguments-object-first', ['{}', '{"a":1}'], one),
  argued('arguments-object-first-then-pieces', ['{}', '{"a"', ':1}'], one),
  argued('arguments-again-at-the-end', ['{"a"', ':1}', '{"a":1}'], one),
  argued('arguments-cumulative', ['{"a', '{"a":1', '{"a":1}'], one),
  argued('arguments-encoded-again', ['{"a"', ':1}', JSON.stringify('{"a":1}')], one),
  argued('arguments-as-object', [{ a: 1 }], one),
  odd.stream(
    'arguments-again-with-id-and-name',
    [
      call({ id: 'a', name: 'get_weather', args: '{"a"' }),
      call({ args: ':1}' }),
      call({ id: 'a', name: 'get_weather', args: '{"a":1}' }, finishing('tool_calls')),
    ],
    { right: one, differs: { calls: said } },
  ),
  odd.stream(
    'arguments-that-are-no-json',
    [role(), call({ id: 'a', name: 'get_weather', args: '{"a": Bern' }), end],
    {
      right: { fails: 'upstream_protocol' },
      differs: { finish: tornCall, usage: tornCall },
    },
  ),
  whole('null', no, 'arguments-null-as-text-in-json'),
  whole('', no, 'arguments-empty-in-json'),
  whole({ a: 1 }, one, 'arguments-as-object-in-json', false),
];
