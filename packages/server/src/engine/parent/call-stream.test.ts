import { jsonText } from '@tailrace/protocol';
import { expect, test, vi } from 'vitest';
import { pullOnce } from '../../domain/batches.ts';
import { createCallStream } from './call-stream.ts';

test('text that nobody pulled is joined, a choice at a time, and escaped once', async () => {
  const call = createCallStream(() => {});
  call.push({ type: 'start' });
  call.pushText({ type: 'text', choice: 0, text: 'a"', tokens: 1 });
  call.pushText({ type: 'text', choice: 0, text: 'é', tokens: 1 });
  call.pushText({ type: 'text', choice: 1, text: 'b', tokens: 1 });
  expect(await pullOnce(call)).toEqual({
    done: false,
    value: [
      { type: 'start' },
      { type: 'text-delta', choice: 0, json: jsonText('a"é'), tokens: 2 },
      { type: 'text-delta', choice: 1, json: 'b', tokens: 1 },
    ],
  });
});

test('a waiting reader gets an event at once, and a sign of life as an empty batch', async () => {
  const call = createCallStream(() => {});
  const first = pullOnce(call);
  call.pushText({ type: 'text', choice: 0, text: '', tokens: 1 });
  expect(await first).toEqual({ done: false, value: [] });
  const second = pullOnce(call);
  call.pushText({ type: 'text', choice: 0, text: 'x', tokens: 1 });
  expect(await second).toMatchObject({ value: [{ json: 'x' }] });
});

test('texts that come in one turn of the event loop are one event, also while a pull waits', async () => {
  const call = createCallStream(() => {});
  const waiting = pullOnce(call);
  for (const text of ['a', 'b', 'c']) {
    process.nextTick(() => call.pushText({ type: 'text', choice: 0, text, tokens: 1 }));
  }
  expect(await waiting).toEqual({
    done: false,
    value: [{ type: 'text-delta', choice: 0, json: 'abc', tokens: 3 }],
  });
});

test('what is pending at the end is still read, and then the stream is over', async () => {
  const call = createCallStream(() => {});
  call.push({ type: 'finish', choice: 0, reason: 'stop' });
  call.end();
  call.pushText({ type: 'text', choice: 0, text: 'too late', tokens: 1 });
  expect(await pullOnce(call)).toMatchObject({ value: [{ type: 'finish' }] });
  expect((await pullOnce(call)).done).toBe(true);
});

test('a reader that leaves early is told about once, one that leaves after the end never', async () => {
  const left = vi.fn();
  const call = createCallStream(left);
  const waiting = pullOnce(call);
  await call.close();
  await call.close();
  expect((await waiting).done).toBe(true);
  expect(left).toHaveBeenCalledTimes(1);

  const ended = createCallStream(left);
  ended.end();
  await ended.close();
  expect(left).toHaveBeenCalledTimes(1);
});

test('a dropped stream ends without a further event', async () => {
  const call = createCallStream(() => {});
  call.pushText({ type: 'text', choice: 0, text: 'a', tokens: 1 });
  call.drop();
  expect((await pullOnce(call)).done).toBe(true);
});

test('a token that left no text of its own is still told of', async () => {
  const call = createCallStream(() => {});
  const logprobs = [{ token: 'aST', logprob: -1, bytes: [97, 83, 84], top_logprobs: [] }];
  call.pushText({ type: 'text', choice: 0, text: '', tokens: 1, logprobs });
  expect(await pullOnce(call)).toMatchObject({ value: [{ type: 'text-delta', json: '', logprobs }] });
});

test('very many tokens that nobody pulled are joined once, their log probabilities too', async () => {
  const call = createCallStream(() => {});
  const logprobs = [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }];
  for (let at = 0; at < 200_000; at += 1)
    call.pushText({ type: 'text', choice: 0, text: 'a', tokens: 1, logprobs });
  const { value } = await pullOnce(call);
  expect(value).toMatchObject([{ tokens: 200_000 }]);
  expect(value?.[0]).toMatchObject({ logprobs: { length: 200_000 } });
});
