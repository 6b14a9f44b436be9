import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APIUserAbortError, NotFoundError, StreamTruncatedError, Tailrace } from '../index.ts';
import { type AccidentServer, type Play, startAccidentServer } from '../testing/accident-server.ts';
import type { Accident } from '../testing/accidents.ts';
import type { ChatStream } from './contract.ts';
import { openChatStream } from './open-stream.ts';

let server: AccidentServer;
beforeAll(async () => {
  server = await startAccidentServer();
});
afterAll(() => server.close());

const form: Play['form'] = { lineEnd: '\n', comments: false, pieceBytes: 1_000 };
const chunk = (delta: object, reason: string | null = null, index = 0) =>
  JSON.stringify({
    ...{ id: 'chatcmpl-kept', object: 'chat.completion.chunk', created: 1, model: 'm' },
    choices: [{ index, delta, finish_reason: reason }],
    ...(reason === null ? {} : { usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }),
  });
const hello = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ reasoning_content: 'Hm' }),
  chunk({ content: 'Hel' }),
  chunk({ content: 'lo' }),
  chunk({}, 'stop'),
  '[DONE]',
];

async function ask(
  play: Partial<Play>,
  options: Parameters<Tailrace['chat']['completions']['create']>[1] = {},
): Promise<{ stream: ChatStream; requests: ReturnType<AccidentServer['play']>['requests'] }> {
  const { baseURL, requests } = server.play({ events: hello, keeps: true, accidents: [], form, ...play });
  const client = new Tailrace({ baseURL });
  const stream = await client.chat.completions.create({ model: 'm', messages: [], stream: true }, options);
  return { stream, requests };
}

/** A source of one answer, whose body the test writes. */
function written(): { stream: ChatStream; write(...events: string[]): void; end(): void } {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
  });
  const encoder = new TextEncoder();
  return {
    stream: openChatStream({ open: async () => new Response(body) }),
    write: (...events) =>
      controller?.enqueue(encoder.encode(events.map((data) => `data: ${data}\n\n`).join(''))),
    end: () => controller?.close(),
  };
}

describe('what a stream says of itself', () => {
  test('is there with the head, and follows its reader', async () => {
    const { stream } = await ask({});
    expect(stream).toMatchObject({ requestId: 'req_streamed', completionId: 'chatcmpl-kept', cursor: 0 });
    expect(stream.streamUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\/streams\/kept$/);
    const seen: unknown[] = [];
    for await (const _ of stream) seen.push([stream.cursor, stream.snapshot.choices[0]?.message.content]);
    // The first chunks say nothing.
    expect(seen).toEqual([
      [1, null],
      [2, null],
      [3, 'Hel'],
      [4, 'Hello'],
      [5, 'Hello'],
    ]);
    expect(await stream.usage()).toEqual({ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 });
    expect((await stream.finalMessage()).reasoning_content).toBe('Hm');
  });

  test('listeners hear each part, then the whole, then the end', async () => {
    const { stream } = await ask({});
    const heard: unknown[] = [];
    const events = ['text', 'content', 'reasoning', 'finalContent', 'end'] as const;
    for (const event of events) stream.on(event, (...values: unknown[]) => heard.push([event, ...values]));
    await stream.finalText();
    expect(heard).toEqual([
      ['reasoning', 'Hm', 'Hm'],
      ['text', 'Hel', 'Hel'],
      ['content', 'Hel', 'Hel'],
      ['text', 'lo', 'Hello'],
      ['content', 'lo', 'Hello'],
      ['finalContent', 'Hello'],
      ['end'],
    ]);
  });

  test('a lost connection is told before it is replaced', async () => {
    const accidents: Accident[] = [{ type: 'cut', event: 3, part: 0.5, how: 'reset' }];
    const told: unknown[] = [];
    const { stream, requests } = await ask(
      { accidents },
      { onReconnect: ({ attempt, cursor }) => told.push([attempt, cursor]) },
    );
    stream.on('reconnect', ({ delayMs }) => told.push(delayMs));
    expect(await stream.finalText()).toBe('Hello');
    expect(told).toEqual([[1, 3], 0]);
    expect(requests.map(({ method, lastEventId }) => [method, lastEventId])).toEqual([
      ['POST', undefined],
      ['GET', '3'],
    ]);
  });
});

