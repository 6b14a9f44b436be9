import { jsonText, type TokenLogprobWire } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { Attempt } from './attempt.ts';
import { commitWhenComplete } from './commit-when-complete.ts';
import { TokenCounter } from './token-count.ts';

const text = (content: string, choice = 0, more: object = {}): StreamEvent => ({
  type: 'text-delta',
  choice,
  json: jsonText(content),
  ...more,
});
const finish = (choice = 0): StreamEvent => ({ type: 'finish', choice, reason: 'stop' });
const logprob: TokenLogprobWire = { token: 'a', logprob: -1, bytes: [97], top_logprobs: [] };

/** The events of the whole answer in these batches, or the failure. */
async function held(batches: Iterable<EventBatch>, choices = 1) {
  const left = batches[Symbol.iterator]();
  const attempt: Attempt = {
    commit: async () => ({ batch: left.next().value ?? [] }),
    pull: (_, receiver) => {
      const { done, value } = left.next();
      if (done === true) receiver.end();
      else receiver.batch(value);
    },
    stopped: () => false,
    count: new TokenCounter(),
    close: async () => {},
  };
  const outcome = await commitWhenComplete(
    attempt,
    choices,
    () => 1_000,
    () => {},
  ).commit();
  if (outcome === 'aborted') throw new Error('aborted');
  return 'batch' in outcome ? outcome.batch : outcome.failure;
}

function* often(times: number, batch: EventBatch): Generator<EventBatch> {
  for (let time = 0; time < times; time += 1) yield batch;
}

test('neighbouring deltas of one choice are held as one event, also with deltas of other choices between them', async () => {
  const words = [text('a'), text('b', 1), text('a', 0, { tokens: 2 }), text('c', 1)];
  const start: StreamEvent = { type: 'tool-call-start', choice: 1, index: 0, id: 'i', name: 'f' };
  const piece: StreamEvent = { type: 'tool-call-delta', choice: 1, index: 0, json: jsonText('{') };
  expect(await held([words, [start, piece, text('a'), piece], [finish(1), finish()]], 2)).toEqual([
    text('aaa', 0, { tokens: 4 }),
    text('bc', 1, { tokens: 2 }),
    start,
    { ...piece, json: jsonText('{{'), tokens: 2 },
    finish(1),
    finish(),
  ]);
});

test('collecting very many deltas with log probabilities takes linear time', async () => {
  const batches = [...often(200_000, [text('a', 0, { logprobs: [logprob] })]), [finish()]];
  const whole = await held(batches);
  expect(whole).toMatchObject([{ type: 'text-delta', tokens: 200_000 }, { type: 'finish' }]);
});

test.each<[string, EventBatch, number]>([
  ['text', [text('x'.repeat(1024 * 1024))], 33],
  ['text of several choices', [text('x'.repeat(1024 * 1024), 0), text('x'.repeat(1024 * 1024), 1)], 17],
  ['log probabilities', [text('', 0, { logprobs: Array.from({ length: 10_000 }, () => logprob) })], 50],
  ['many small events', [text('a'), { type: 'reasoning-delta', choice: 0, json: jsonText('b') }], 140_000],
])('an answer that exceeds the bound by %s fails', async (_, batch, times) => {
  expect(await held(often(times, batch), 2)).toMatchObject({ code: 'upstream_protocol', permanent: true });
});
