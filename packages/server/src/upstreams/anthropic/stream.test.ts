import { decodeJsonText, emptyJsonText, type JsonText, joinJsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { describeAnyEvents } from '../http/answer/any-events.suite.ts';
import { describeFixtures } from '../http/answer/replay.suite.ts';
import { createTranslation } from '../http/answer/translation.ts';
import { createMessageDialect } from './stream.ts';

const joinAll = (texts: readonly JsonText[]) => texts.reduce(joinJsonText, emptyJsonText);

const translation = (prefixEnd?: string) =>
  createTranslation({
    dialect: (output) =>
      createMessageDialect(
        {
          errors: () => ({ hidden: [], nowMs: 0 }),
          completionId: 'chatcmpl-1',
          ...(prefixEnd === undefined ? {} : { prefixEnd }),
        },
        output,
      ),
    maxEventBytes: 64 * 1024,
  });

const bytes = (...events: readonly object[]) =>
  Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
const textBlock = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
const text = (piece: string, index = 0) => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'text_delta', text: piece },
});
const stop = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } };

const messageStop = { type: 'message_stop' };
/** The events of a body with these events. */
const read = (...events: readonly object[]): StreamEvent[] => readAfter(undefined, ...events);
const readAfter = (prefixEnd: string | undefined, ...events: readonly object[]): StreamEvent[] => {
  const stream = translation(prefixEnd);
  return [...(stream.push(bytes(...events)) ?? []), ...(stream.end(undefined) ?? [])];
};

const texts = (events: readonly StreamEvent[]) =>
  events.map((event) => (event.type === 'text-delta' ? decodeJsonText(event.json) : '')).join('');
const codes = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.type === 'failed' ? [event.failure.code] : []));

describeFixtures(new URL('fixtures/streams/', import.meta.url), () => translation());

describeAnyEvents(
  {
    keys: [
      'type',
      'index',
      'content_block',
      'delta',
      'message',
      'usage',
      'error',
      'text',
      'thinking',
      'signature',
      'data',
      'id',
      'name',
      'input',
      'partial_json',
      'stop_reason',
      'content',
      'input_tokens',
      'output_tokens',
      'citations',
      'citation',
    ],
    texts: [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'error',
      'ping',
      'text',
      'thinking',
      'redacted_thinking',
      'tool_use',
      'text_delta',
      'thinking_delta',
      'signature_delta',
      'input_json_delta',
      'citations_delta',
      'server_tool_use',
      'end_turn',
      'tool_use',
      'max_tokens',
    ],
    events: [
      { type: 'message_start', message: { content: [], usage: { input_tokens: 3, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'thinking', thinking: '', signature: 's' },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'redacted_thinking', data: 'd' } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 'a', name: 'f', input: {} },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'a' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'a' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{}' } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'server_tool_use', id: 's', input: {} },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'citations_delta', citation: { a: 1 } } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4 } },
      { type: 'message_delta', delta: { stop_reason: null }, usage: { output_tokens: 4 } },
      { type: 'error', error: { type: 'api_error', message: 'a' } },
    ],
  },
  () => translation(),
);

describe('a sign of life', () => {
  test('is a ping, but not half an event or a comment', () => {
    const stream = translation();
    expect(stream.push(bytes({ type: 'ping' }))).toEqual([]);
    expect(stream.push(Buffer.from(': hello\n\ndata: {"type"'))).toBeUndefined();
    expect(stream.push(Buffer.from(': "ping"}\n\n'))).toEqual([]);
  });
});

describe('an answer with mistakes', () => {
  test('is torn by an unreadable event with output', () => {
    const stream = translation();
    const events = stream.push(Buffer.from('data: {"type":"content_block_delta","ind\n\n'));
    expect(codes(events ?? [])).toEqual(['upstream_cut']);
    expect(stream.ended).toBe('torn');
  });

  test('is not torn by three unreadable events without output, but by a fourth', () => {
    const stream = translation();
    for (let count = 0; count < 3; count += 1) {
      expect(stream.push(Buffer.from('data: {"type":"pi\n\n'))).toBeUndefined();
    }
    expect(codes(stream.push(Buffer.from('data: {"type"\n\n')) ?? [])).toEqual(['upstream_protocol']);
  });

  test('is a protocol error where an event is too large', () => {
    expect(codes(translation().push(bytes(text('x'.repeat(70_000)))) ?? [])).toEqual(['upstream_protocol']);
  });

  test('emits nothing after its own end', () => {
    const stream = translation();
    expect(texts(stream.push(bytes(textBlock, text('a'), stop, messageStop, text('b'), stop)) ?? [])).toBe(
      'a',
    );
    expect(stream.end(undefined)).toBeUndefined();
  });

  test('has its last stop reason, and the output after an earlier one', () => {
    const early = { type: 'message_delta', delta: { stop_reason: 'max_tokens' } };
    const events = read(early, textBlock, text('a'), early, text('b'), stop);
    expect(texts(events)).toBe('ab');
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' });
    expect(codes(read(textBlock, text('a'), stop, text('b')))).toEqual(['upstream_cut']);
    expect(texts(read(textBlock, text('a'), stop, text('b'), messageStop))).toBe('ab');
  });
});

