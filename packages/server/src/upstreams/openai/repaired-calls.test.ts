import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf, seedOf } from '../../testing/suite-part.ts';
import { toolNamesOf } from '../http/answer/tool-names.ts';
import { callsInShort } from '../testing/output-in-short.ts';
import { batchesOf, readChunks } from './fake-answer.ts';

type Member = string | null | undefined;

/** A piece of a call. */
const t = (index: unknown, id: unknown, name: Member, args?: unknown) => ({
  index,
  id,
  type: 'function',
  function: { name, arguments: args },
});
const chunk = (delta: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const called = (...calls: readonly unknown[]) => chunk({ tool_calls: calls });
const frames = (chunks: readonly object[]) =>
  [...chunks, chunk({}, 'tool_calls')].map((one) => `data: ${JSON.stringify(one)}\n\n`);

async function read(chunks: readonly object[], names: readonly string[] = []): Promise<string[]> {
  const text = `${frames(chunks).join('')}data: [DONE]\n\n`;
  const tools = toolNamesOf(names.map((name) => ({ name })));
  const whole = callsInShort((await batchesOf([text], { tools })).flat());
  const bytewise = Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte));
  expect(callsInShort((await batchesOf(bytewise, { tools })).flat())).toEqual(whole);
  return whole;
}

/** The same for one whole JSON answer. */
async function readJson(message: object): Promise<string[]> {
  const answer = { choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
  return callsInShort(
    (await batchesOf([JSON.stringify(answer)], { contentType: 'application/json' })).flat(),
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const kinds = (rows: readonly (readonly [string, readonly unknown[], readonly string[]])[]) =>
  test.each(rows)('%s', async (_, pieces, calls) => {
    const chunks = pieces.map((piece) => (Array.isArray(piece) ? called(...piece) : called(piece)));
    expect(await read(chunks)).toEqual([...calls, 'tool_calls']);
  });

const two = ['get_weather {"a":1}', 'get_time {"b":2}'];

describe('several calls under one index are that many calls', () => {
  kinds([
    ['empty ids', [t(0, '', 'get_weather', '{"a":1}'), t(0, '', 'get_time', '{"b":2}')], two],
    ['absent ids', [t(0, undefined, 'get_weather', '{"a":1}'), t(0, null, 'get_time', '{"b":2}')], two],
    ['equal ids', [t(0, 'a', 'get_weather', '{"a":1}'), t(0, 'a', 'get_time', '{"b":2}')], two],
    ['different ids', [t(0, 'a', 'get_weather', '{"a":1}'), t(0, 'b', 'get_time', '{"b":2}')], two],
    ['ids that are numbers', [t(0, 1, 'get_weather', '{"a":1}'), t(0, 2, 'get_time', '{"b":2}')], two],
    ['no index', [t(undefined, '', 'get_weather', '{"a":1}'), t(null, '', 'get_time', '{"b":2}')], two],
    ['in one event', [[t(0, '', 'get_weather', '{"a":1}'), t(0, '', 'get_time', '{"b":2}')]], two],
    [
      'in one event without an index',
      [[t(undefined, '', 'f', '{"a":1}'), t(undefined, '', 'f', '{"a":1}')]],
      ['f {"a":1}', 'f {"a":1}'],
    ],
    [
      'the second in pieces',
      [
        t(0, '', 'get_weather', '{"a":1}'),
        t(0, '', 'get_', ''),
        t(0, '', 'time', ''),
        t(0, '', null, '{"b"'),
        t(0, '', null, ':2}'),
      ],
      two,
    ],
    [
      'the same function',
      [t(0, '', 'f', '{"a":1}'), t(0, '', 'f', '{"a":2}'), t(0, '', 'f', '{"a":3}')],
      ['f {"a":1}', 'f {"a":2}', 'f {"a":3}'],
    ],
    [
      'the same function and id, in pieces',
      [
        t(0, 'a', 'f', ''),
        t(0, '', '', '{"a":1}'),
        t(0, 'a', 'f', ''),
        t(0, '', '', '{"a"'),
        t(0, '', '', ':2}'),
      ],
      ['f {"a":1}', 'f {"a":2}'],
    ],
    [
      'long numbers that differ at the end only',
      [t(0, '', 'f', '{"a":12345678901234567890}'), t(0, '', 'f', '{"a":12345678901234567891}')],
      ['f {"a":12345678901234567890}', 'f {"a":12345678901234567891}'],
    ],
    ['without arguments', [t(0, '', 'f', '{}'), t(0, '', 'g', '{}')], ['f {}', 'g {}']],
    [
      'an id that comes before the name',
      [t(0, 'a', 'f', '{"a":1}'), t(0, 'b', '', ''), t(0, '', 'f', ''), t(0, '', '', '{"a":1}')],
      ['f {"a":1}', 'f {"a":1}'],
    ],
    [
      'pieces that carry the id of their call',
      [t(0, 'a', 'f', '{"a":'), t(0, 'b', 'g', '{"b":'), t(0, 'a', null, '1}'), t(0, 'b', null, '2}')],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'parallel calls with the same id at different indexes',
      [t(0, 'x', 'f', ''), t(1, 'x', 'f', ''), t(1, 'x', '', '{"a":1}'), t(0, 'x', '', '{"a":1}')],
      ['f {"a":1}', 'f {"a":1}'],
    ],
    [
      'the same id at two indexes',
      [t(0, 'call_0', 'f', '{"a":1}'), t(1, 'call_0', 'f', '{"a":1}')],
      ['f {"a":1}', 'f {"a":1}'],
    ],
    [
      'the same id, the second without an index, and other arguments',
      [t(0, 'a', 'f', '{"a":1}'), t(undefined, 'a', 'f', '{"a":2}')],
      ['f {"a":1}', 'f {"a":2}'],
    ],
    [
      'another id, the second without an index',
      [t(0, 'a', 'f', '{"a":1}'), t(undefined, 'b', 'f', '{"a":1}')],
      ['f {"a":1}', 'f {"a":1}'],
    ],
    [
      'indexes from 1, with gaps, as strings',
      [t('1', 'a', 'f', '{"a"'), t('4', 'b', 'g', '{"b"'), t('1', '', '', ':1}'), t('4', '', '', ':2}')],
      ['f {"a":1}', 'g {"b":2}'],
    ],
  ]);
});

describe('a call that is said again is one call', () => {
  kinds([
    ['whole', [t(0, 'a', 'f', '{"a":1}'), t(0, 'a', 'f', '{"a":1}')], ['f {"a":1}']],
    ['whole, without ids', [t(0, '', 'f', '{"a":1}'), t(0, '', 'f', '{"a":1}')], ['f {"a":1}']],
    [
      'whole, only the first with its id',
      [t(0, 'a', 'f', '{"a":1}'), t(0, '', 'f', '{"a":1}')],
      ['f {"a":1}'],
    ],
    ['in pieces', [t(0, 'a', 'f', '{"a":1}'), t(0, 'a', 'f', '{"a"'), t(0, '', '', ':1}')], ['f {"a":1}']],
    [
      'with other white space and order',
      [t(0, 'a', 'f', '{"a":1,"b":{"c":1,"d":2}}'), t(0, 'a', 'f', '{"b": {"d": 2, "c": 1}, "a": 1}')],
      ['f {"a":1,"b":{"c":1,"d":2}}'],
    ],
    [
      'as one of two calls, in a list of both',
      [
        [t(0, 'a', 'f', '{"a":1}')],
        [t(1, 'b', 'g', '{"b":2}')],
        [t(0, 'a', 'f', '{"a":1}'), t(1, 'b', 'g', '{"b":2}')],
      ],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    ['without its index', [t(0, 'a', 'f', '{"a":1}'), t(undefined, 'a', 'f', '{"a":1}')], ['f {"a":1}']],
    [
      'without its index, in pieces',
      [
        t(0, 'a', 'f', '{"a":1}'),
        t(1, 'b', 'g', '{"b":2}'),
        t(null, 'a', 'f', ''),
        t(null, null, null, '{"a"'),
        t(null, null, null, ':1}'),
      ],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'without its index, as the first of two calls',
      [t(1, 'a', 'f', '{"a":1}'), t(2, 'b', 'f', '{"b":2}'), t(undefined, 'a', 'f', '{"a":1}')],
      ['f {"a":1}', 'f {"b":2}'],
    ],
    [
      'in a list of both without indexes',
      [
        [t(1, 'a', 'f', '{"a":1}')],
        [t(2, 'b', 'g', '{"b":2}')],
        [t(undefined, 'a', 'f', '{"a":1}'), t(undefined, 'b', 'g', '{"b":2}')],
      ],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'as one of two calls under one index',
      [t(0, '', 'f', '{"a":1}'), t(0, '', 'g', '{}'), t(0, '', 'f', '{"a":1}'), t(0, '', 'g', '{}')],
      ['f {"a":1}', 'g {}'],
    ],
    [
      'by its name and id on each piece',
      [t(0, 'a', 'f', ''), t(0, 'a', 'f', '{"a"'), t(0, 'a', 'f', ':1}'), t(0, 'a', 'f', '')],
      ['f {"a":1}'],
    ],
    [
      'by its name on each piece, also behind its arguments',
      [t(0, '', 'f', '{"a"'), t(0, '', 'f', ':1}'), t(0, '', 'f', ''), t(1, '', 'g', '{"b":2}')],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'with a new id on each piece',
      [t(0, 'x1', 'f', '{"a"'), t(0, 'x2', null, ':'), t(0, 'x3', 'f', '1}'), t(0, 'x4', null, '')],
      ['f {"a":1}'],
    ],
  ]);

  test('as function_call, of the time before tools', async () => {
    const old = { function_call: { name: 'f', arguments: '{"a":1}' } };
    expect(await read([chunk(old)])).toEqual(['f {"a":1}', 'tool_calls']);
    expect(await read([called(t(0, 'a', 'f', '{"a":1}')), chunk(old)])).toEqual(['f {"a":1}', 'tool_calls']);
    expect(
      await read([
        chunk({ function_call: { name: 'get_', arguments: '' }, tool_calls: null }),
        chunk({ function_call: { name: 'time' }, tool_calls: [] }),
        chunk({ function_call: { arguments: '{"a"' } }),
        chunk({ function_call: { arguments: ':1}' } }),
      ]),
    ).toEqual(['get_time {"a":1}', 'tool_calls']);
  });
});

describe('a name in pieces is joined', () => {
  const args = t(0, undefined, undefined, '{"a":1}');
  const whole = ['edit_existing_file {"a":1}'];
  kinds([
    ['without ids', [t(0, 'a', 'edit_ex', ''), t(0, undefined, 'isting_file', ''), args], whole],
    ['with its id', [t(0, 'a', 'edit_ex', ''), t(0, 'a', 'isting_file', ''), args], whole],
    [
      'with null and empty pieces',
      [t(0, 'a', 'edit_ex', null), t(0, '', null), t(0, null, 'isting_file', ''), args],
      whole,
    ],
    ['three pieces', [t(0, 'a', 'edit', ''), t(0, '', '_existing', ''), t(0, '', '_file', ''), args], whole],
    ['the last piece with arguments', [t(0, 'a', 'edit_ex', ''), t(0, '', 'isting_file', '{"a":1}')], whole],
    [
      'then repeated whole',
      [t(0, 'a', 'edit_ex'), t(0, '', 'isting_file'), t(0, '', 'edit_existing_file'), args],
      whole,
    ],
    ['cumulative', [t(0, 'a', 'edit_ex'), t(0, '', 'edit_existing_file'), args], whole],
    ['repeated', [t(0, 'a', 'edit_existing_file'), t(0, 'a', 'edit_existing_file'), args], whole],
    [
      'without an index, or with one on the last piece only',
      [t(undefined, 'a', 'edit_ex'), t(undefined, '', 'isting_file'), args],
      whole,
    ],
    [
      'of two calls whose pieces take turns',
      [
        t(0, 'a', 'get_'),
        t(1, 'b', 'edit_'),
        t(0, '', 'time'),
        t(1, '', 'file'),
        t(1, '', '', '{"b":2}'),
        args,
      ],
      ['get_time {"a":1}', 'edit_file {"b":2}'],
    ],
    ['without arguments', [t(0, 'a', 'edit_ex'), t(0, '', 'isting_file')], ['edit_existing_file {}']],
  ]);

  test.each<[string, readonly string[], readonly unknown[], readonly string[]]>([
    ['two calls without arguments', ['f', 'g'], [t(0, '', 'f', ''), t(0, '', 'g', '')], ['f {}', 'g {}']],
    [
      'a name that begins with itself',
      ['get_get_x'],
      [t(0, '', 'get_'), t(0, '', 'get_x', '{"a":1}')],
      ['get_get_x {"a":1}'],
    ],
    [
      'a name whose letters repeat, letter by letter',
      ['llm_ask'],
      [...Array.from('llm_ask', (letter) => t(0, '', letter, '')), t(0, '', null, '{"a":1}')],
      ['llm_ask {"a":1}'],
    ],
    [
      'a name that begins with a part twice',
      ['mcp_mcp_x', 'other'],
      [t(0, 'a', 'mcp_'), t(0, '', 'mcp_'), t(0, '', 'x'), t(0, '', null, '{"a":1}')],
      ['mcp_mcp_x {"a":1}'],
    ],
    [
      'a name that is a part twice',
      ['gogo'],
      [t(0, 'a', 'go', ''), t(0, '', 'go', '{"a":1}')],
      ['gogo {"a":1}'],
    ],
    [
      'a name that comes again, and is a tool with and without itself behind it',
      ['go', 'gogo'],
      [t(0, 'a', 'go', ''), t(0, 'a', 'go', '{"a":1}')],
      ['go {"a":1}'],
    ],
    [
      'a part that comes again, and cannot be the next part',
      ['mcp_x'],
      [t(0, 'a', 'mcp_'), t(0, 'a', 'mcp_'), t(0, 'a', 'x', '{"a":1}')],
      ['mcp_x {"a":1}'],
    ],
    [
      'a piece behind the first arguments',
      ['edit_file'],
      [t(0, '', 'edit_', '{"a'), t(0, '', 'file', '":1}')],
      ['edit_file {"a":1}'],
    ],
    [
      'an empty object beside each piece',
      ['edit_file'],
      [t(0, '', 'edit_', '{}'), t(0, '', 'file', '{}')],
      ['edit_file {}'],
    ],
    [
      'a last piece that came twice',
      ['edit_file'],
      [t(0, '', 'edit_'), t(0, '', 'file'), t(0, '', 'file', '{"a":1}')],
      ['edit_file {"a":1}'],
    ],
    [
      'a name that is no tool',
      ['edit_file'],
      [t(0, '', 'edi'), t(0, '', 'tor', '{"a":1}')],
      ['editor {"a":1}'],
    ],
  ])('as the tools of the request demand: %s', async (_, names, pieces, calls) => {
    expect(
      await read(
        pieces.map((piece) => called(piece)),
        names,
      ),
    ).toEqual([...calls, 'tool_calls']);
  });

  test('a piece behind a name that was sent is an error', async () => {
    const pieces = [t(0, 'a', 'edit_', '{"a'), t(0, '', 'file', '":1}')];
    expect((await read(pieces.map((piece) => called(piece)))).at(-1)).toBe('upstream_protocol');
  });
});

describe('arguments', () => {
  const name = t(0, 'a', 'f', '');
  const args = (...texts: readonly unknown[]) => texts.map((text) => t(0, undefined, undefined, text));
  test.each(['null', '[]', '""', '', '"[]"', '"{}"', '"null"', ' ', '\n', '{ }', null, undefined, [], {}])(
    '%j are an empty object',
    async (text) => {
      expect(await read([called(t(0, 'a', 'f', text))])).toEqual(['f {}', 'tool_calls']);
      expect(await read([called(name), ...args(text, text).map((piece) => called(piece))])).toEqual([
        'f {}',
        'tool_calls',
      ]);
    },
  );

  kinds([
    ['behind {}', [t(0, 'a', 'f', '{}'), ...args('{"a":1}')], ['f {"a":1}']],
    ['behind {} as an object', [t(0, 'a', 'f', {}), ...args('{"a"', ':1}')], ['f {"a":1}']],
    ['behind {}, in pieces', [name, ...args('{}', '{"a"', ':1}')], ['f {"a":1}']],
    ['behind {} in pieces', [name, ...args('{', '}', '{', '"a":1}')], ['f {"a":1}']],
    ['behind {}, with the name again', [t(0, 'a', 'f', '{}'), t(0, 'a', 'f', '{"a":1}')], ['f {"a":1}']],
    ['behind null and []', [name, ...args('null', '[]', '{"a":1}')], ['f {"a":1}']],
    ['behind {} in one piece', [name, ...args('{}{"a":1}')], ['f {"a":1}']],
    ['said again at the end', [name, ...args('{"a"', ':1}', '{"a":1}')], ['f {"a":1}']],
    ['said again twice, in pieces', [name, ...args('{"a":1}', '{"a"', ':1}{"a":', '1}')], ['f {"a":1}']],
    [
      'said again in other words',
      [name, ...args('{"a"', ':1,"b":2}', '{"b": 2, "a": 1}')],
      ['f {"a":1,"b":2}'],
    ],
    ['followed by an empty object', [name, ...args('{"a":1}', '{}', 'null', '""')], ['f {"a":1}']],
    ['said again with id and name', [name, ...args('{"a"', ':1}'), t(0, 'a', 'f', '{"a":1}')], ['f {"a":1}']],
    ['cumulative', [name, ...args('{"a', '{"a":1', '{"a":1}')], ['f {"a":1}']],
    [
      'cumulative, each piece twice',
      [name, ...args('{"a', '{"a', '{"a":1', '{"a":1', '{"a":1}', '{"a":1}')],
      ['f {"a":1}'],
    ],
    ['cumulative, behind {}', [name, ...args('{}', '{"', '{"a":1', '{"a":1}')], ['f {"a":1}']],
    ['cumulative, with white space first', [name, ...args(' {"a', ' {"a":1', ' {"a":1}')], ['f  {"a":1}']],
    [
      'cumulative, with the name on each',
      [t(0, 'a', 'f', '{"a'), t(0, 'a', 'f', '{"a":1'), t(0, 'a', 'f', '{"a":1}')],
      ['f {"a":1}'],
    ],
    [
      'cumulative behind a first piece that ends before a value',
      [name, ...args('{"a":', '{"a":1}')],
      ['f {"a":1}'],
    ],
    [
      'cumulative, then the next call',
      [name, ...args('{"a":', '{"a":1}'), t(0, '', 'g', '{"b":2}')],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    ['that only look cumulative', [name, ...args('{"a":', '{"a":1}', '}')], ['f {"a":{"a":1}}']],
    [
      'that look cumulative for long',
      [name, ...args('{"a":[', '{"a":[', '1', ']}', ']}')],
      ['f {"a":[{"a":[1]}]}'],
    ],
    [
      'cumulative, with brackets inside of strings',
      [name, ...args('{"}":false,"":"', '{"}":false,"":"  "}')],
      ['f {"}":false,"":"  "}'],
    ],
    [
      'cumulative, where a piece holds what could end the text before it',
      [name, ...args('{"}":"', '{"}":""}')],
      ['f {"}":""}'],
    ],
    ['encoded twice', [t(0, 'a', 'f', JSON.stringify('{"a":1}'))], ['f {"a":1}']],
    ['encoded three times, in pieces', [name, ...args('"\\"{\\\\\\"a\\\\\\"', ':1}\\""')], ['f {"a":1}']],
    ['said again encoded twice', [name, ...args('{"a"', ':1}', JSON.stringify('{"a":1}'))], ['f {"a":1}']],
    ['as an object', [t(0, 'a', 'f', { a: 1 })], ['f {"a":1}']],
    ['as an object, said again', [t(0, 'a', 'f', { a: 1 }), t(0, 'a', 'f', { a: 1 })], ['f {"a":1}']],
  ]);

  test.each([
    ['5'],
    ['"abc"'],
    ['[1]'],
    ['true'],
    ['{"a":1}', '{"a":2}'],
    ['{"a":1}', '{'],
    ['{"a":1}', 'x'],
    ['{"a":1', '{"b":2}'],
  ])('%j … are no JSON object: an error', async (...texts) => {
    const pieces = args(...texts.filter((text) => typeof text === 'string'));
    expect((await read([called(name), ...pieces.map((piece) => called(piece))])).at(-1)).toBe(
      'upstream_protocol',
    );
  });

  test('are emitted piece by piece, from their first key on', () => {
    const { events, answer } = readChunks();
    const lengths = [name, ...args('{', '"a"', ':[', '1', ']')].map((piece) => {
      answer.chunk(called(piece));
      return events.length;
    });
    expect(lengths).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('of any object, split, repeated and preceded in any way, are that object', async () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 3 });
    const cuts = fc.array(fc.nat(), { maxLength: 5 });
    const before = fc.array(fc.constantFrom('{}', 'null', '[]', '""', ' '), { maxLength: 2 });
    const how = fc.constantFrom('pieces', 'cumulative', 'encoded');
    await fc.assert(
      fc.asyncProperty(object, cuts, before, how, fc.nat(2), async (value, places, lead, way, again) => {
        const text = JSON.stringify(value);
        const ends = [...places.map((place) => place % text.length), text.length].toSorted((a, b) => a - b);
        const split = ends.map((end, at) => text.slice(way === 'cumulative' ? 0 : (ends[at - 1] ?? 0), end));
        const said = way === 'encoded' ? [JSON.stringify(text)] : split.filter((piece) => piece !== '');
        const pieces = [...lead, ...said, ...Array.from({ length: again }, () => text)];
        const { events, answer } = readChunks();
        answer.chunk(called(name));
        for (const piece of args(...pieces)) answer.chunk(called(piece));
        answer.chunk(chunk({}, 'tool_calls'));
        answer.end();
        const [call = '', end] = callsInShort(events);
        expect(end).toBe('tool_calls');
        expect(call.replace(/^f\s+/, '').trimEnd()).toBe(text);
      }),
      { numRuns: roundsOf(5_000, 300), seed: seedOf() },
    );
  });

  test('cost time linear in their length, also where each piece begins with all before it', () => {
    const text = JSON.stringify({ a: 'x'.repeat(1_000_000) });
    const { events, answer } = readChunks();
    answer.chunk(called(name));
    for (let at = 0; at < text.length; at += 20) answer.chunk(called(...args(text.slice(at, at + 20))));
    answer.chunk(called(...args(text.slice(0, 500_000))));
    answer.chunk(called(...args(text.slice(500_000))));
    for (let end = 20_000; end < text.length; end += 20_000) {
      answer.chunk(called(t(1, 'b', 'g', text.slice(0, end))));
    }
    answer.chunk(called(t(1, 'b', '', text)));
    answer.chunk(chunk({}, 'tool_calls'));
    answer.end();
    expect(callsInShort(events)).toEqual([`f ${text}`, `g ${text}`, 'tool_calls']);
  }, 60_000);
});

describe('odd forms of a list of calls', () => {
  const list = (tool_calls: unknown) => chunk({ tool_calls });
  const one = t(0, 'a', 'f', '{"a":1}');
  test.each([
    ['{}', [{}]],
    ['null', [null]],
    ['[null]', [[null]]],
    ['an empty text', ['']],
  ])('%s holds no call', async (_, [value]) => {
    expect(await read([list(value), list([one])])).toEqual(['f {"a":1}', 'tool_calls']);
  });

  test.each([
    ['an object with the indexes', { 0: { id: 'a', function: one.function } }],
    ['a call in place of a list', one],
    ['null beside a call', [null, one]],
    ['a call without a type', [{ ...one, type: undefined }]],
    ['a call of an unknown type', [{ ...one, type: 'tool' }]],
    ['a name beside the index', [{ index: 0, id: 'a', name: 'f', arguments: { a: 1 } }]],
  ])('%s is read', async (_, value) => {
    expect(await read([list(value)])).toEqual(['f {"a":1}', 'tool_calls']);
  });

  const whole = '{"a":1}';
  const argumentForms: readonly (readonly [string, object])[] = [
    ['parameters', { function: { name: 'f', parameters: { a: 1 } } }],
    [
      'parameters beside arguments that are empty',
      { function: { name: 'f', arguments: '', parameters: whole } },
    ],
    ['args', { function: { name: 'f', args: { a: 1 } } }],
    ['input', { function: { name: 'f', arguments: null, input: whole } }],
    ['input beside the name', { type: 'function', name: 'f', input: { a: 1 } }],
    ['arguments beside the function', { function: { name: 'f' }, arguments: whole }],
    ['arguments beside the function, as an object', { function: { name: 'f' }, arguments: { a: 1 } }],
    ['a name beside the function', { name: 'f', function: { arguments: whole } }],
    ['arguments beside a description', { function: { name: 'f', description: 'x', arguments: whole } }],
  ];
  test.each(argumentForms)('%s is read, in a stream and in a JSON answer', async (_, call) => {
    expect(await read([list([{ index: 0, id: 'a', ...call }])])).toEqual(['f {"a":1}', 'tool_calls']);
    expect(await readJson({ tool_calls: [{ id: 'a', ...call }] })).toEqual(['f {"a":1}', 'tool_calls']);
  });

  test('arguments under another name keep the spelling of their numbers', async () => {
    const data = `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","parameters":{"a":12345678901234567890}}}]}}]}`;
    const { events, answer } = readChunks();
    answer.raw(data);
    answer.chunk(chunk({}, 'tool_calls'));
    answer.end();
    expect(callsInShort(events)).toEqual(['f {"a":12345678901234567890}', 'tool_calls']);
  });

  test.each<[string, object]>([
    ['an object', { function: { name: 'f', kwargs: { a: 1 } } }],
    ['a text', { function: { name: 'f', arguments: '', arguments_json: whole } }],
    ['an object in place of a function', { name: 'f', kwargs: { a: 1 } }],
    ['the input of a custom tool', { type: 'custom', name: 'f', input: 'print(1)' }],
    ['the empty input of a custom tool', { type: 'custom', name: 'f', input: '' }],
  ])('%s that may be its arguments is output that cannot be read', async (_, call) => {
    expect(await read([list([{ index: 0, id: 'a', ...call }])])).toEqual(['upstream_cut']);
    expect((await readJson({ tool_calls: [{ id: 'a', ...call }] })).at(-1)).toMatch(/^upstream_/);
  });

  test.each<[string, object]>([
    ['a description', { function: { name: 'f', description: 'x', strict: true, arguments: '' } }],
    ['other members that are empty', { function: { name: 'f', kwargs: {}, output: null, arguments: '' } }],
    [
      'a status beside it',
      { status: 'completed', metadata: { a: 2 }, function: { name: 'f', arguments: '' } },
    ],
  ])('%s is not taken for arguments', async (_, call) => {
    expect(await read([list([{ index: 0, id: 'a', ...call }])])).toEqual(['f {}', 'tool_calls']);
  });

  test('function: null on the first piece says nothing', async () => {
    const first = { index: 0, id: 'a', type: 'function', function: null };
    expect(await read([list([first]), list([one])])).toEqual(['f {"a":1}', 'tool_calls']);
  });

  test('a call of another kind is output that cannot be read', async () => {
    const custom = { index: 0, id: 'a', type: 'custom', custom: { name: 'f', input: 'x' } };
    expect(await read([list([custom])])).toEqual(['upstream_cut']);
  });
});

describe('the calls of a JSON answer all come', () => {
  const own = (id: unknown, name: string, args: unknown, index?: unknown) => t(index, id, name, args);
  test.each<[string, readonly unknown[], readonly string[]]>([
    ['without ids', [own('', 'f', '{}'), own(null, 'f', '{}')], ['f {}', 'f {}']],
    ['with equal ids', [own('a', 'f', '{"a":1}'), own('a', 'f', '{"a":1}')], ['f {"a":1}', 'f {"a":1}']],
    ['with equal indexes', [own('', 'f', '', 0), own('', 'g', '', 0)], ['f {}', 'g {}']],
    ['with arguments as objects', [own('', 'f', { a: 1 }), own('', 'g', [])], ['f {"a":1}', 'g {}']],
  ])('%s', async (_, tool_calls, calls) => {
    expect(await readJson({ content: null, tool_calls })).toEqual([...calls, 'tool_calls']);
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
    const ends = [...one.cuts.map((cut) => cut % written.length), written.length].toSorted((a, b) => a - b);
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

  test('has all its calls, or ends in an error', () => {
    const numRuns = roundsOf(10_000, 500);
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
        fc.boolean(),
        (calls, indexes, ids, takesTurns, turns, known) => {
          // With one index and one id, an empty object of a call and the arguments of the next call to the same function are the
          // same bytes as one call whose arguments come behind `{}`.
          const isShared = ids === 'equal' && (indexes === 'zero' || indexes === 'absent');
          const empty = calls.filter((one) => Object.keys(one.value).length === 0).map((one) => one.name);
          fc.pre(!isShared || empty.every((name) => calls.filter((one) => one.name === name).length === 1));
          const lists = calls.map((one, at) => {
            const index = { counted: at, 'from 1': at + 1, zero: 0, absent: undefined, text: String(at) }[
              indexes
            ];
            return piecesOf(one, index, { distinct: `c${at}`, empty: '', equal: 'c' }[ids]);
          });
          const tools = known ? toolNamesOf(names.map((name) => ({ name }))) : undefined;
          const { events, answer } = readChunks({ tools });
          const left = lists.map((list) => [...list]);
          const mixes = takesTurns && indexes !== 'zero' && indexes !== 'absent';
          while (left.some((list) => list.length > 0)) {
            const waiting = left.filter((list) => list.length > 0);
            const from = waiting[mixes ? (turns.next().value ?? 0) % waiting.length : 0];
            answer.chunk(called(from?.shift()));
          }
          answer.chunk(chunk({}, 'tool_calls'));
          answer.end();
          const result = callsInShort(events).map((line) =>
            line.replace(/ \{[\s\S]*/, (json) =>
              line.endsWith('}') && isJson(json) ? ` ${JSON.stringify(JSON.parse(json))}` : json,
            ),
          );
          if (result.at(-1) !== 'tool_calls') return;
          whole += 1;
          const expected = calls.map((one) => `${one.name} ${JSON.stringify(one.value)}`);
          expect(result.toSorted()).toEqual([...expected, 'tool_calls'].toSorted());
        },
      ),
      { numRuns, seed: seedOf() },
    );
    expect(whole).toBeGreaterThan(numRuns / 2);
  }, 60_000);
});
