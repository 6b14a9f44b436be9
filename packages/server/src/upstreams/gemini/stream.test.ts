import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { describeAnyEvents } from '../http/answer/any-events.suite.ts';
import { describeFixtures } from '../http/answer/replay.suite.ts';
import { createTranslation, type Translation } from '../http/answer/translation.ts';
import { callsInShort } from '../testing/output-in-short.ts';
import { createContentDialect } from './stream.ts';

const translation = ({
  maxEventBytes = 1024 * 1024,
  ...options
}: {
  choices?: number;
  parallelToolCalls?: boolean;
  maxEventBytes?: number;
} = {}) =>
  createTranslation({
    dialect: (output) =>
      createContentDialect(
        {
          choices: 1,
          parallelToolCalls: true,
          completionId: 'chatcmpl-fixture',
          errors: () => ({ hidden: [], nowMs: 0 }),
          ...options,
        },
        output,
      ),
    maxEventBytes,
  });

const bytes = (...events: readonly object[]) =>
  Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join(''));
const candidate = (parts: readonly object[], finishReason?: string) => ({
  candidates: [{ content: { parts }, ...(finishReason === undefined ? {} : { finishReason }) }],
});
const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 4 };
/** The events of a body with these events. */
const read = (...events: readonly object[]): StreamEvent[] => readTo(translation(), ...events);
const readTo = (stream: Translation, ...events: readonly object[]): StreamEvent[] => [
  ...(stream.push(bytes(...events)) ?? []),
  ...(stream.end(undefined) ?? []),
];
const last = (events: readonly StreamEvent[] | undefined) => events?.at(-1);
const types = (events: readonly StreamEvent[] | undefined) => (events ?? []).map(({ type }) => type);
const codes = (events: readonly StreamEvent[] | undefined) =>
  (events ?? []).flatMap((event) => (event.type === 'failed' ? [event.failure.code] : []));

describeFixtures(new URL('fixtures/streams/', import.meta.url), (name) =>
  translation({ choices: name === 'two-choices' ? 2 : 1 }),
);

describeAnyEvents(
  {
    keys: [
      'candidates',
      'content',
      'parts',
      'text',
      'thought',
      'thoughtSignature',
      'functionCall',
      'name',
      'args',
      'id',
      'finishReason',
      'index',
      'usageMetadata',
      'promptTokenCount',
      'candidatesTokenCount',
      'promptFeedback',
      'blockReason',
      'error',
      'inlineData',
    ],
    texts: ['STOP', 'MAX_TOKENS', 'SAFETY', 'FUNCTION_CALL', 'FINISH_REASON_UNSPECIFIED', 'f'],
    events: [
      { candidates: [{ index: 0, content: { parts: [{ text: 'a' }, { text: 'b', thought: true }] } }] },
      {
        candidates: [
          { content: { parts: [{ functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 's' }] } },
        ],
      },
      { candidates: [{ content: { parts: [{ text: '' }] }, finishReason: 'STOP' }] },
      { candidates: [{ content: { parts: [{ inlineData: { mimeType: 'image/png', data: 'AA' } }] } }] },
      {
        candidates: [{ finishReason: 'STOP' }],
        usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4 },
      },
      { usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, thoughtsTokenCount: 1 } },
      { promptFeedback: { blockReason: 'SAFETY' } },
      { error: { code: 503, message: 'a', status: 'UNAVAILABLE', details: [{ reason: 'a' }] } },
    ],
  },
  () => translation(),
);