describe('an answer after a prefix', () => {
  test('must begin with the white space at the end of the prefix, which is not emitted', () => {
    const stream = translation(' \n');
    expect(texts(stream.push(bytes(textBlock, text(' '), text('\nGo'), text(' on'), stop)) ?? [])).toBe(
      'Go on',
    );
  });

  test('is a cut where it begins otherwise', () => {
    expect(codes(translation(' ').push(bytes(textBlock, text('Go'))) ?? [])).toEqual(['upstream_cut']);
    expect(codes(readAfter(' \n', textBlock, text(' '), stop))).toEqual(['upstream_cut']);
  });
});

describe('output that cannot be read', () => {
  const piece = (delta: object) => ({ type: 'content_block_delta', index: 0, delta });
  const block = (content_block: unknown) => ({ type: 'content_block_start', index: 0, content_block });
  const toolBlock = block({ type: 'tool_use', id: 'toolu_1', name: 'f', input: {} });

  test.each<[string, readonly object[], string]>([
    ['a block that is none', [block(5)], 'a content block that is no object'],
    ['a block without a type', [block({})], 'a content block of type some undefined'],
    [
      'a type that could be a text',
      [block({ type: 'my secret' })],
      'a content block of type some string of 9 characters',
    ],
    [
      'a text block whose text is a number',
      [block({ type: 'text', text: 5 })],
      'a text block whose text is none',
    ],
    [
      'a text that is a number',
      [textBlock, piece({ type: 'text_delta', text: 5 })],
      'a delta of text whose text is none',
    ],
    [
      'a citation that is a text',
      [textBlock, piece({ type: 'citations_delta', citation: 'x' })],
      'a citation that is no object',
    ],
    [
      'a citation in a call',
      [toolBlock, piece({ type: 'citations_delta', citation: { cited_text: 'x' } })],
      'a citation in a block of tool_use',
    ],
    [
      'a delta of an unknown type',
      [block({ type: 'compaction', content: '' }), piece({ type: 'compaction_delta', content: 'x' })],
      'a delta of type some string of 16 characters',
    ],
    [
      'a text in a block of an unknown type',
      [block({ type: 'hologram' }), piece({ type: 'text_delta', text: 'x' })],
      'a delta of text in a block of other',
    ],
    [
      'an input of a tool that the provider runs, cut short',
      [
        block({ type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
        piece({ type: 'input_json_delta', partial_json: '{"query":' }),
        { type: 'content_block_stop', index: 0 },
      ],
      'a block whose input is no JSON',
    ],
    ['a delta that is none', [textBlock, piece([])], 'a delta of type some undefined'],
    [
      'arguments in a text',
      [textBlock, piece({ type: 'input_json_delta', partial_json: '{}' })],
      'a delta of tool_use in a block of text',
    ],
    [
      'arguments that are a number',
      [toolBlock, piece({ type: 'input_json_delta', partial_json: 5 })],
      'a delta of tool_use whose text is none',
    ],
    [
      'arguments without a block',
      [piece({ type: 'input_json_delta', partial_json: '{}' })],
      'a delta of tool_use in no block',
    ],
    [
      'arguments of neither of two open blocks',
      [
        toolBlock,
        { ...toolBlock, index: 1 },
        { ...piece({ type: 'input_json_delta', partial_json: '{}' }), index: 2 },
      ],
      'a delta of tool_use in no block',
    ],
    [
      'a call without a name',
      [block({ type: 'tool_use', id: 'toolu_1', input: {} })],
      'a tool call without a name',
    ],
    [
      'a call whose id is a number',
      [block({ type: 'tool_use', id: 1, name: 'f' })],
      'a tool call whose id is no text',
    ],
    [
      'a call whose input is a number',
      [block({ type: 'tool_use', id: 'a', name: 'f', input: 5 })],
      'a tool call whose input cannot be read',
    ],
    [
      'a block with the index of one that stands in message_start',
      [{ type: 'message_start', message: { content: [{ type: 'text', text: 'Hi' }] } }, textBlock],
      'a block with the index of a block in message_start',
    ],
  ])('%s is a cut, and the log has its description', (_name, events, detail) => {
    const emitted = translation().push(bytes(...events)) ?? [];
    expect(emitted.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'upstream_cut', detail } });
  });

  test('does not include events without output', () => {
    const events = [
      { type: 'message_delta', delta: { stop_reason: '' } },
      block({ type: 'text' }),
      piece({ type: 'text_delta' }),
      piece({ type: 'text_delta', text: null }),
      piece({ type: 'text_delta', text: 'a' }),
      stop,
    ];
    expect(texts(translation().push(bytes(...events)) ?? [])).toBe('a');
  });
});

