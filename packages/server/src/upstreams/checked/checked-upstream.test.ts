import { jsonText } from '@tailrace/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { pullOnce } from '../../domain/batches.ts';
import type { ChatRequest, ResponseFormat } from '../../domain/chat-request.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import { createValidationThread, type ValidationThread } from '../../json-schema/validation-thread.ts';
import type { EventStream, Upstream, UpstreamCall } from '../contract.ts';
import { fakeEventStream } from '../fake-event-stream.ts';
import { checkAnswers } from './checked-upstream.ts';

const thread = createValidationThread();
const right = { type: 'done', answer: { type: 'right' } } as const;
afterAll(() => thread.close());

const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
const jsonSchema: ResponseFormat = { type: 'json_schema', name: 'a', schema, strict: true };
const jsonObject: ResponseFormat = { type: 'json_object' };

const text = (given: string, choice = 0): StreamEvent => ({
  type: 'text-delta',
  choice,
  json: jsonText(given),
});
const finish = (
  reason: 'stop' | 'length' | 'tool_calls' | 'content_filter' = 'stop',
  choice = 0,
): StreamEvent => ({
  type: 'finish',
  choice,
  reason,
});

/** An upstream that emits these batches, and the calls that it has received. */
function upstreamWith(batches: readonly EventBatch[], by: ValidationThread = thread) {
  const seen = { opened: 0, closed: 0 };
  const upstream: Upstream = {
    name: 'lab',
    firstTokenClock: 'call',
    capabilities: () => new Set(),
    contextLength: () => undefined,
    open(): EventStream {
      seen.opened += 1;
      const left = [...batches];
      return fakeEventStream(
        async () => left.shift(),
        () => {
          seen.closed += 1;
        },
      );
    },
  };
  return { upstream: checkAnswers(upstream, by), seen };
}

function callFor(responseFormat: ResponseFormat, more: Partial<UpstreamCall> = {}): UpstreamCall {
  return {
    request: { n: 1, responseFormat } as ChatRequest,
    model: 'm',
    keyId: 'k',
    completionId: 'c',
    ...more,
  };
}

async function read(upstream: Upstream, call: UpstreamCall): Promise<EventBatch[]> {
  const stream = upstream.open(call, new AbortController().signal);
  const batches: EventBatch[] = [];
  for (let one = await pullOnce(stream); one.done !== true; one = await pullOnce(stream))
    batches.push(one.value);
  await stream.close();
  return batches;
}

const failures = (batches: readonly EventBatch[]) =>
  batches.flat().flatMap((event) => (event.type === 'failed' ? [event.failure] : []));

