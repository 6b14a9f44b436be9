import { jsonText } from '@tailrace/protocol';
import { beforeEach, expect, test } from 'vitest';
import { type BatchReceiver, pullOnce } from '../../../domain/batches.ts';
import { type Failure, failure } from '../../../domain/failure.ts';
import type { EventBatch } from '../../../domain/stream-event.ts';
import type { EventStream } from '../../contract.ts';
import { openKeyedStream } from './keyed-stream.ts';
import { createUpstreamKeys } from './upstream-keys.ts';

const limited = failure('rate_limit_exceeded', 'slower', { upstreamKey: 'limited', retryAfterMs: 9_000 });
const refused = failure('upstream_auth', 'no', { upstreamKey: 'refused', permanent: true });
const busy = failure('upstream_refused', 'later');
const failed = (reason: Failure): EventBatch => [{ type: 'failed', failure: reason }];
const start = (fingerprint: string): EventBatch => [{ type: 'start', fingerprint }];
const text: EventBatch = [{ type: 'text-delta', choice: 0, json: jsonText('Hi') }];

/** What each answer in turn sends, one batch for each pull; it ends when it has no more. */
let answers: (readonly EventBatch[])[];
let asked: unknown[];
let closed: number;
/** Waited for by each `close()`. */
let closing: Promise<void>;

beforeEach(() => {
  asked = [];
  closed = 0;
  closing = Promise.resolve();
});

function fakeAnswer(batches: readonly EventBatch[]): EventStream {
  const left = [...batches];
  return {
    pull(receiver: BatchReceiver) {
      const batch = left.shift();
      if (batch === undefined) receiver.end();
      else receiver.batch(batch);
    },
    async close() {
      closed += 1;
      await closing;
    },
  };
}

function open(...played: (readonly EventBatch[])[]): EventStream {
  answers = played;
  const keys = createUpstreamKeys({
    keys: ['a', 'b', 'c'],
    headersOf: (key) => ({ key: String(key) }),
    now: () => 0,
  });
  return openKeyedStream(keys, (headers) => {
    asked.push(headers['key']);
    return fakeAnswer(answers.shift() ?? []);
  });
}

test('the events before output come from the answer that has the output', async () => {
  const stream = open([start('one'), failed(limited)], [start('two'), [], text, text]);
  expect((await pullOnce(stream)).value).toEqual([...start('two'), ...text]);
  expect((await pullOnce(stream)).value).toEqual(text);
  expect((await pullOnce(stream)).done).toBe(true);
  expect({ asked, closed }).toEqual({ asked: ['a', 'b'], closed: 1 });
});

test.each<[string, readonly Failure[], Failure]>([
  ['refused', [refused, refused, refused], refused],
  ['limited', [limited, { ...limited, retryAfterMs: 5_000 }, limited], { ...limited, retryAfterMs: 5_000 }],
  [
    'limited, without a time',
    [refused, failure('rate_limit_exceeded', 'x', { upstreamKey: 'limited' }), refused],
    failure('rate_limit_exceeded', 'x', { upstreamKey: 'limited', retryAfterMs: 1_000 }),
  ],
])('where every key failed, the failure is that of a key that was %s', async (_, failures, result) => {
  const stream = open(...failures.map((one) => [failed(one)]));
  expect((await pullOnce(stream)).value).toEqual(failed(result));
  expect(asked).toEqual(['a', 'b', 'c']);
});

test('a failure that is not about the key ends the answer', async () => {
  const stream = open([failed(refused)], [failed(busy)], [text]);
  expect((await pullOnce(stream)).value).toEqual(failed(busy));
  expect(asked).toEqual(['a', 'b']);
});

test('an error after output is passed on, whatever it is about', async () => {
  const stream = open([text, failed(limited)], [text]);
  expect((await pullOnce(stream)).value).toEqual(text);
  expect((await pullOnce(stream)).value).toEqual(failed(limited));
  expect(asked).toEqual(['a']);
});

test('a stream that is closed between two keys asks no other one, and ends its pull', async () => {
  let release = () => {};
  closing = new Promise((resolve) => {
    release = resolve;
  });
  const stream = open([failed(limited)], [text]);
  const pulled = pullOnce(stream);
  const closes = stream.close();
  release();
  await closes;
  expect(await pulled).toMatchObject({ done: true });
  expect(asked).toEqual(['a']);
});