describe('tool calls', () => {
  const call = (id: string | undefined, index = 0) => ({
    type: 'content_block_start',
    index,
    content_block: { type: 'tool_use', ...(id === undefined ? {} : { id }), name: 'f' },
  });
  const called = { type: 'message_delta', delta: { stop_reason: 'tool_use' } };

  test('without an id get one, each a different one', () => {
    const events = read(call(undefined), call('', 1), call('toolu_1', 2), called);
    const ids = events.flatMap((event) => (event.type === 'tool-call-start' ? [event.id] : []));
    expect(ids).toEqual(['call_chatcmpl-1_0_0', 'call_chatcmpl-1_0_1', 'toolu_1']);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'tool_calls' });
  });

  test('that a stop reason announces and that never came are a cut', () => {
    const events = read(textBlock, text('I call.'), called);
    expect(texts(events)).toBe('I call.');
    expect(events.at(-1)).toMatchObject({
      type: 'failed',
      failure: { code: 'upstream_cut', detail: 'stop_reason tool_use with 0 tool calls' },
    });
  });
});

describe('blocks out of order', () => {
  const starts = (type: string, index: number, more = {}) => ({
    type: 'content_block_start',
    index,
    content_block: { type, ...more },
  });
  const delta = (type: string, given: object, index?: number) => ({
    type: 'content_block_delta',
    ...(index === undefined ? {} : { index }),
    delta: { type, ...given },
  });
  const thought = (thinking: string, index?: number) => delta('thinking_delta', { thinking }, index);
  const json = (partial_json: string, index?: number) => delta('input_json_delta', { partial_json }, index);
  const stops = (index: number) => ({ type: 'content_block_stop', index });
  const tool = (index: number) => starts('tool_use', index, { id: 'a', name: 'f', input: {} });

  /** Thoughts, text, calls and the end, each in one line. */
  function linesOf(...given: readonly object[]): string[] {
    const whole = bytes(...given, messageStop);
    const of = (pieces: readonly Buffer[]) => {
      const reader = translation();
      const lines = { thoughts: '', text: '', calls: '', end: '' };
      for (const event of pieces.flatMap((one) => reader.push(one) ?? [])) {
        if (event.type === 'reasoning-delta') lines.thoughts += decodeJsonText(event.json);
        else if (event.type === 'text-delta') lines.text += decodeJsonText(event.json);
        else if (event.type === 'tool-call-delta') lines.calls += decodeJsonText(event.json);
        else if (event.type === 'finish') lines.end = event.reason;
        else if (event.type === 'failed') lines.end = event.failure.code;
      }
      return Object.values(lines);
    };
    const result = of([whole]);
    expect(of(Array.from(whole, (byte) => Buffer.of(byte)))).toEqual(result);
    return result;
  }

  test.each<[string, readonly object[], readonly string[]]>([
    ['texts without a beginning', [text('Hello'), text(' world'), stop], ['', 'Hello world', '', 'stop']],
    [
      'a thought and a text without beginnings',
      [thought('hm', 0), thought('!', 0), text('Hello', 1), stop],
      ['hm!', 'Hello', '', 'stop'],
    ],
    ['a text behind its stop', [textBlock, text('a'), stops(0), text('b'), stop], ['', 'ab', '', 'stop']],
    [
      'pieces with another index',
      [{ ...textBlock, index: 1 }, text('a', 0), text('b', 0), stops(1), stop],
      ['', 'ab', '', 'stop'],
    ],
    ['a stray stop', [textBlock, text('a'), stops(3), text('b'), stops(0), stop], ['', 'ab', '', 'stop']],
    [
      'a thought in a text',
      [textBlock, thought('hm', 0), text('a'), thought('!', 0), text('b'), stop],
      ['hm!', 'ab', '', 'stop'],
    ],
    [
      'a text in a thought',
      [starts('thinking', 0, { thinking: '' }), thought('hm', 0), text('a'), stop],
      ['hm', '', '', 'upstream_cut'],
    ],
    [
      'a text without a beginning behind a thought without a stop',
      [starts('thinking', 0, { thinking: '' }), thought('hm', 0), text('a', 1), text('b', 1), stop],
      ['hm', 'ab', '', 'stop'],
    ],
    [
      'a text that a call overlaps',
      [
        ...[textBlock, text('Hello'), tool(1), json('{"a"', 1), text(' world'), json(':1}', 1)],
        ...[stops(0), stops(1), stop],
      ],
      ['', 'Hello world', '{"a":1}', 'tool_calls'],
    ],
    [
      'texts of two blocks that take turns',
      [textBlock, { ...textBlock, index: 1 }, text('a'), text('b', 1), text('c'), stop],
      ['', 'ab', '', 'upstream_protocol'],
    ],
    [
      'the input of a tool of the provider behind the beginning of a call',
      [starts('server_tool_use', 0, { id: 's', name: 'g', input: {} }), tool(1), json('{"q":1}', 0), stop],
      ['', '', '', 'upstream_cut'],
    ],
  ])('%s', (_, events, lines) => {
    expect(linesOf(...events)).toEqual(lines);
  });

  test('are kept for the next turn in the order of their beginnings', () => {
    const events = read(
      starts('thinking', 0, { thinking: '' }),
      thought('hm', 0),
      tool(1),
      { ...tool(2), content_block: { type: 'tool_use', id: 'b', name: 'g', input: {} } },
      json('{"b":2}', 2),
      stops(2),
      delta('signature_delta', { signature: 's' }, 0),
      stops(0),
      json('{"a":1}', 1),
      stops(1),
      stop,
      messageStop,
    );
    expect(events.at(-1)).toMatchObject({
      extra: {
        anthropic: {
          blocks: [
            { type: 'thinking', thinking: 'hm', signature: 's' },
            { type: 'tool_use', id: 'a' },
            { type: 'tool_use', id: 'b' },
          ],
        },
      },
    });
  });

  test('a long answer without beginnings stays within its bound', () => {
    const events = read(...Array.from({ length: 20_000 }, () => thought('x', 0)), stop);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' });
  });
});

