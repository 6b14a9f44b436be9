import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf, seedOf } from '../../../server/src/testing/suite-part.ts';
import { readChunks } from '../../../server/src/upstreams/openai/fake-answer.ts';
import { callsInShort } from '../../../server/src/upstreams/testing/output-in-short.ts';
import { createToolCalls } from './tool-calls.ts';

/** A piece of a call. */
const t = (index: unknown, id: unknown, name: unknown, args?: unknown) => ({
  index,
  id,
  type: 'function',
  function: { name, arguments: args },
});
const args = (...texts: readonly unknown[]) => texts.map((text) => t(0, undefined, undefined, text));
const name = t(0, 'a', 'f', '');

/** The calls of a choice with these deltas, as `name arguments`. An item that is a list is a delta with several pieces. */
function read(pieces: readonly unknown[], ranOut = false): string[] {
  const { add, finish, calls } = createToolCalls();
  let before: string[] = [];
  for (const piece of [...pieces, undefined]) {
    if (piece === undefined) finish(ranOut);
    else add({ tool_calls: Array.isArray(piece) ? piece : [piece] });
    const now = calls.map((call) => `${call.function.name} ${call.function.arguments}`);
    // What was shown stays, and grows.
    expect(before.every((text, at) => now[at]?.startsWith(text))).toBe(true);
    before = now;
  }
  expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
  return before;
}

const two = ['get_weather {"a":1}', 'get_time {"b":2}'];
const one = ['f {"a":1}'];

