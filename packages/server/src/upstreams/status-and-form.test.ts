import { decodeJsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { pullOnce } from '../domain/batches.ts';
import { createEventGrammar } from '../domain/event-grammar.ts';
import { ok } from '../domain/failure.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import * as anthropic from './anthropic/errors.ts';
import { createMessageDialect } from './anthropic/stream.ts';
import * as gemini from './gemini/errors.ts';
import { createContentDialect } from './gemini/stream.ts';
import { openAnswerStream } from './http/answer/answer-stream.ts';
import type { TranslationOptions } from './http/answer/translation.ts';
import type { ErrorContext, Refusal } from './http/refusal/refusal.ts';
import * as openai from './openai/errors.ts';
import { fakeBody } from './openai/fake-answer.ts';
import { createChatDialect } from './openai/stream.ts';

const completionId = 'chatcmpl-1';
const context: ErrorContext = { hidden: [], nowMs: 0 };
const errors = () => context;

interface Protocol {
  readonly dialect: TranslationOptions['dialect'];
  readonly refused: (refusal: Refusal, errors: ErrorContext) => ReturnType<typeof openai.failureOfRefusal>;
  /** An answer that says “Hi 😀”, as one JSON text. */
  readonly whole: object;
  /** The same as events. */
  readonly events: readonly object[];
  /** An error as this protocol writes it. */
  readonly error: (status: number, type: string, message: string) => object;
}

const chat: Protocol = {
  dialect: (output) => createChatDialect({ choices: 1, completionId, finishReasons: {}, errors }, output),
  refused: openai.failureOfRefusal,
  whole: {
    object: 'chat.completion',
    error: null,
    choices: [
      { index: 0, message: { role: 'assistant', content: 'Hi 😀', tool_calls: [] }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  },
  events: [
    { choices: [{ index: 0, delta: { content: 'Hi 😀' } }], error: null },
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], error: {} },
    { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
  ],
  error: (_status, type, message) => ({ error: { type, message, param: null, code: null } }),
};
const messages: Protocol = {
  dialect: (output) => createMessageDialect({ errors, completionId }, output),
  refused: anthropic.failureOfRefusal,
  whole: {
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'Hi 😀' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 3, output_tokens: 2 },
  },
  events: [
    { type: 'message_start', message: { content: [], usage: { input_tokens: 3 } }, error: null },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Hi 😀' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ],
  error: (_status, type, message) => ({ type: 'error', error: { type, message } }),
};
const contents: Protocol = {
  dialect: (output) =>
    createContentDialect({ choices: 1, parallelToolCalls: true, completionId, errors }, output),
  refused: gemini.failureOfRefusal,
  whole: {
    candidates: [{ content: { parts: [{ text: 'Hi 😀' }] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
  },
  events: [
    { candidates: [{ content: { parts: [{ text: 'Hi 😀' }] } }], error: null },
    {
      candidates: [{ finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
    },
  ],
  error: (code, status, message) => ({ error: { code, message, status } }),
};
const protocols = { openai: chat, anthropic: messages, gemini: contents };

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly pieces: readonly (string | Uint8Array)[];
}

async function read(
  { dialect, refused }: Protocol,
  { status = 200, headers = {}, pieces }: Answer,
): Promise<StreamEvent[]> {
  const stream = openAnswerStream(
    {
      transport: { post: async () => ok({ status, headers, body: fakeBody(pieces) }) },
      maxEventBytes: 1024 * 1024,
      finishWaitMs: 1,
      repeatedFinishWaitMs: 1,
      request: () => ok({ path: '/', headers: {}, body: '' }),
      dialect,
      refused: (refusal) => refused(refusal, context),
    },
    new AbortController().signal,
  );
  const events: StreamEvent[] = [];
  const grammar = createEventGrammar(1);
  for (let one = await pullOnce(stream); one.done !== true; one = await pullOnce(stream)) {
    for (const event of one.value) {
      expect(grammar.accept(event)).toBeUndefined();
      events.push(event);
    }
  }
  return events;
}

const textOf = (events: readonly StreamEvent[]) =>
  events.map((event) => (event.type === 'text-delta' ? decodeJsonText(event.json) : '')).join('');
const failureOf = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.type === 'failed' ? [event.failure] : []))[0];
const bytewise = (text: string) => Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte));
const sse = (values: readonly object[]) =>
  values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join('');
const types = ['application/json', 'text/event-stream', 'text/plain; charset=utf-8', '', 'text/html'];
const typed = (type: string): Readonly<Record<string, string>> =>
  type === '' ? {} : { 'content-type': type };

describe.each(Object.entries(protocols))('an answer of %s', (_name, protocol) => {
  const expectWhole = (events: readonly StreamEvent[]) => {
    expect(textOf(events)).toBe('Hi 😀');
    expect(events.filter(({ type }) => type !== 'text-delta' && type !== 'start')).toEqual([
      { type: 'usage', usage: { promptTokens: 3, completionTokens: 2 } },
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
  };

  test.each([200, 201, 202, 203, 206, 226])('with status %i is the answer', async (status) => {
    const headers = typed('text/event-stream');
    expectWhole(await read(protocol, { status, headers, pieces: [sse(protocol.events)] }));
    expectWhole(
      await read(protocol, {
        status,
        headers: typed('application/json'),
        pieces: [JSON.stringify(protocol.whole)],
      }),
    );
  });

  test.each([204, 205, 200, 201])('with status %i and no body is none', async (status) => {
    const events = await read(protocol, { status, pieces: [] });
    expect(failureOf(events)?.code).toBe('upstream_protocol');
  });

  test.each(types)('in any form, with the content type “%s”', async (type) => {
    const { whole, events } = protocol;
    const forms = {
      stream: sse(events),
      'stream behind a comment': `: hi\n\n${sse(events)}`,
      'stream behind white space': `\n\n  ${sse(events)}`,
      JSON: JSON.stringify(whole),
      'JSON over several lines': `\ufeff${JSON.stringify(whole, null, 2)}\n`,
      'JSON behind much white space': `${' \r\n'.repeat(1_000)}${JSON.stringify(whole)}`,
      'a list with the answer': JSON.stringify([whole], null, 1),
      'a list of events': JSON.stringify(events),
      'JSON in lines': events.map((event) => `${JSON.stringify(event)}\r\n`).join(''),
      'a stream behind a line of JSON': `{"type":"ping"}\n${sse(events)}`,
      'the answer as an event': sse([whole]),
    };
    for (const [form, text] of Object.entries(forms)) {
      for (const pieces of [[text], bytewise(text)]) {
        const answer = await read(protocol, { headers: typed(type), pieces });
        expect({ form, failed: failureOf(answer) }).toEqual({ form, failed: undefined });
        expectWhole(answer);
      }
    }
  });

  test('in lines of JSON comes line by line where its content type says so', async () => {
    const lines = protocol.events.map((event) => `${JSON.stringify(event)}\n`);
    for (const type of ['application/x-ndjson', 'application/jsonl']) {
      expectWhole(await read(protocol, { headers: typed(type), pieces: lines }));
    }
  });

  test.each(types)(
    'is a failure where it is a page, half an answer or another object, as “%s”',
    async (type) => {
      const bodies = [
        '<!doctype html><p>content',
        JSON.stringify(protocol.whole).slice(0, -9),
        '{"hello":"world"}',
        '[]',
        '17',
        '"content"',
        'd',
        'ok',
      ];
      for (const body of bodies) {
        for (const pieces of [[body], bytewise(body)]) {
          const events = await read(protocol, { headers: typed(type), pieces });
          expect({ body, codes: events.map(() => failureOf(events)?.code) }).toEqual({
            body,
            codes: ['upstream_protocol'],
          });
        }
      }
    },
  );

  const forms: Record<string, (error: object) => Answer> = {
    'the first event': (error) => ({ headers: typed('text/event-stream'), pieces: [sse([error])] }),
    'the first event, named `error`': (error) => ({
      headers: typed('text/event-stream'),
      pieces: [`event: error\n${sse([error])}`],
    }),
    'the first event of a stream that ends': (error) => ({
      headers: typed('text/event-stream'),
      pieces: [`: hi\n\n${sse([error])}data: [DONE]\n\n`],
    }),
    JSON: (error) => ({ headers: typed('application/json'), pieces: [JSON.stringify(error, null, 2)] }),
    'JSON that says it is a stream': (error) => ({
      headers: typed('text/event-stream'),
      pieces: [JSON.stringify(error)],
    }),
    'a list with one error': (error) => ({ pieces: [JSON.stringify([error])] }),
    'an answer with status 201': (error) => ({ status: 201, pieces: [JSON.stringify(error)] }),
  };

  describe.each(Object.entries(forms))('an error as %s', (_form, answer) => {
    const failed = async (error: object) => failureOf(await read(protocol, answer(error)));

    test.each([
      [400, 'invalid_request_error', 'INVALID_ARGUMENT', 'invalid_value'],
      [401, 'authentication_error', 'UNAUTHENTICATED', 'upstream_auth'],
      [403, 'permission_error', 'PERMISSION_DENIED', 'upstream_auth'],
      [404, 'not_found_error', 'NOT_FOUND', 'upstream_refused'],
      [429, 'rate_limit_error', 'RESOURCE_EXHAUSTED', 'rate_limit_exceeded'],
      [500, 'api_error', 'INTERNAL', 'upstream_refused'],
      [503, 'overloaded_error', 'UNAVAILABLE', 'upstream_refused'],
    ])('counts as status %i', async (status, type, googleName, code) => {
      const name = protocol === contents ? googleName : type;
      expect((await failed(protocol.error(status, name, 'no')))?.code).toBe(code);
      // A number beside an unknown name, as number and as text.
      for (const number of [status, String(status)]) {
        for (const member of ['code', 'status', 'status_code']) {
          expect((await failed({ error: { message: 'no', [member]: number } }))?.code).toBe(code);
          expect((await failed({ error: 'no', [member]: number }))?.code).toBe(code);
          expect((await failed({ object: 'error', message: 'no', [member]: number }))?.code).toBe(code);
          expect((await failed({ message: 'no', [member]: number }))?.code).toBe(code);
        }
      }
      expect((await failed({ error: { message: 'no', status: googleName } }))?.code).toBe(code);
    });

    test('has the wait that it names', async () => {
      const limited = { message: 'slow down', code: 429 };
      for (const more of [
        { retry_after: 3 },
        { retry_after: '3' },
        { retry_after_ms: 3_000 },
        { metadata: { headers: { 'Retry-After': '3' } } },
        { details: [{ retryDelay: '3s' }] },
      ]) {
        expect(await failed({ error: { ...limited, ...more } })).toMatchObject({
          code: 'rate_limit_exceeded',
          retryAfterMs: 3_000,
        });
      }
    });

    test('of a prompt that is too long is the caller’s, with and without a status', async () => {
      const message =
        protocol === messages
          ? 'prompt is too long: 9 tokens > 8 maximum'
          : 'The input token count (9) exceeds the maximum number of tokens allowed (8).';
      expect((await failed(protocol.error(400, 'invalid_request_error', message)))?.code).toBe(
        'context_length_exceeded',
      );
    });
  });

  test('an error behind output is a cut, also where it blames the request', async () => {
    const { events: good } = protocol;
    const output = good.slice(0, 1 + good.findIndex((event) => JSON.stringify(event).includes('Hi')));
    const stream = sse([...output, protocol.error(400, 'invalid_request_error', 'no')]);
    const events = await read(protocol, { headers: typed('text/event-stream'), pieces: [stream] });
    expect(textOf(events)).toBe('Hi 😀');
    expect(failureOf(events)?.code).toBe('upstream_cut');
  });
});

describe('errors of OpenAI-compatible servers in the first event of a 200', () => {
  const failed = async (error: unknown) =>
    failureOf(
      await read(chat, {
        headers: typed('text/event-stream'),
        pieces: [`data: ${JSON.stringify(error)}\n\n`],
      }),
    );

  test.each([
    [{ type: 'invalid_request_error', code: 'context_length_exceeded' }, 'context_length_exceeded'],
    [{ type: 'invalid_request_error', code: 'invalid_api_key' }, 'upstream_auth'],
    [{ type: 'invalid_request_error', code: 'model_not_found' }, 'upstream_refused'],
    [{ type: 'requests', code: 'rate_limit_exceeded' }, 'rate_limit_exceeded'],
    [{ type: 'insufficient_quota', code: 'insufficient_quota' }, 'upstream_refused'],
    [{ type: 'BadRequestError', code: 400 }, 'invalid_value'],
    [{ type: 'BadRequestError', code: null }, 'invalid_value'],
    [{ type: 'None', code: '400' }, 'invalid_value'],
    [{ type: 'invalid_request_error', code: 'unsupported_parameter' }, 'unsupported_parameter'],
    [{ code: 'content_filter' }, 'content_policy_violation'],
    [{ code: 'context_length_exceeded', status: 400 }, 'context_length_exceeded'],
    [{ code: 1301, type: 'strange' }, 'upstream_refused'],
    [{ type: 'server_error' }, 'upstream_refused'],
    [{}, undefined],
  ])('%j', async (error, code) => {
    const wanted = code ?? 'upstream_refused';
    expect((await failed({ error: { message: 'no', ...error } }))?.code).toBe(wanted);
    expect((await failed({ choices: [], error: { message: 'no', ...error } }))?.code).toBe(wanted);
    const delta = { role: 'assistant', content: '' };
    const choice = { index: 0, delta, finish_reason: 'error', error: { message: 'no', ...error } };
    expect((await failed({ choices: [choice] }))?.code).toBe(wanted);
  });

  test.each([
    ['maximum context length is 5', 'context_length_exceeded'],
    [{ error: 'maximum context length is 5' }, 'context_length_exceeded'],
    [{ detail: 'maximum context length is 5' }, 'context_length_exceeded'],
    [{ detail: [{ loc: ['body', 'n'], msg: 'no' }] }, 'invalid_value'],
    [{ detail: 'no' }, 'upstream_refused'],
    [{ error: { code: 'data_inspection_failed', message: 'no' } }, 'content_policy_violation'],
    [{ error: { code: '1261', message: 'Prompt exceeds max length' } }, 'context_length_exceeded'],
    [{ id: 'x', choices: null, base_resp: { status_code: 2013, status_msg: 'no' } }, 'invalid_value'],
    [{ choices: [], base_resp: { status_code: 1002, status_msg: 'no' } }, 'rate_limit_exceeded'],
    [{ code: 500, msg: '404 NOT_FOUND', success: false }, 'upstream_refused'],
    [{ object: 'error', message: 'no', type: 'BadRequestError', code: 400 }, 'invalid_value'],
    [{ errors: [{ code: 429, message: 'no' }] }, 'rate_limit_exceeded'],
    [{ error: true, message: 'no', code: 429 }, 'rate_limit_exceeded'],
  ])('%j', async (event, code) => {
    // A text alone is JSON that carries nothing.
    const expected = typeof event === 'string' ? 'upstream_protocol' : code;
    expect((await failed(event))?.code).toBe(expected);
    const text = `data: ${JSON.stringify(event)}\n\n`;
    expect(failureOf(await read(chat, { pieces: bytewise(text) }))?.code).toBe(expected);
  });
});

test.each([{ error: null }, { error: {} }, { error: '' }, { error: false }, { error: [] }, { error: 0 }])(
  '%j is no error',
  async (none) => {
    for (const protocol of Object.values(protocols)) {
      const events = [...protocol.events.map((event) => ({ ...event, ...none }))];
      const stream = { headers: typed('text/event-stream'), pieces: [sse([none, ...events])] };
      expect(failureOf(await read(protocol, stream))).toBeUndefined();
      const whole = { pieces: [JSON.stringify({ ...protocol.whole, ...none })] };
      expect(failureOf(await read(protocol, whole))).toBeUndefined();
    }
  },
);

test('a message of Anthropic that came whole has its thoughts, calls and what it wants back', async () => {
  const content = [
    { type: 'thinking', thinking: 'hm', signature: 'sig' },
    { type: 'text', text: 'Hi' },
    { type: 'tool_use', id: 'c1', name: 'f', input: { a: 1 } },
    { type: 'tool_use', id: 'c2', name: 'g', input: {} },
  ];
  const events = await read(messages, {
    pieces: [JSON.stringify({ type: 'message', content, stop_reason: 'tool_use' })],
  });
  expect(events.map(({ type }) => type)).toEqual([
    'reasoning-delta',
    'text-delta',
    'tool-call-start',
    'tool-call-delta',
    'tool-call-start',
    'tool-call-delta',
    'finish',
  ]);
  expect(events.at(-1)).toMatchObject({ reason: 'tool_calls', extra: { anthropic: {} } });
});

test('an answer that came whole is emitted in events of bounded size', async () => {
  const text = '😀x'.repeat(50_000);
  for (const [protocol, body] of [
    [messages, { type: 'message', content: [{ type: 'text', text }], stop_reason: 'end_turn' }],
    [contents, { candidates: [{ content: { parts: [{ text }] }, finishReason: 'STOP' }] }],
  ] as const) {
    const events = await read(protocol, { pieces: [JSON.stringify(body)] });
    const texts = events.flatMap((event) =>
      event.type === 'text-delta' ? [decodeJsonText(event.json)] : [],
    );
    expect(Math.max(...texts.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
    expect(texts.join('')).toBe(text);
  }
});
