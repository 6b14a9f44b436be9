import { jsonText } from '@tailrace/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { failure, ok } from '../../domain/failure.ts';
import type { EventBatch } from '../../domain/stream-event.ts';
import type { AnswerBody } from '../../transport/answer-body.ts';
import type { Transport } from '../../transport/transport.ts';
import { openHttpStream } from './http-stream.ts';
import type { Translation } from './translation.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const said: EventBatch = [{ type: 'text-delta', choice: 0, json: jsonText('a') }];
const finish: EventBatch = [{ type: 'finish', choice: 0, reason: 'stop' }];
const usage: EventBatch = [{ type: 'usage', usage: { promptTokens: 1, completionTokens: 1 } }, ...finish];

/** An answer whose first read ends in a finish, and whose second one, if it comes, brings the usage. */
function answerOf(reads: number) {
  let left = reads;
  let released = () => {};
  let over = false;
  const body: Pick<AnswerBody, 'next' | 'return' | 'release'> = {
    async next() {
      if (left > 0 && !over) {
        left -= 1;
        return { done: false, value: new Uint8Array(1) };
      }
      if (!over) {
        await new Promise<void>((resolve) => {
          released = resolve;
        });
      }
      return { done: true, value: undefined };
    },
    async return() {
      over = true;
      released();
      return { done: true, value: undefined };
    },
    release() {
      over = true;
      released();
    },
  };
  let pushed = 0;
  const translation: Translation = {
    push: () => {
      pushed += 1;
      return pushed === 1 ? said : usage;
    },
    end: () => finish,
    get ended() {
      return pushed > 1;
    },
    get holding() {
      return pushed === 1;
    },
  };
  const answer = { status: 200, headers: { 'content-type': 'text/event-stream' }, body: body as AnswerBody };
  const transport = { post: async () => ok(answer) } as Partial<Transport> as Transport;
  return openHttpStream(
    {
      transport,
      request: ok({ path: '/', headers: {}, body: '' }),
      translation,
      usageWaitMs: 2_000,
      refused: () => failure('upstream_refused', 'no'),
    },
    new AbortController().signal,
  );
}

test('the wait for a usage does not run while nobody reads: it may lie there unread', async () => {
  const stream = answerOf(2);
  expect(await stream.next()).toMatchObject({ value: said });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await stream.next()).toMatchObject({ value: usage });
  await stream.return();
});

test('a finish waits no longer for its usage than it is told', async () => {
  const stream = answerOf(1);
  await stream.next();
  const last = stream.next();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await last).toMatchObject({ value: finish });
  await stream.return();
  expect(vi.getTimerCount()).toBe(0);
});