describe('calls of sloppy servers', () => {
  test.each<[string, readonly unknown[], readonly string[]]>([
    [
      'as the contract has them',
      [name, ...args('{"a"', ':1}'), t(1, 'b', 'g', ''), t(1, null, null, '{}')],
      [...one, 'g {}'],
    ],
    ['whole in one chunk', [[t(0, 'a', 'get_weather', '{"a":1}'), t(1, 'b', 'get_time', '{"b":2}')]], two],
    [
      'whole, with arguments as objects',
      [[t(0, '', 'get_weather', { a: 1 }), t(1, '', 'get_time', { b: 2 })]],
      two,
    ],
    ['one index, empty ids', [t(0, '', 'get_weather', '{"a":1}'), t(0, '', 'get_time', '{"b":2}')], two],
    [
      'one index, absent ids',
      [t(0, undefined, 'get_weather', '{"a":1}'), t(0, null, 'get_time', '{"b":2}')],
      two,
    ],
    ['one index, equal ids', [t(0, 'a', 'get_weather', '{"a":1}'), t(0, 'a', 'get_time', '{"b":2}')], two],
    ['one index, other ids', [t(0, 1, 'get_weather', '{"a":1}'), t(0, 2, 'get_time', '{"b":2}')], two],
    ['no index', [t(undefined, '', 'get_weather', '{"a":1}'), t(null, '', 'get_time', '{"b":2}')], two],
    [
      'no index, in one chunk',
      [[t(null, '', 'f', '{"a":1}'), t(null, '', 'f', '{"a":1}')]],
      [...one, ...one],
    ],
    ['no index, no arguments, in one chunk', [[t(null, '', 'f'), t(null, '', 'g')]], ['f {}', 'g {}']],
    [
      'indexes as texts, with gaps',
      [[t('3', '', 'get_weather', '{"a":1}'), t('7', '', 'get_time', '{"b":2}')]],
      two,
    ],
    [
      'one index, the same function',
      [t(0, '', 'f', '{"a":1}'), t(0, '', 'f', '{"a":2}')],
      [...one, 'f {"a":2}'],
    ],
    ['one index, no arguments', [t(0, '', 'f', '{}'), t(0, '', 'g', '{}')], ['f {}', 'g {}']],
    [
      'in turns',
      [t(0, 'a', 'f', '{"a":'), t(1, 'b', 'g', '{"b":'), t(0, '', '', '1}'), t(1, '', '', '2}')],
      [...one, 'g {"b":2}'],
    ],
    [
      'in turns under one index',
      [t(0, 'a', 'f', '{"a":'), t(0, 'b', 'g', '{"b":'), t(0, 'a', null, '1}'), t(0, 'b', null, '2}')],
      [...one, 'g {"b":2}'],
    ],
    ['equal ids, other indexes', [t(0, 'x', 'f', '{"a":1}'), t(1, 'x', 'f', '{"a":1}')], [...one, ...one]],
    ['said twice', [name, ...args('{"a":1}'), t(0, 'a', 'f', '{"a":1}')], one],
    ['said twice, without ids', [t(0, '', 'f', '{"a":1}'), t(0, '', 'f', '{ "a": 1 }')], one],
    [
      'another id on each piece',
      [t(0, 'a', 'f', '{"a"'), t(0, 'b', undefined, ':'), t(0, 'c', undefined, '1}')],
      one,
    ],
    ['name in pieces', [t(0, 'a', 'get_', ''), t(0, '', 'weather', '{"a":1}')], ['get_weather {"a":1}']],
    ['name on each piece', [t(0, 'a', 'f', '{"a"'), t(0, 'a', 'f', ':1}')], one],
    ['a call before there were tools', [], []],
    ['an id alone', [t(0, 'a', undefined, '')], []],
  ])('%s', (_, pieces, calls) => {
    expect(read(pieces)).toEqual(calls);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['an object with the indexes', { 0: { id: 'a', function: { name: 'f', arguments: '{"a":1}' } } }],
    ['a call in place of a list', t(0, 'a', 'f', '{"a":1}')],
    ['a name and arguments beside the index', [{ index: 0, name: 'f', arguments: { a: 1 } }]],
    ['parameters', [{ index: 0, function: { name: 'f', arguments: '', parameters: { a: 1 } } }]],
    ['input beside the function', [{ index: 0, function: { name: 'f' }, input: '{"a":1}' }]],
    ['null beside a call', [null, t(0, 'a', 'f', '{"a":1}')]],
  ])('a list that is %s', (_, tool_calls) => {
    const { add, finish, calls } = createToolCalls();
    add({ tool_calls });
    add({ function_call: null });
    finish();
    expect(calls.map((call) => `${call.function.name} ${call.function.arguments}`)).toEqual(
      tool_calls === null ? [] : one,
    );
  });

  test('function_call is a call, and beside tool_calls a copy of one', () => {
    const { add, finish, calls } = createToolCalls(() => 'made');
    add({ function_call: { name: 'f', arguments: '{"a"' } });
    add({ function_call: { arguments: ':1}' } });
    add({ function_call: { name: 'g' }, tool_calls: [t(1, 'b', 'g', '{}')] });
    finish();
    expect(calls).toEqual([
      { id: 'made', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
    ]);
  });

  test('what the provider wants back stays with its call', () => {
    const { add, finish, calls } = createToolCalls();
    add({ tool_calls: [{ ...t(0, 'a', 'f', '{}'), extra_content: { google: { thought_signature: 's' } } }] });
    finish();
    expect(calls[0]?.extra_content).toEqual({ google: { thought_signature: 's' } });
  });
});

describe('arguments of sloppy servers', () => {
  test.each(['null', '[]', '""', '', '"[]"', '"{}"', '"null"', ' ', '{ }', null, undefined, [], {}])(
    '%j are an empty object',
    (text) => {
      expect(read([t(0, 'a', 'f', text)])).toEqual(['f {}']);
      expect(read([name, ...args(text, text)])).toEqual(['f {}']);
    },
  );

  test.each<[string, readonly unknown[], string]>([
    ['behind {}', ['{}', '{"a":1}'], '{"a":1}'],
    ['behind {} in pieces', ['{', '}', '{', '"a":1}'], '{"a":1}'],
    ['behind null and []', ['null', '[]', '{"a":1}'], '{"a":1}'],
    ['behind {} in one piece', ['{}{"a":1}'], '{"a":1}'],
    ['said again', ['{"a"', ':1}', '{"a":1}', '{"a"', ':1}{"a":', '1}'], '{"a":1}'],
    ['said again in other words', ['{"a"', ':1,"b":2}', '{"b": 2, "a": 1}'], '{"a":1,"b":2}'],
    ['followed by what carries nothing', ['{"a":1}', '{}', 'null', '""'], '{"a":1}'],
    ['cumulative', ['{"a', '{"a":1', '{"a":1}'], '{"a":1}'],
    ['cumulative, each piece twice', ['{"a', '{"a', '{"a":1', '{"a":1', '{"a":1}', '{"a":1}'], '{"a":1}'],
    ['cumulative, behind {}', ['{}', '{"', '{"a":1', '{"a":1}'], '{"a":1}'],
    ['cumulative, cut before a value', ['{"a":', '{"a":1}'], '{"a":1}'],
    ['that only look cumulative', ['{"a":', '{"a":1}', '}'], '{"a":{"a":1}}'],
    ['that look cumulative for long', ['{"a":[', '{"a":[', '1', ']}', ']}'], '{"a":[{"a":[1]}]}'],
    ['cumulative, with brackets in keys', ['{"}":"', '{"}":""}'], '{"}":""}'],
    ['encoded twice', [JSON.stringify('{"a":1}')], '{"a":1}'],
    ['encoded three times, in pieces', ['"\\"{\\\\\\"a\\\\\\"', ':1}\\""'], '{"a":1}'],
  ])('%s', (_, texts, whole) => {
    expect(read([name, ...args(...texts)])).toEqual([`f ${whole}`]);
  });

  test.each([['5'], ['"abc"'], ['[1]'], ['{"a":1}', '{"a":2}'], ['{"a":1}', 'x'], ['{"a":1', '{"b":2}']])(
    '%j … are never taken for an object',
    (...texts) => {
      const [call = ''] = read([name, ...args(...texts)]);
      expect(() => {
        const value: unknown = JSON.parse(call.slice(2));
        if (Object.prototype.toString.call(value) !== '[object Object]') throw new Error('no object');
      }).toThrow();
    },
  );

  test('that are cut where the answer ran out of tokens stay as they came', () => {
    expect(read([name, ...args('{"a":[1')], true)).toEqual(['f {"a":[1']);
  });

  test('cost time linear in their length, also where each piece begins with all before it', () => {
    const text = JSON.stringify({ a: 'x'.repeat(1_000_000) });
    const pieces = [];
    for (let at = 0; at < text.length; at += 20) pieces.push(...args(text.slice(at, at + 20)));
    const { add, finish, calls } = createToolCalls();
    for (const piece of [name, ...pieces, ...args(text)]) add({ tool_calls: [piece] });
    for (let end = 20_000; end < text.length; end += 20_000)
      add({ tool_calls: [t(1, 'b', 'g', text.slice(0, end))] });
    add({ tool_calls: [t(1, 'b', '', text)] });
    finish();
    expect(calls.map((call) => call.function.arguments)).toEqual([text, text]);
  });
});

describe('a stream of calls to which any of this is done', () => {
  const names = ['get_weather', 'get_time', 'edit_existing_file', 'f'];
  const value = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  const call = fc.record({
    name: fc.constantFrom(...names),
    value,
    cuts: fc.array(fc.nat(), { maxLength: 4 }),
    nameCut: fc.option(fc.nat(), { nil: undefined }),
    repeatsName: fc.boolean(),
    repeatsId: fc.boolean(),
    cumulative: fc.boolean(),
    encoded: fc.boolean(),
    emptyFirst: fc.boolean(),
    summary: fc.constantFrom('none', 'text', 'named', 'encoded'),
  });
  type Call = typeof call extends fc.Arbitrary<infer Value> ? Value : never;

  function piecesOf(one: Call, index: unknown, id: unknown): object[] {
    const text = JSON.stringify(one.value);
    const written = one.encoded ? JSON.stringify(text) : text;
    const ends = [...one.cuts.map((cut) => cut % written.length), written.length].sort((a, b) => a - b);
    const said = ends
      .map((end, at) => written.slice(one.cumulative && !one.encoded ? 0 : (ends[at - 1] ?? 0), end))
      .filter((piece) => piece !== '');
    const cut = one.nameCut === undefined ? 0 : one.nameCut % one.name.length;
    const parts = cut === 0 ? [one.name] : [one.name.slice(0, cut), one.name.slice(cut)];
    const repeatedId = one.repeatsId ? id : undefined;
    const again = one.repeatsName ? one.name : undefined;
    return [
      ...parts.map((part, at) => t(index, at === 0 ? id : repeatedId, part, '')),
      ...(one.emptyFirst ? [t(index, repeatedId, again, '{}')] : []),
      ...said.map((piece) => t(index, repeatedId, again, piece)),
      ...(one.summary === 'text' ? [t(index, repeatedId, undefined, text)] : []),
      ...(one.summary === 'named' ? [t(index, id, one.name, text)] : []),
      ...(one.summary === 'encoded' ? [t(index, repeatedId, undefined, JSON.stringify(text))] : []),
    ];
  }

  /** Whether Tailrace's own reader of such servers finds an answer in these pieces: where it does, it is the right one. */
  function canBeRead(pieces: readonly unknown[]): boolean {
    const { events, answer } = readChunks();
    const chunk = (delta: object, finish: string | null) =>
      answer.chunk({ choices: [{ index: 0, delta, finish_reason: finish }] });
    for (const piece of pieces) chunk({ tool_calls: [piece] }, null);
    chunk({}, 'tool_calls');
    answer.end();
    return callsInShort(events).at(-1) === 'tool_calls';
  }

  test('has all its calls wherever they can be told', () => {
    const numRuns = roundsOf(10_000, 400);
    let whole = 0;
    const distinct = fc.uniqueArray(call, {
      minLength: 1,
      maxLength: 3,
      selector: (one) => `${one.name} ${JSON.stringify(one.value)}`,
    });
    fc.assert(
      fc.property(
        distinct,
        fc.constantFrom('counted', 'from 1', 'zero', 'absent', 'text'),
        fc.constantFrom('distinct', 'empty', 'equal'),
        fc.boolean(),
        fc.infiniteStream(fc.nat()),
        (calls, indexes, ids, takesTurns, turns) => {
          // With one index and one id, an empty object of a call and the arguments of the next call to the same function are the
          // same bytes as one call whose arguments come behind `{}`.
          const isShared = ids === 'equal' && (indexes === 'zero' || indexes === 'absent');
          const empty = calls.filter((one) => Object.keys(one.value).length === 0).map((one) => one.name);
          fc.pre(!isShared || empty.every((own) => calls.filter((one) => one.name === own).length === 1));
          const left = calls.map((one, at) => {
            const index = { counted: at, 'from 1': at + 1, zero: 0, absent: undefined, text: String(at) };
            return piecesOf(one, index[indexes], { distinct: `c${at}`, empty: '', equal: 'c' }[ids]);
          });
          const mixes = takesTurns && indexes !== 'zero' && indexes !== 'absent';
          const pieces: unknown[] = [];
          while (left.some((list) => list.length > 0)) {
            const waiting = left.filter((list) => list.length > 0);
            pieces.push(waiting[mixes ? (turns.next().value ?? 0) % waiting.length : 0]?.shift());
          }
          const found = read(pieces);
          if (!canBeRead(pieces)) return;
          whole += 1;
          const said = found.map((line) => {
            const at = line.indexOf(' ');
            return `${line.slice(0, at)} ${JSON.stringify(JSON.parse(line.slice(at)))}`;
          });
          expect(said.sort()).toEqual(calls.map((one) => `${one.name} ${JSON.stringify(one.value)}`).sort());
        },
      ),
      { numRuns, seed: seedOf() },
    );
    expect(whole).toBeGreaterThan(numRuns / 2);
  });
});

test('arguments of any depth are read in linear time', () => {
  const depth = 300_000;
  const text = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const calls = createToolCalls();
  calls.add({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: text } }] });
  calls.finish();
  expect(calls.calls[0]?.function.arguments).toBe(text);
}, 20_000);

test.each([
  ['without ids and indexes', {}],
  ['of one index, without ids', { index: 0 }],
])(
  'the time for many calls is linear in their number: 10,000 %s',
  (_what, more) => {
    const calls = createToolCalls();
    for (let at = 0; at < 10_000; at += 1)
      calls.add({ tool_calls: [{ ...more, function: { name: 'f', arguments: `{"a":${at}}` } }] });
    calls.finish();
    // Compared with one another they would take minutes.
    expect(calls.calls).toHaveLength(10_000);
  },
  20_000,
);

test('a call whose id comes late is no repetition of one with another id', () => {
  const calls = createToolCalls();
  const piece = (id: string | undefined, args: string) => ({
    id,
    index: 0,
    function: { name: 'f', arguments: args },
  });
  calls.add({ tool_calls: [piece(undefined, '{"a":1}')] });
  calls.add({ tool_calls: [{ id: 'x', index: 0 }] });
  calls.add({ tool_calls: [piece('y', '{"a":1}')] });
  calls.finish();
  expect(calls.calls.map(({ function: called }) => called.arguments)).toEqual(['{"a":1}', '{"a":1}']);
});