describe('a stream ends in truth', () => {
  const truncated = async (stream: ChatStream): Promise<StreamTruncatedError> => {
    const error = await stream.finalText().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StreamTruncatedError);
    return error as StreamTruncatedError;
  };

  test.each(['polite', 'close', 'reset'] as const)(
    'without a finish (%s) it is truncated, with what came',
    async (how) => {
      const { stream } = await ask({ keeps: false, accidents: [{ type: 'cut', event: 2, part: 1, how }] });
      const error = await truncated(stream);
      expect(error).toMatchObject({ code: 'stream_truncated', text: 'Hel', requestID: 'req_streamed' });
      expect(error.snapshot.choices[0]?.finish_reason).toBe(null);
    },
  );

  test('[DONE] without a finish is no finish', async () => {
    const { stream } = await ask({ accidents: [{ type: 'early-done', at: 3 }] });
    expect((await truncated(stream)).text).toBe('Hel');
  });

  test('a finish without [DONE] is enough', async () => {
    const { stream } = await ask({
      keeps: false,
      accidents: [{ type: 'cut', event: 4, part: 1, how: 'reset' }],
    });
    expect(await stream.finalText()).toBe('Hello');
  });

  test('each choice that was asked for has to finish', async () => {
    for (const [events, isWhole] of [
      [[chunk({ content: 'a' }), chunk({}, 'stop'), '[DONE]'], false],
      [[chunk({ content: 'a' }), chunk({}, 'stop'), chunk({}, 'stop', 1), '[DONE]'], true],
      [[chunk({ content: 'a' }, 'stop'), chunk({ content: 'more' }), '[DONE]'], false],
    ] as const) {
      const { baseURL } = server.play({ events, keeps: false, accidents: [], form });
      const n = events.length > 3 || !isWhole ? 2 : 1;
      const client = new Tailrace({ baseURL });
      const stream = await client.chat.completions.create({ model: 'm', messages: [], stream: true, n });
      const got = await stream.finalCompletion().catch((error: unknown) => error);
      expect(got instanceof StreamTruncatedError).toBe(!isWhole);
    }
  });

  test('output after a finish needs another finish or [DONE]', async () => {
    const late = [chunk({ content: 'a' }, 'stop'), chunk({ content: 'b' })];
    const cut = written();
    cut.write(...late);
    cut.end();
    expect((await truncated(cut.stream)).text).toBe('ab');
    const done = written();
    done.write(...late, '[DONE]');
    done.end();
    expect(await done.stream.finalText()).toBe('ab');
  });

  test.each(['error', 'abort'])('the finish reason %s is none', async (reason) => {
    const { stream, write, end } = written();
    write(chunk({ content: 'a' }), chunk({}, reason), '[DONE]');
    end();
    expect((await truncated(stream)).text).toBe('a');
  });

  test('an error event is an error with its status, code and request', async () => {
    const { stream } = await ask({ accidents: [{ type: 'error-event', at: 3, code: 'upstream_cut' }] });
    const texts: string[] = [];
    const error = await (async () => {
      for await (const text of stream.text()) texts.push(text);
    })().catch((thrown: unknown) => thrown);
    expect(texts).toEqual(['Hel']);
    expect(error).toBeInstanceOf(Tailrace.InternalServerError);
    expect(error).toMatchObject({ status: 502, code: 'upstream_cut', requestID: 'req_of_the_run' });
  });

  test('a stream that the server has no more is truncated, and the cause says it', async () => {
    const { stream } = await ask({
      accidents: [
        { type: 'cut', event: 3, part: 0, how: 'close' },
        { type: 'status', status: 404, code: 'completion_not_found', headers: {} },
      ],
    });
    const error = await truncated(stream);
    expect(error.cause).toBeInstanceOf(NotFoundError);
    expect(error.text).toBe('Hel');
  });

  test('a stream that nothing but listeners read does not fail in silence', async () => {
    const { stream } = await ask({
      keeps: false,
      accidents: [{ type: 'cut', event: 2, part: 1, how: 'polite' }],
    });
    // Vitest's own listeners would fail the run.
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    try {
      const failed = new Promise((resolve) => process.once('unhandledRejection', resolve));
      stream.on('text', () => {});
      expect(await failed).toBeInstanceOf(StreamTruncatedError);
    } finally {
      for (const listener of others) process.on('unhandledRejection', listener);
    }
  });
});