test('thoughts without a signature are emitted, and not kept for the next turn', () => {
  const thinking = {
    type: 'content_block_start',
    index: 0,
    content_block: { type: 'thinking', thinking: 'hm' },
  };
  const events = read(thinking, { ...textBlock, index: 1 }, text('a', 1), stop);
  expect(events.map(({ type }) => type)).toEqual(['reasoning-delta', 'text-delta', 'usage', 'finish']);
  expect(events.at(-1)).not.toHaveProperty('extra');
});

describe('an error event', () => {
  const error = (type: string) => ({ type: 'error', error: { type, message: 'no prefill here' } });

  test('before output is a failure by its type', () => {
    expect(codes(translation().push(bytes(error('invalid_request_error'))) ?? [])).toEqual(['invalid_value']);
    expect(codes(translation().push(bytes(error('overloaded_error'))) ?? [])).toEqual(['upstream_refused']);
  });

  test('after output does not blame the request', () => {
    const events = translation().push(bytes(textBlock, text('a'), error('invalid_request_error'))) ?? [];
    expect(codes(events)).toEqual(['upstream_cut']);
  });

  test('after a prefix, before output, blames the upstream', () => {
    const events = translation('').push(bytes(error('invalid_request_error'))) ?? [];
    expect(codes(events)).toEqual(['upstream_refused']);
  });

  test('after the finish changes nothing', () => {
    const events = translation().push(bytes(textBlock, text('a'), stop, error('api_error'))) ?? [];
    expect(codes(events)).toEqual([]);
  });
});