describe('an answer for a schema', () => {
  test('passes unchanged where it is valid', async () => {
    const batches = [[text('{"a"')], [text(': 1}')], [finish()]];
    const { upstream } = upstreamWith(batches);
    expect(await read(upstream, callFor(jsonSchema))).toEqual(batches);
  });

  test('may have other output beside its text, but not in its place', async () => {
    const image: StreamEvent = { type: 'other-delta', choice: 0, field: 'images', value: '[1]' };
    const beside = [[image, text('{"a": 1}')], [finish()]];
    expect(await read(upstreamWith(beside).upstream, callFor(jsonSchema))).toEqual(beside);
    const alone = await read(upstreamWith([[image], [finish()]]).upstream, callFor(jsonSchema));
    expect(failures(alone)).toMatchObject([{ code: 'upstream_protocol' }]);
  });

  test('sends signs of life while the check takes longer than the stall timeout', async () => {
    const batches: EventBatch[] = [[text('{"a": 1}'), finish()]];
    const slow: ValidationThread = {
      run: async ({ answer }) => {
        if (answer !== undefined) await new Promise((resolve) => setTimeout(resolve, 60));
        return right;
      },
      restsForMs: () => 0,
      close: async () => {},
    };
    const { upstream } = upstreamWith(batches, slow);
    const batchesRead = await read(upstream, callFor(jsonSchema, { stallMs: 10 }));
    expect(batchesRead.slice(0, -1).flat()).toEqual([]);
    expect(batchesRead.length).toBeGreaterThan(1);
    expect(batchesRead.at(-1)).toEqual(batches[0]);
  });

  test('ends in a failure instead of its finish where it is not valid', async () => {
    const { upstream, seen } = upstreamWith([[text('{"a"')], [text(': "x"}'), finish()]]);
    const batches = await read(upstream, callFor(jsonSchema));
    expect(batches.flat().map(({ type }) => type)).toEqual(['text-delta', 'text-delta', 'failed']);
    expect(failures(batches)).toMatchObject([{ code: 'upstream_protocol', blameless: true }]);
    expect(failures(batches)[0]?.message).toContain("'/a' must be integer");
    expect(seen.closed).toBeGreaterThan(0);
  });

  test('fails before any event is passed on where it came in one batch', async () => {
    for (const answer of ['{"a": "x"}', 'Here is your JSON: {"a": 1}', '']) {
      const { upstream } = upstreamWith([[text(answer), finish()]]);
      const batches = await read(upstream, callFor(jsonSchema));
      expect(batches.flat().map(({ type }) => type)).toEqual(['failed']);
    }
  });

  test.each([
    ['that ran out of tokens', [text('{"a"'), finish('length')]],
    ['that a filter cut', [text('{"a"'), finish('content_filter')]],
    ['that is a call', [{ type: 'tool-call-start', choice: 0, index: 0, id: 'i', name: 'f' }, finish()]],
    ['that is a refusal', [{ type: 'refusal-delta', choice: 0, json: jsonText('No.') }, finish()]],
  ] as [string, EventBatch][])('passes %s', async (_name, batch) => {
    const { upstream } = upstreamWith([batch]);
    expect(await read(upstream, callFor(jsonSchema))).toEqual([batch]);
  });

  test('is checked choice by choice', async () => {
    const { upstream } = upstreamWith([
      [text('{"a": 1}', 0), text('{"a": 2}', 1), finish('stop', 1)],
      [text('!', 0), finish('stop', 0)],
    ]);
    const call = callFor(jsonSchema);
    const batches = await read(upstream, { ...call, request: { ...call.request, n: 2 } });
    expect(batches.flat().map(({ type }) => type)).toEqual([
      'text-delta',
      'text-delta',
      'finish',
      'text-delta',
      'failed',
    ]);
  });

  test('includes the prefix from another target', async () => {
    for (const [rest, failed] of [
      ['1}', 0],
      ['"x"}', 1],
    ] as const) {
      const { upstream } = upstreamWith([[text(rest)], [finish()]]);
      const batches = await read(upstream, callFor(jsonSchema, { prefix: '{"a": ' }));
      expect(failures(batches)).toHaveLength(failed);
    }
  });
});

describe('an answer that has to be JSON', () => {
  test.each([
    ['{"a": 1}', 0],
    [`["${'x'.repeat(400_000)}"]`, 0],
    ['{"a": 1', 1],
    [`["${'x'.repeat(400_000)}`, 1],
    [`"${'x'.repeat(17 * 1024 * 1024)}"`, 1],
  ])('is checked at any length (%#)', async (answer, failed) => {
    const { upstream } = upstreamWith([[text(answer)], [finish()]]);
    expect(failures(await read(upstream, callFor(jsonObject)))).toHaveLength(failed);
  });
});

describe('a schema that cannot be enforced', () => {
  test('is refused without the thread where its keywords show it', () => {
    const { upstream, seen } = upstreamWith([]);
    const format = { ...jsonSchema, schema: { properties: { a: { $ref: 'https://e.org/a' } } } };
    const { request } = callFor(format);
    for (const _again of [1, 2]) {
      expect(upstream.refuses?.(request, 'm')).toMatchObject({
        code: 'invalid_value',
        param: 'response_format.json_schema.schema.properties.a.$ref',
      });
    }
    expect(upstream.refuses?.(callFor(jsonSchema).request, 'm')).toBeUndefined();
    expect(seen.opened).toBe(0);
  });

  test('blames the request, and the upstream is not asked', async () => {
    const { upstream, seen } = upstreamWith([[text('{}'), finish()]]);
    const format = { ...jsonSchema, schema: { properties: { a: { type: 'intger' } } } };
    expect(failures(await read(upstream, callFor(format)))).toMatchObject([
      { code: 'invalid_value', param: 'response_format.json_schema.schema.properties.a.type' },
    ]);
    expect(seen.opened).toBe(0);
  });
});

test('the text that is kept for the check is bounded over all choices together', async () => {
  const page = `"${'x'.repeat(9 * 1024 * 1024)}"`;
  const { upstream } = upstreamWith([
    [text(page), text(page, 1)],
    [finish('stop', 0), finish('stop', 1)],
  ]);
  const request = { n: 2, responseFormat: jsonObject } as ChatRequest;
  expect(failures(await read(upstream, callFor(jsonObject, { request })))).toMatchObject([
    { code: 'upstream_protocol', detail: 'it is too long to be checked' },
  ]);
});