describe('who stops listening', () => {
  test('by abort() ends the loop, and the promises of the whole answer reject', async () => {
    const { stream, write } = written();
    write(chunk({ content: 'a' }), chunk({ content: 'b' }));
    const texts: string[] = [];
    for await (const text of stream.text()) {
      texts.push(text);
      stream.abort();
    }
    expect(texts).toEqual(['a']);
    await expect(stream.finalText()).rejects.toBeInstanceOf(APIUserAbortError);
  });

  test('by the signal of the request has an error in the loop too: it may be a timeout', async () => {
    const stopped = new AbortController();
    const { stream } = await ask(
      { accidents: [{ type: 'silence', event: 3, part: 0 }] },
      { signal: stopped.signal },
    );
    await expect(
      (async () => {
        for await (const text of stream.text()) if (text === 'Hel') stopped.abort();
      })(),
    ).rejects.toBeInstanceOf(APIUserAbortError);
  });

  test('by leaving the loop has the generation stopped', async () => {
    const { stream, requests } = await ask({ accidents: [{ type: 'silence', event: 3, part: 0 }] });
    for await (const _ of stream) break;
    await expect.poll(() => requests.at(-1)?.url, { timeout: 20_000 }).toMatch(/chatcmpl-kept\/cancel$/);
    await expect(stream.finalText()).rejects.toBeInstanceOf(APIUserAbortError);
  });

  test('by leaving the loop is an end of its own where the rest was read already and not handed out', async () => {
    const { stream, write, end } = written();
    write(...hello);
    end();
    const finished: unknown[] = [];
    stream.on('reconnect', () => {}).on('finish', (completion) => finished.push(completion));
    for await (const text of stream.text()) if (text === 'Hel') break;
    await expect(stream.finalText()).rejects.toBeInstanceOf(APIUserAbortError);
    expect(finished).toEqual([]);
    expect(stream.snapshot.choices[0]?.message.content).toBe('Hel');
  });

  test('by leaving the loop at the last chunk has it whole', async () => {
    const { stream, write, end } = written();
    write(...hello);
    end();
    for await (const { choices } of stream) if (choices[0]?.finish_reason) break;
    expect(await stream.finalText()).toBe('Hello');
  });

  test('reads once: a second loop is a mistake', async () => {
    const { stream } = await ask({});
    for await (const _ of stream);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(Tailrace.TailraceError);
  });
});

describe('odd servers', () => {
  test('events in one line group, heartbeats, foreign events and a missing blank line at the end are read', async () => {
    const body = [
      ': hello',
      '',
      'event: ping',
      'data: {"type":"ping"}',
      '',
      'data: waiting',
      '',
      `data: ${chunk({ content: 'a' })}`,
      `data: ${chunk({ content: 'b' })}`,
      '',
      `data: ${chunk({}, 'stop')}`,
    ].join('\r\n');
    const stream = openChatStream({ open: async () => new Response(body) });
    expect(await stream.finalText()).toBe('ab');
  });

  test('ids of their own are no numbers of ours', async () => {
    const body = hello.map((data, index) => `id: ${7 * index}\ndata: ${data}\n\n`).join('');
    const stream = openChatStream({
      open: async () => new Response(body),
      resume: () => Promise.reject(new Error()),
    });
    expect(await stream.finalText()).toBe('Hello');
    expect(stream.cursor).toBe(0);
  });

  test('a whole answer where a stream was asked for is one chunk', async () => {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }];
    const stream = openChatStream({ open: async () => Response.json({ id: 'x', choices }) });
    const [left, right] = stream.tee();
    expect(await left.finalText()).toBe('Hi');
    expect((await right.finalCompletion()).choices[0]?.finish_reason).toBe('stop');
  });

  test('bytes that are no UTF-8 are lost text', async () => {
    const encoder = new TextEncoder();
    const bytes = encoder.encode(`data: ${chunk({ content: 'b?' })}\n\n`);
    bytes[bytes.indexOf(0x3f)] = 0xff;
    const pieces = [encoder.encode(`data: ${chunk({ content: 'a' })}\n\n`), bytes];
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    const stream = openChatStream({ open: async () => new Response(body) });
    await expect(stream.finalText()).rejects.toMatchObject({ code: 'stream_truncated', text: 'a' });
  });

  test('output that has no name here is in the snapshot', async () => {
    const { stream, write, end } = written();
    write(
      chunk({ content: 'a', images: [{ url: '1' }], audio: { id: 'x' } }),
      chunk({ images: [{ url: '2' }], reasoning: 'why' }),
      chunk({ tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{"a"' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
      chunk({}, 'stop'),
    );
    end();
    const calls: unknown[] = [];
    stream.on('toolCall', (call) => calls.push(call));
    const { choices } = await stream.finalCompletion();
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'a',
        images: [{ url: '1' }, { url: '2' }],
        audio: { id: 'x' },
        reasoning_content: 'why',
        tool_calls: [call],
      },
    });
    expect(calls).toEqual([call]);
  });
});

test('a stream that an earlier page has read is continued without a new request', async () => {
  const { baseURL, requests } = server.play({ events: hello, keeps: true, accidents: [], form });
  const stream = openChatStream(
    {
      open: () => Promise.reject(new Error('it must not be opened')),
      resume: ({ cursor }) => fetch(`${baseURL}/events`, { headers: { 'last-event-id': String(cursor) } }),
    },
    { resumeAt: { cursor: 3, completionId: 'chatcmpl-kept', streamUrl: undefined } },
  );
  expect(await stream.finalText()).toBe('lo');
  expect(requests.length).toBe(1);
});
