import { expect, test, vi } from 'vitest';
import { APIError, BadRequestError, RateLimitError, StreamTruncatedError } from '../index.ts';
import { chunkOf, writtenStream } from '../testing/written-stream.ts';
import type { ChatStream, ChatStreamOptions } from './contract.ts';
import { openChatStream } from './open-stream.ts';

const eventsHead = { 'content-type': 'text/event-stream' };
const frame = (data: object | string, more = ''): string =>
  `${more}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

/** A stream whose server answers once. */
function streamOf(answer: () => Response, options: ChatStreamOptions = {}): ChatStream {
  return openChatStream({ open: async () => answer() }, { maxRetries: 0, ...options });
}

/** A body that begins and never ends. */
function endless(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(text)) });
}

const errorOf = (stream: ChatStream): Promise<unknown> => stream.finalText().catch((error) => error);

test.each([
  ['a choice', { choices: [null] }],
  ['a choice that is a text', { choices: ['x'] }],
  ['a delta that is a text', { choices: [{ index: 0, delta: 'x' }] }],
  ['a delta that is a list', { choices: [{ index: 0, delta: ['x'] }] }],
  ['a content that is a number', { choices: [{ index: 0, delta: { content: 5 } }] }],
  ['a content that is an object', { choices: [{ index: 0, delta: { content: { text: 'x' } } }] }],
])('output that cannot be read has torn the answer: %s', async (_, torn) => {
  const body = [chunkOf({ content: 'a' }), torn, chunkOf({}, 'stop'), '[DONE]'].map((one) => frame(one));
  const texts: unknown[] = [];
  const read = async () => {
    for await (const text of streamOf(() => new Response(body.join(''), { headers: eventsHead })).text())
      texts.push(text);
  };
  await expect(read()).rejects.toThrow(StreamTruncatedError);
  expect(texts).toEqual(['a']);
});

test('log probabilities that are none disturb nothing', async () => {
  const { stream, send, end } = writtenStream();
  const [choice] = (chunkOf({ content: 'a' }, 'stop') as { choices: object[] }).choices;
  send({ id: 'c', choices: [{ ...choice, logprobs: { content: 5 } }] });
  send('[DONE]');
  end();
  const texts: string[] = [];
  for await (const text of stream.text()) texts.push(text);
  expect(texts).toEqual(['a']);
});

test('content that comes in parts is text, thought and the rest', async () => {
  const { stream, send, end } = writtenStream();
  send(chunkOf({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] }] }));
  send(
    chunkOf({
      content: [
        { type: 'text', text: 'a' },
        { type: 'reference', ids: [1] },
        { type: 'text', text: 'b' },
      ],
    }),
  );
  send(chunkOf({ content: 'c' }, 'stop'));
  send('[DONE]');
  end();
  const texts: unknown[] = [];
  for await (const text of stream.text()) texts.push(text);
  expect(texts).toEqual(['ab', 'c']);
  expect(stream.snapshot.choices[0]?.message).toMatchObject({
    content: 'abc',
    reasoning_content: 'Hm',
    content_parts: [{ type: 'reference', ids: [1] }],
  });
});

test.each([
  ['a refusal', { status: 400, headers: {} }, BadRequestError],
  ['an answer of JSON', { status: 200, headers: { 'content-type': 'application/json' } }, APIError],
  ['a page', { status: 200, headers: { 'content-type': 'text/html' } }, APIError],
])('%s whose body does not end is not waited for without end', async (_, head, type) => {
  const stream = streamOf(() => new Response(endless('{"err'), head), { timeouts: { idleMs: 50 } });
  expect(await errorOf(stream)).toBeInstanceOf(type);
});

test('an error that came with a 200 and as JSON keeps its words', async () => {
  const error = { message: 'slow down', code: '429' };
  const found = await errorOf(streamOf(() => Response.json({ error })));
  expect(found).toBeInstanceOf(RateLimitError);
  expect(found).toMatchObject({ error });
});

test('a server cannot make the reader wait for weeks', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const headers = { ...eventsHead, 'tailrace-completion-id': 'c' };
    const begun = `retry: 2000000000\n${frame(chunkOf({ content: 'a' }), 'id: 1\n')}`;
    const rest = frame(chunkOf({ content: 'b' }, 'stop'), 'id: 2\n') + frame('[DONE]', 'id: 3\n');
    const delays: number[] = [];
    const stream = openChatStream(
      {
        open: async () => new Response(begun, { headers }),
        resume: async () => new Response(rest, { headers }),
      },
      { onReconnect: ({ delayMs }) => delays.push(delayMs) },
    );
    const text = stream.finalText();
    await vi.waitFor(() => expect(delays).toEqual([60_000]));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await text).toBe('ab');
  } finally {
    vi.useRealTimers();
  }
});

test('an onReconnect that throws is reported, and the stream heals', async () => {
  const reported: unknown[] = [];
  const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
    try {
      task();
    } catch (error) {
      reported.push(error);
    }
  });
  try {
    const headers = { ...eventsHead, 'tailrace-completion-id': 'c' };
    const mistake = new Error('mine');
    const stream = openChatStream(
      {
        open: async () => new Response(frame(chunkOf({ content: 'a' }), 'id: 1\n'), { headers }),
        resume: async () => new Response(frame(chunkOf({ content: 'b' }, 'stop'), 'id: 2\n'), { headers }),
      },
      {
        maxReconnects: 1,
        onReconnect() {
          throw mistake;
        },
      },
    );
    expect(await stream.finalText()).toBe('ab');
    expect(reported).toContain(mistake);
  } finally {
    spy.mockRestore();
  }
});

test('a loop may be far behind who waits for the final answer', async () => {
  const count = 150_000;
  const body = frame(chunkOf({ content: 'a' })).repeat(count) + frame(chunkOf({}, 'stop')) + frame('[DONE]');
  const stream = streamOf(() => new Response(body, { headers: eventsHead }));
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  expect(await stream.finalText()).toHaveLength(count);
  let read = 1;
  while (!(await chunks.next()).done) read += 1;
  expect(read).toBe(count + 1);
}, 20_000);

const withIndexes = (...pairs: readonly [delta: object, reason: string | null, index: unknown][]) =>
  pairs.map(([delta, reason, index]) =>
    chunkOf({}, null, { choices: [{ index, delta, finish_reason: reason }] }),
  );

test.each([
  ['from 1', [1, 1, 1]],
  ['that count the chunks', [0, 1, 2]],
  ['that are texts', ['1', '1', '1']],
  ['that are absent', [undefined, undefined, undefined]],
])(
  'the indexes of the only choice that was asked for mean nothing: %s',
  async (_what, [first, second, third]) => {
    const events = withIndexes(
      [{ content: 'a' }, null, first],
      [{ content: 'b' }, null, second],
      [{}, 'stop', third],
    );
    const body = [...events, '[DONE]'].map((one) => frame(one)).join('');
    const stream = streamOf(() => new Response(body, { headers: eventsHead }), { choices: 1 });
    const indexes: unknown[] = [];
    for await (const { choices } of stream) indexes.push(choices[0]?.index);
    expect([indexes, await stream.finalText()]).toEqual([[0, 0, 0], 'ab']);
  },
);

test('several choices with output, where one was asked for, are an error; one that is only mentioned is none', async () => {
  const both = (other: object) => ({
    ...chunkOf({}),
    choices: [
      { index: 0, delta: { content: 'a' }, finish_reason: null },
      { index: 1, delta: other, finish_reason: null },
    ],
  });
  const read = (other: object) => {
    const body = [both(other), chunkOf({}, 'stop'), '[DONE]'].map((one) => frame(one)).join('');
    return streamOf(() => new Response(body, { headers: eventsHead }), { choices: 1 });
  };
  expect(await read({ content: '' }).finalText()).toBe('a');
  expect(await errorOf(read({ content: 'b' }))).toMatchObject({
    message: expect.stringContaining('Several choices'),
  });
});

test('the body of a refusal is read up to a bound, and its error says so', async () => {
  let read = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      read += 1;
      controller.enqueue(new Uint8Array(16_384).fill(120));
    },
  });
  const error = await errorOf(streamOf(() => new Response(body, { status: 400 })));
  expect(error).toBeInstanceOf(BadRequestError);
  expect(error).toMatchObject({ status: 400, message: expect.stringContaining('more than 64 KiB') });
  expect(read).toBeLessThan(8);
});