describe('an answer that exceeds a bound is torn:', () => {
  const page = 'x'.repeat(60_000);
  const starts = (content_block: object, index = 0) => ({
    type: 'content_block_start',
    index,
    content_block,
  });
  const piece = (delta: object, index = 0) => ({ type: 'content_block_delta', index, delta });
  const ends = (index: number) => ({ type: 'content_block_stop', index });
  const thinks = starts({ type: 'thinking', thinking: '', signature: '' });
  const calls = starts({ type: 'tool_use', id: 'toolu_1', name: 'f' });
  const often = (times: number, event: object) => Array.from({ length: times }, () => event);

  test.each<[string, string, readonly object[]]>([
    [
      'a signature',
      'over 1048576 characters that have to be sent back to it',
      [thinks, ...often(18, piece({ type: 'signature_delta', signature: page }))],
    ],
    [
      'thoughts',
      'over 1048576 characters that have to be sent back to it',
      [thinks, ...often(18, piece({ type: 'thinking_delta', thinking: page }))],
    ],
    [
      'redacted thoughts',
      'over 1048576 characters that have to be sent back to it',
      Array.from({ length: 18 }, (_, index) => starts({ type: 'redacted_thinking', data: page }, index)),
    ],
    [
      'blocks',
      'over 1048576 characters that have to be sent back to it',
      Array.from({ length: 17_000 }, (_, index) => [{ ...textBlock, index }, ends(index)]).flat(),
    ],
    [
      'the arguments of a call',
      'a tool call whose arguments are over 4194304 characters',
      [calls, ...often(70, piece({ type: 'input_json_delta', partial_json: page }))],
    ],
    [
      'calls',
      'more than 1024 tool calls',
      Array.from({ length: 1_025 }, (_, index) => starts({ type: 'tool_use', id: 'a', name: 'f' }, index)),
    ],
    [
      'a name',
      "a tool's name of over 256 characters",
      [starts({ type: 'tool_use', id: 'a', name: 'f'.repeat(257) })],
    ],
  ])('%s', (_, what, events) => {
    const emitted = translation().push(bytes(...events)) ?? [];
    expect(emitted.at(-1)).toMatchObject({
      type: 'failed',
      failure: {
        code: 'upstream_protocol',
        message: `The upstream's answer holds more than this server takes: ${what}.`,
      },
    });
  });

  test('arguments within the bound are emitted whole, in their pieces', () => {
    const input = JSON.stringify({ text: 'word '.repeat(40_000) });
    const pieces = Array.from({ length: Math.ceil(input.length / 5) }, (_, at) =>
      piece({ type: 'input_json_delta', partial_json: input.slice(5 * at, 5 * at + 5) }),
    );
    const emitted = translation().push(bytes(calls, ...pieces, stop)) ?? [];
    const deltas = emitted.flatMap((event) => (event.type === 'tool-call-delta' ? [event.json] : []));
    expect(deltas).toHaveLength(pieces.length);
    expect(decodeJsonText(joinAll(deltas))).toBe(input);
  });

  test('an id that is too long for a client to send back is replaced', () => {
    const [start] =
      translation().push(bytes(starts({ type: 'tool_use', id: 'i'.repeat(1_025), name: 'f' }))) ?? [];
    expect(start).toMatchObject({ type: 'tool-call-start', id: expect.stringMatching(/^call_\w{32}$/) });
  });
});