test('a request for text gets the stream of the upstream itself', () => {
  const { upstream, seen } = upstreamWith([]);
  upstream.open(callFor({ type: 'text' }), new AbortController().signal);
  expect(seen.opened).toBe(1);
});

test('a stream that is closed while its schema is checked never asks the upstream', async () => {
  const { upstream, seen } = upstreamWith([[text('{}'), finish()]]);
  const format = { ...jsonSchema, schema: { title: 'new', type: 'object' } };
  const stream = upstream.open(callFor(format), new AbortController().signal);
  const first = pullOnce(stream);
  await stream.close();
  expect(await first).toEqual({ done: true, value: undefined });
  expect(seen.opened).toBe(0);
});

test.each([
  ['its schema is checked', [], 0],
  ['its finish is checked', [[text('{"a": 1}'), finish()]], 1],
] as [string, EventBatch[], number][])(
  'an abort while %s ends the pull at once',
  async (_name, batches, asked) => {
    const stop = new AbortController();
    let asks = 0;
    const endless: ValidationThread = {
      run: async () => {
        asks += 1;
        if (asks <= asked) return right;
        setImmediate(() => stop.abort());
        return await new Promise<never>(() => {});
      },
      restsForMs: () => 0,
      close: async () => {},
    };
    const { upstream, seen } = upstreamWith(batches, endless);
    const stream = upstream.open(callFor(jsonSchema), stop.signal);
    expect(await pullOnce(stream)).toEqual({ done: true, value: undefined });
    await stream.close();
    expect(seen.opened).toBe(asked);
  },
);

test('a check that takes too long is a failure', async () => {
  const impatient = createValidationThread({ taskMs: 300 });
  try {
    const evil = { ...jsonSchema, schema: { pattern: '^(a+)+$' } };
    const answer = JSON.stringify(`${'a'.repeat(40)}!`);
    const upstream = checkAnswers(
      { ...upstreamWith([]).upstream, open: () => streamOf([[text(answer)], [finish()]]) } as Upstream,
      impatient,
    );
    expect(failures(await read(upstream, callFor(evil)))).toMatchObject([{ code: 'deadline_exceeded' }]);
  } finally {
    impatient.close();
  }
});

function streamOf(batches: readonly EventBatch[]): EventStream {
  return upstreamWith(batches).upstream.open(callFor({ type: 'text' }), new AbortController().signal);
}

test('where a key has used up its time for schemas, the upstream is not asked, and the failure has the time to wait', async () => {
  const resting: ValidationThread = {
    run: async () => right,
    restsForMs: (keyId) => (keyId === 'k' ? 6_500 : 0),
    close: async () => {},
  };
  const { upstream, seen } = upstreamWith([[text('{"a": 1}'), finish()]], resting);
  const refused = failures(await read(upstream, callFor(jsonSchema)));
  expect(refused).toMatchObject([{ code: 'overloaded', blameless: true, retryAfterMs: 6_500 }]);
  expect(refused[0]?.message).toContain('Try again in 7 s');
  expect(seen.opened).toBe(0);
  expect(failures(await read(upstream, callFor(jsonSchema, { keyId: 'other' })))).toEqual([]);
});

test('a check is dropped where the caller has closed the stream before its turn', async () => {
  const signals: AbortSignal[] = [];
  const waiting: ValidationThread = {
    run: (_task, { signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
    restsForMs: () => 0,
    close: async () => {},
  };
  for (const leave of ['return', 'abort'] as const) {
    const stop = new AbortController();
    const stream = upstreamWith([], waiting).upstream.open(callFor(jsonSchema), stop.signal);
    void pullOnce(stream);
    expect(signals.at(-1)?.aborted).toBe(false);
    if (leave === 'return') await stream.close();
    else stop.abort();
    expect(signals.at(-1)?.aborted).toBe(true);
  }
});

test('many new schemas of one key do not push out the known schemas of others', async () => {
  const asked: string[] = [];
  const noting: ValidationThread = {
    run: async ({ answer }, { keyId }) => {
      if (answer === undefined) asked.push(keyId);
      return right;
    },
    restsForMs: () => 0,
    close: async () => {},
  };
  const { upstream } = upstreamWith([], noting);
  const askFor = (keyId: string, number: number) =>
    read(upstream, callFor({ ...jsonSchema, schema: { const: number } }, { keyId }));
  await askFor('one', 0);
  for (let number = 1; number <= 1_100; number++) await askFor('many', number);
  await askFor('one', 0);
  expect(asked.filter((keyId) => keyId === 'one').length).toBe(1);
});