describe('the finish', () => {
  test('is held for the counts of the whole answer', () => {
    const stream = translation();
    stream.push(bytes({ ...candidate([{ text: 'a' }]), usageMetadata }));
    expect(stream.push(bytes(candidate([{ text: 'b' }], 'STOP')))).toHaveLength(1);
    expect(stream.held).toBe('held');
    const later = { ...usageMetadata, candidatesTokenCount: 9 };
    expect(stream.push(bytes({ usageMetadata: later }))).toEqual([]);
    expect(stream.end(undefined)).toEqual([
      { type: 'usage', usage: { promptTokens: 3, completionTokens: 9 } },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    expect(stream.ended).toBe('whole');
  });

  test('comes with earlier counts where no later ones come', () => {
    const stream = translation();
    stream.push(bytes({ ...candidate([{ text: 'a' }]), usageMetadata }, candidate([], 'STOP')));
    expect(types(stream.end(undefined))).toEqual(['usage', 'finish']);
  });

  test('comes without a usage where there are no counts, or impossible ones', () => {
    const stream = translation();
    const absurd = { promptTokenCount: -3, candidatesTokenCount: 1.5 };
    stream.push(bytes({ ...candidate([{ text: 'a' }], 'STOP'), usageMetadata: absurd }));
    expect(types(stream.end(undefined))).toEqual(['finish']);
  });

  test('has the signature of an empty part after it', () => {
    const late = { ...candidate([{ text: '', thoughtSignature: 'CiQB' }]), usageMetadata };
    expect(last(read(candidate([{ text: 'a' }], 'STOP'), late))).toEqual({
      type: 'finish',
      choice: 0,
      reason: 'stop',
      extra: { google: { thought_signature: 'CiQB' } },
    });
  });

  const call = (name: string) => ({ functionCall: { name, args: {} } });

  test.each<[string, readonly object[], string]>([
    ['on every event', ['a', 'b', 'c'].map((text) => candidate([{ text }], 'STOP')), 'abc'],
    [
      'on empty events before the text',
      [candidate([], 'STOP'), candidate([{ text: '' }], 'STOP'), candidate([{ text: 'a' }], 'STOP')],
      'a',
    ],
    [
      'on each of two calls',
      [candidate([call('f')], 'STOP'), candidate([call('g')], 'STOP'), { usageMetadata }],
      'fg',
    ],
  ])('%s is one finish after all output', (_, events, output) => {
    const emitted = read(...events);
    const written = emitted.map((event) =>
      event.type === 'text-delta' ? event.json : event.type === 'tool-call-start' ? event.name : '',
    );
    expect(written.join('')).toBe(output);
    expect(types(emitted).filter((type) => type === 'finish')).toHaveLength(1);
    expect(types(emitted).at(-1)).toBe('finish');
  });

  test('with output after it is a cut', () => {
    expect(codes(read(candidate([{ text: 'a' }], 'STOP'), candidate([{ text: 'b' }])))).toEqual([
      'upstream_cut',
    ]);
  });
});

test('without parallel calls only the first call is emitted', () => {
  const stream = translation({ parallelToolCalls: false });
  const calls = [{ functionCall: { name: 'a' } }, { functionCall: { name: 'b' } }];
  const events = readTo(stream, { ...candidate(calls, 'STOP'), usageMetadata });
  expect(types(events)).toEqual(['tool-call-start', 'tool-call-delta', 'usage', 'finish']);
});

test('an unreadable event with output tears the answer, and one without output is dropped', () => {
  const stream = translation();
  expect(stream.push(Buffer.from('data: {"usageMeta\n\n'))).toBeUndefined();
  expect(codes(stream.push(Buffer.from('data: {"candidates":[{"content":{"parts":[\n\n')))).toEqual([
    'upstream_cut',
  ]);
});

test('an event with counts only is a sign of life', () => {
  expect(translation().push(bytes({ usageMetadata }))).toEqual([]);
});

describe('the index of a candidate', () => {
  const text = (index: unknown, piece: string, finishReason?: string) => ({
    index,
    content: { parts: [{ text: piece }] },
    ...(finishReason === undefined ? {} : { finishReason }),
  });

  test('means the only choice, where one was requested', () => {
    const events = read(...[0, 1, '2'].map((index) => ({ candidates: [text(index, 'a')] })), {
      candidates: [{ index: 0, finishReason: 'STOP' }],
    });
    expect(types(events)).toEqual(['text-delta', 'text-delta', 'text-delta', 'finish']);
  });

  test('makes one event with two outputs a failure, where one was requested', () => {
    const both = { candidates: [text(0, 'a', 'STOP'), text(1, 'b', 'STOP')] };
    expect(codes(read(both))).toEqual(['upstream_protocol']);
  });

  test('that was not requested is a cut, and without output nothing', () => {
    const wrong = (piece: string) => readTo(translation({ choices: 2 }), { candidates: [text(2, piece)] });
    expect(last(wrong('a'))).toMatchObject({ failure: { code: 'upstream_cut' } });
    expect(last(wrong(''))).toMatchObject({ failure: { code: 'upstream_protocol' } });
  });
});

describe('output that cannot be read', () => {
  test.each<[string, object, string]>([
    ['candidates that are none', { candidates: 5 }, 'candidates that are no list'],
    ['a candidate that is none', { candidates: ['Hi'] }, 'a candidate that is no object'],
    ['a content that is a text', { candidates: [{ content: 'Hi' }] }, 'a content that cannot be read'],
    ['parts that are no list', { candidates: [{ content: { parts: 5 } }] }, 'a content that cannot be read'],
    ['a part that is a list', { candidates: [{ content: { parts: [['Hi']] } }] }, 'a part that is no object'],
    ['a text that is a number', candidate([{ text: 5 }]), 'a part whose text is none'],
    [
      'a signature that is a number',
      candidate([{ text: 'a', thoughtSignature: 5 }]),
      'a signature that is no text',
    ],
    ['a call that is a text', candidate([{ functionCall: 'f' }]), 'a function call that cannot be read'],
    ['a call without a name', candidate([{ functionCall: {} }]), 'a function call without a name'],
    [
      'args that are a number',
      candidate([{ functionCall: { name: 'f', args: 5 } }]),
      'a function call whose args are no object',
    ],
    [
      'a call in pieces',
      candidate([{ functionCall: { name: 'f', willContinue: true } }]),
      'a function call in pieces',
    ],
  ])('%s is a cut, and the log has its description', (_name, event, detail) => {
    expect(last(translation().push(bytes(event)))).toMatchObject({
      type: 'failed',
      failure: { code: 'upstream_cut', detail },
    });
  });

  test('arguments that are nested too deep are a cut and no bug', () => {
    const args = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
    const event = `data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":${args}}}]}}]}\n\n`;
    expect(codes(translation().push(Buffer.from(event)))).toEqual(['upstream_cut']);
  });

  test('does not include metadata beside the text, or an empty part', () => {
    const event = {
      candidates: [
        {
          content: { parts: [{}, { text: 'a', partMetadata: { x: 1 } }, { text: null, inlineData: null }] },
          citationMetadata: { citationSources: [] },
          groundingMetadata: {},
          finishReason: 'STOP',
        },
      ],
      usageMetadata,
      modelVersion: 'x',
    };
    expect(types(read(event))).toEqual(['text-delta', 'usage', 'finish']);
  });
});

describe('finish reasons', () => {
  const call = { functionCall: { name: 'f', args: {} } };
  const finished = (parts: readonly object[], reason: string) =>
    last(read({ ...candidate(parts, reason), usageMetadata }));

  test('FUNCTION_CALL, which emulators send, is tool_calls where there is a call', () => {
    expect(finished([call], 'FUNCTION_CALL')).toMatchObject({ type: 'finish', reason: 'tool_calls' });
    expect(finished([{ text: 'a' }], 'FUNCTION_CALL')).toMatchObject({ failure: { code: 'upstream_cut' } });
  });

  test.each(['MISSING_THOUGHT_SIGNATURE', 'TOO_MANY_TOOL_CALLS', 'NO_IMAGE', 'OTHER'])(
    '%s finishes nothing',
    (reason) => {
      expect(finished([{ text: 'a' }], reason)).toMatchObject({
        failure: { code: 'upstream_cut', detail: `finishReason ${reason} with 0 calls` },
      });
    },
  );

  test('a reason that may be a text is no finish, and the log does not repeat it', () => {
    expect(finished([{ text: 'a' }], 'MY_SECRET_PLAN')).toMatchObject({
      failure: { code: 'upstream_cut', detail: 'finishReason some string of 14 characters with 0 calls' },
    });
  });

  test('FINISH_REASON_UNSPECIFIED is no finish reason', () => {
    const stream = translation();
    stream.push(bytes(candidate([{ text: 'a' }], 'FINISH_REASON_UNSPECIFIED')));
    stream.push(bytes(candidate([{ text: 'a' }], '')));
    expect(last(readTo(stream, { ...candidate([{ text: 'b' }], 'STOP'), usageMetadata }))).toMatchObject({
      type: 'finish',
      reason: 'stop',
    });
  });
});

describe('the feedback on the prompt', () => {
  const text = candidate([{ text: 'Hi' }], 'STOP');

  test.each(['', 'BLOCK_REASON_UNSPECIFIED', 'block_reason_unspecified', null, undefined, 0])(
    'with the reason %j blocks nothing',
    (blockReason) => {
      const event = { ...text, promptFeedback: { blockReason, safetyRatings: [] }, usageMetadata };
      expect(types(read(event))).toEqual(['text-delta', 'usage', 'finish']);
      expect(types(read({ promptFeedback: { blockReason } }, text))).toEqual(['text-delta', 'finish']);
    },
  );

  test.each(['SAFETY', 'safety', 'OTHER', 'PROHIBITED_CONTENT', 'A_NEW_ONE'])(
    'with the reason %s is a refusal by policy',
    (blockReason) => {
      expect(last(read({ promptFeedback: { blockReason } }))).toMatchObject({
        failure: { code: 'content_policy_violation' },
      });
    },
  );
});

describe('an error event', () => {
  const error = { error: { code: 400, status: 'INVALID_ARGUMENT', message: 'x' } };

  test('after output does not blame the request', () => {
    expect(codes(translation().push(bytes(error)))).toEqual(['invalid_value']);
    expect(codes(translation().push(bytes(candidate([{ text: 'a' }]), error)))).toEqual(['upstream_cut']);
  });

  test('while only the counts are missing changes nothing', () => {
    const stream = translation();
    stream.push(bytes(candidate([{ text: 'a' }], 'STOP')));
    expect(types(stream.push(bytes(error)))).toEqual([]);
    expect(types(readTo(stream, { usageMetadata }))).toEqual(['usage', 'finish']);
  });
});

describe('an answer that exceeds a bound is torn:', () => {
  const signed = (at: number) => ({
    functionCall: { name: 'f', args: {} },
    thoughtSignature: 's'.repeat(400_000 + at),
  });
  const calling = (length: number, args: object = {}) =>
    Array.from({ length }, () => candidate([{ functionCall: { name: 'f', args } }]));

  test.each<[string, string, readonly object[]]>([
    [
      'signatures of calls',
      'over 1048576 characters that have to be sent back to it',
      [0, 1, 2].map((at) => candidate([signed(at)])),
    ],
    [
      'the signature of a text',
      'over 1048576 characters that have to be sent back to it',
      [candidate([{ text: '', thoughtSignature: 's'.repeat(1_048_577) }])],
    ],
    [
      'arguments of all calls',
      'tool calls whose arguments are over 8388608 characters together',
      calling(11, { a: 'x'.repeat(800_000) }),
    ],
    ['calls', 'more than 1024 tool calls', calling(1_025)],
    [
      'a name',
      "a tool's name of over 256 characters",
      [candidate([{ functionCall: { name: 'f'.repeat(257), args: {} } }])],
    ],
  ])('%s', (_, what, events) => {
    expect(last(translation({ maxEventBytes: 8 * 1024 * 1024 }).push(bytes(...events)))).toMatchObject({
      type: 'failed',
      failure: {
        code: 'upstream_protocol',
        message: `The upstream's answer holds more than this server takes: ${what}.`,
      },
    });
  });

  test('a signature that is replaced does not count', () => {
    const texts = Array.from({ length: 20 }, () =>
      candidate([{ text: 'a', thoughtSignature: 's'.repeat(200_000) }]),
    );
    const events = read(...texts, { ...candidate([], 'STOP'), usageMetadata });
    expect(last(events)).toMatchObject({
      type: 'finish',
      extra: { google: { thought_signature: 's'.repeat(200_000) } },
    });
  });

  test('an id that is too long for a client to send back is replaced', () => {
    const call = { functionCall: { id: 'i'.repeat(1_025), name: 'f', args: {} } };
    expect(translation().push(bytes(candidate([call])))?.[0]).toMatchObject({
      id: expect.stringMatching(/^call_\w{32}$/),
    });
  });
});

describe('calls are put right', () => {
  const call = (name: string, args?: unknown, id?: string) => ({ functionCall: { id, name, args } });

  /** The calls as `name arguments`, and how the answer ended. */
  function callsOf(...parts: readonly (readonly object[])[]): string[] {
    const reader = translation();
    const answer = bytes(...parts.map((some) => candidate(some)), {
      ...candidate([], 'STOP'),
      usageMetadata,
    });
    return callsInShort([...(reader.push(answer) ?? []), ...(reader.end(undefined) ?? [])]);
  }

  test.each([[undefined], [null], [{}], [[]], [''], ['null'], ['{}']])(
    'args %j are an empty object',
    (args) => {
      expect(callsOf([call('f', args)])).toEqual(['f {}', 'tool_calls']);
    },
  );

  test.each([['{"a":1}'], [{ a: 1 }], ['"{\\"a\\":1}"']])('args %j are the object', (args) => {
    expect(callsOf([call('f', args)])).toEqual(['f {"a":1}', 'tool_calls']);
  });

  test.each([['x'], [[1]], ['{"a"']])('args %j are no object: an error', (args) => {
    expect(callsOf([call('f', args)]).at(-1)).toBe('upstream_protocol');
  });

  test('the same call on two events is one call where it has an id', () => {
    const one = call('f', { a: 1 }, 'a');
    expect(callsOf([one], [one])).toEqual(['f {"a":1}', 'tool_calls']);
    expect(callsOf([one, call('f', { a: 2 }, 'a')])).toEqual(['f {"a":1}', 'f {"a":2}', 'tool_calls']);
  });

  test('calls without ids all come, also equal ones: each part is a call', () => {
    const roll = call('roll', { sides: 6 });
    expect(callsOf([roll, roll], [roll])).toEqual([...Array(3).fill('roll {"sides":6}'), 'tool_calls']);
  });
});