describe('calls are put right', () => {
  const starts = (id: unknown, name: string, input: unknown = {}, index = 0) => ({
    type: 'content_block_start',
    index,
    content_block: { type: 'tool_use', id, name, input },
  });
  const piece = (partial_json: unknown, index = 0) => ({
    type: 'content_block_delta',
    index,
    delta: { type: 'input_json_delta', partial_json },
  });
  const stops = (index = 0) => ({ type: 'content_block_stop', index });
  const end = { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 1 } };

  /** The calls as `name arguments`, and how the answer ended. */
  function callsOf(given: readonly object[]): string[] {
    const whole = bytes(...given, end, { type: 'message_stop' });
    const read = (pieces: readonly Buffer[]) => {
      const reader = translation();
      const events = pieces.flatMap((one) => reader.push(one) ?? []);
      const calls: string[] = [];
      const ids = events.flatMap((event) => (event.type === 'tool-call-start' ? [event.id] : []));
      expect(new Set(ids).size).toBe(ids.length);
      for (const event of events) {
        if (event.type === 'tool-call-start') calls.push(`${event.name} `);
        else if (event.type === 'tool-call-delta') calls.push(calls.pop() + decodeJsonText(event.json));
        else if (event.type === 'finish') calls.push(event.reason);
        else if (event.type === 'failed') calls.push(event.failure.code);
      }
      return calls;
    };
    const result = read([whole]);
    expect(read(Array.from(whole, (byte) => Buffer.of(byte)))).toEqual(result);
    return result;
  }

  test.each<[string, readonly object[], readonly string[]]>([
    [
      'two blocks with one index and one id',
      [starts('a', 'f'), piece('{"a":1}'), stops(), starts('a', 'f'), piece('{"a":2}'), stops()],
      ['f {"a":1}', 'f {"a":2}'],
    ],
    [
      'two blocks with one index, and without stops',
      [starts('a', 'f'), piece('{"a":1}'), starts('b', 'g'), piece('{"b":2}')],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'the same block again',
      [starts('a', 'f'), piece('{"a":1}'), stops(), starts('a', 'f'), piece('{"a"'), piece(':1}'), stops()],
      ['f {"a":1}'],
    ],
    [
      'one id at two indexes',
      [starts('a', 'f'), piece('{"a":1}'), stops(), starts('a', 'f', {}, 1), piece('{"a":1}', 1), stops(1)],
      ['f {"a":1}', 'f {"a":1}'],
    ],
    [
      'input with the start, and in pieces',
      [starts('a', 'f', { a: 1 }), piece('{"a"'), piece(':1}')],
      ['f {"a":1}'],
    ],
    ['input with the start only', [starts('a', 'f', { a: 1 }), stops()], ['f {"a":1}']],
    ['input as a text', [starts('a', 'f', '{"a":1}'), stops()], ['f {"a":1}']],
    ['input as an empty list', [starts('a', 'f', []), piece('{"a":1}'), stops()], ['f {"a":1}']],
    ['{} in a piece', [starts('a', 'f', null), piece('{}'), piece('{"a"'), piece(':1}')], ['f {"a":1}']],
    ['cumulative pieces', [starts('a', 'f'), piece('{"a'), piece('{"a":1'), piece('{"a":1}')], ['f {"a":1}']],
    [
      'the whole input once more',
      [starts('a', 'f'), piece('{"a"'), piece(':1}'), piece('{"a":1}')],
      ['f {"a":1}'],
    ],
    ['no input', [starts('a', 'f', undefined), piece(''), stops()], ['f {}']],
    ['a piece that is an object', [starts('a', 'f'), piece({ a: 1 }), stops()], ['f {"a":1}']],
    [
      'two blocks that overlap',
      [starts('a', 'f'), starts('b', 'g', {}, 1), piece('{"a":1}'), piece('{"b":2}', 1), stops(), stops(1)],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'two blocks whose pieces take turns, the second first',
      [
        ...[starts('a', 'f'), starts('b', 'g', {}, 1), piece('{"b"', 1), piece('{"a"'), piece(':2}', 1)],
        ...[stops(1), piece(':1}'), stops()],
      ],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'two blocks that overlap, the first without input',
      [starts('a', 'f'), starts('b', 'g', {}, 1), piece('{"b":2}', 1), stops(1), stops()],
      ['f {}', 'g {"b":2}'],
    ],
    [
      'two blocks that overlap, one of them again',
      [
        ...[
          starts('a', 'f'),
          piece('{"a":1}'),
          starts('b', 'g', {}, 1),
          stops(),
          piece('{"b":2}', 1),
          stops(1),
        ],
        ...[starts('a', 'f'), piece('{"a":1}'), stops()],
      ],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'pieces and stops with another index than their block',
      [
        starts('a', 'f', {}, 1),
        piece('{"a":1}'),
        stops(),
        starts('b', 'g', {}, 2),
        piece('{"b":2}'),
        stops(),
      ],
      ['f {"a":1}', 'g {"b":2}'],
    ],
    [
      'a stray stop',
      [starts('a', 'f'), piece('{"a"'), stops(5), piece(':1}'), stops(), stops(7)],
      ['f {"a":1}'],
    ],
  ])('%s', (_, events, calls) => {
    expect(callsOf(events)).toEqual([...calls, 'tool_calls']);
  });

  test.each<[string, readonly object[]]>([
    ['one input with the start and another in pieces', [starts('a', 'f', { a: 1 }), piece('{"a":2}')]],
    ['input that is a list', [starts('a', 'f', [1])]],
    ['input that is a word', [starts('a', 'f', 'x')]],
    ['input that is not complete', [starts('a', 'f'), piece('{"a"'), stops()]],
  ])('%s is an error', (_, events) => {
    expect(callsOf(events).at(-1)).toBe('upstream_protocol');
  });
});
