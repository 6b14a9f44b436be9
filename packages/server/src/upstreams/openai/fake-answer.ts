import { pullOnce } from '../../domain/batches.ts';
import type { Failure } from '../../domain/failure.ts';
import type { EventBatch } from '../../domain/stream-event.ts';
import type { AnswerBody } from '../../transport/answer-body.ts';
import type { BatchReader } from '../shared/lazy-stream.ts';
import { readAnswer, type StreamOptions } from './stream.ts';

/** A body for tests that brings these pieces, one a read, and then ends, is cut, or stays open. */
export interface FakeBody extends AnswerBody {
  readonly released: boolean;
  readonly returned: boolean;
}

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

/** Every batch of an answer with these pieces. */
export async function batchesOf(
  pieces: readonly (string | Uint8Array)[] | AnswerBody,
  options: Partial<StreamOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<EventBatch[]> {
  const body = 'next' in pieces ? pieces : fakeBody(pieces);
  const batches: EventBatch[] = [];
  const answer = readerOf(body, options, signal);
  for (let read = await pullOnce(answer); read.done !== true; read = await pullOnce(answer))
    batches.push(read.value);
  return batches;
}

/** Reads an answer that is a stream, unless `options` say otherwise. */
export function readerOf(
  body: AnswerBody,
  options: Partial<StreamOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): BatchReader {
  return readAnswer(
    body,
    {
      choices: 1,
      completionId: 'chatcmpl-7',
      finishReasons: {},
      errors: () => ({ hidden: [], nowMs: 0 }),
      maxEventBytes: 1024 * 1024,
      usageWaitMs: 2_000,
      contentType: 'text/event-stream; charset=utf-8',
      ...options,
    },
    signal,
  );
}
