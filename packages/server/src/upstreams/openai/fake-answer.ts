import { pullOnce } from '../../domain/batches.ts';
import { type Failure, failure, ok } from '../../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import type { AnswerBody } from '../../transport/answer-body.ts';
import type { EventStream } from '../contract.ts';
import { openAnswerStream } from '../http/answer/answer-stream.ts';
import type { Dialect } from '../http/answer/dialect.ts';
import { createTranslation } from '../http/answer/translation.ts';
import { type ChatStreamOptions, createChatDialect } from './stream.ts';

/** A body for tests. */
export interface FakeBody extends AnswerBody {
  readonly released: boolean;
  readonly returned: boolean;
}

/** Creates a body with these pieces, one for each read; then it ends, is cut with a failure, or stays open. */
export function fakeBody(
  pieces: readonly (string | Uint8Array)[],
  end: 'ends' | 'stays open' | Failure = 'ends',
): FakeBody {
  const left = [...pieces];
  let released = false;
  let returned = false;
  let wake = () => {};
  const body: FakeBody = {
    get released() {
      return released;
    },
    get returned() {
      return returned;
    },
    pull(receiver) {
      void body.next().then(({ done, value }) => {
        if (done === true) receiver.ended(value);
        else receiver.bytes(Buffer.from(value), 0, value.length);
      });
    },
    async next() {
      const piece = released || returned ? undefined : left.shift();
      if (piece !== undefined)
        return { done: false, value: typeof piece === 'string' ? Buffer.from(piece) : piece };
      if (end === 'stays open' && !released && !returned) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return { done: true, value: typeof end === 'string' || released ? undefined : end };
    },
    async return() {
      returned = true;
      wake();
      return { done: true, value: undefined };
    },
    release() {
      released = true;
      wake();
    },
  };
  return body;
}

/** What a test may set; the rest has defaults. */
export interface FakeAnswerOptions extends ChatStreamOptions {
  readonly maxEventBytes: number;
  readonly finishWaitMs: number;
  readonly contentType: string;
}

/** Reads an answer with these pieces to its end and returns its batches. */
export async function batchesOf(
  pieces: readonly (string | Uint8Array)[] | AnswerBody,
  options: Partial<FakeAnswerOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<EventBatch[]> {
  const body = 'next' in pieces ? pieces : fakeBody(pieces);
  const batches: EventBatch[] = [];
  const answer = readAnswer(body, options, signal);
  for (let read = await pullOnce(answer); read.done !== true; read = await pullOnce(answer))
    batches.push(read.value);
  return batches;
}

/** Opens an answer with status 200 and, unless `options` has another, the content type of an event stream. */
export function readAnswer(
  body: AnswerBody,
  options: Partial<FakeAnswerOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): EventStream {
  const {
    maxEventBytes = 1024 * 1024,
    finishWaitMs = 2_000,
    contentType = 'text/event-stream; charset=utf-8',
  } = options;
  const headers = contentType === '' ? {} : { 'content-type': contentType };
  return openAnswerStream(
    {
      transport: { post: async () => ok({ status: 200, headers, body }) },
      maxEventBytes,
      finishWaitMs,
      repeatedFinishWaitMs: 5_000,
      request: () => ok({ path: '/', headers: {}, body: '' }),
      refused: () => failure('upstream_refused', 'The answer was refused.'),
      dialect: (output) =>
        createChatDialect(
          {
            choices: 1,
            completionId: 'chatcmpl-7',
            finishReasons: {},
            errors: () => ({ hidden: [], nowMs: 0 }),
            ...options,
          },
          output,
        ),
    },
    signal,
  );
}

/** Reads a stream chunk by chunk, as the answer stream does; `events` has its events so far. */
export function readChunks(more: Partial<ChatStreamOptions> = {}) {
  const events: StreamEvent[] = [];
  let dialect: Dialect | undefined;
  const translation = createTranslation({
    maxEventBytes: 16 * 1024 * 1024,
    dialect(output) {
      dialect = createChatDialect(
        {
          choices: 1,
          completionId: 'chatcmpl-1',
          finishReasons: {},
          errors: () => ({ hidden: [], nowMs: 0 }),
          ...more,
        },
        output,
      );
      return dialect;
    },
  });
  const push = (frame: string) => events.push(...(translation.push(Buffer.from(frame)) ?? []));
  const answer = {
    chunk: (value: unknown) => push(`data: ${JSON.stringify(value)}\n\n`),
    raw: (data: string) => push(`data: ${data}\n\n`),
    error: (value: unknown) => push(`event: error\ndata: ${JSON.stringify(value)}\n\n`),
    end: () => events.push(...(translation.end(undefined) ?? [])),
    isPlain: () => dialect?.fastPath?.() !== undefined,
    get ended() {
      return translation.ended;
    },
  };
  return { events, answer };
}
