import { jsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import { fakeEventStream } from '../upstreams/fake-event-stream.ts';
import type { GuardedEvent } from './answer-guard.ts';
import { createRelay, type EventConsumer, type RelayOutcome } from './relay-events.ts';

const text = (content: string, choice: number): StreamEvent => ({
  type: 'text-delta',
  choice,
  json: jsonText(content),
});
const ending: EventBatch = [0, 1].map((choice) => ({ type: 'finish', choice, reason: 'stop' }));

/** Relays an answer of two choices, in these batches, to a consumer; resolves with the outcome. */
function relayed(
  batches: readonly EventBatch[],
  take: EventConsumer['take'],
  more: Omit<EventConsumer, 'take'> = {},
): Promise<RelayOutcome> {
  const left = [...batches];
  return new Promise((resolve) => {
    createRelay({
      owner: { relayed: resolve },
      events: Object.assign(
        fakeEventStream(async () => left.shift()),
        {
          promptTokens: () => 1,
          completionTokens: () => 1,
          completionIsCounted: () => false,
          reported: () => undefined,
        },
      ),
      rules: { choices: 2, json: false },
      clock: { now: () => 0 },
      transcript: undefined,
      consumer: { take, ...more },
    }).start();
  });
}

test('a batch is merged once, also for a consumer that pauses after each event', async () => {
  // Deltas of two choices in turn cannot be merged: copied again at each pause, they would cost 10^9 steps.
  const batch = Array.from({ length: 60_000 }, (_, at) => text('a', at % 2));
  const first = [text('a', 0), text('b', 0), text('c', 0), ...batch];
  const took: GuardedEvent[] = [];
  const outcome = await relayed([first, ending], (event) => {
    took.push(event);
    return Promise.resolve();
  });
  expect(outcome.status).toBe('completed');
  expect(took.slice(0, 3)).toEqual([text('a', 0), { ...text('bca', 0), tokens: 3 }, text('a', 1)]);
  expect(took.filter(({ type }) => type === 'text-delta')).toHaveLength(60_001);
});

test('a batch of very many events is taken over several turns of the event loop, without merging', async () => {
  const batch = Array.from({ length: 5_000 }, (_, at) => text('a', at % 2));
  let [taken, total, most, over] = [0, 0, 0, false];
  const count = () => {
    most = Math.max(most, taken);
    taken = 0;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  const outcome = await relayed([batch, ending], () => {
    taken += 1;
    total += 1;
    return undefined;
  });
  over = true;
  expect(outcome.status).toBe('completed');
  // 5,000 deltas, two finishes and the estimated usage.
  expect(total).toBe(5_003);
  expect(Math.max(most, taken)).toBeLessThanOrEqual(2 * 257);
});

test('several events of one batch are gathered and flushed, and the next batch waits for a pause of the flush', async () => {
  const seen: string[] = [];
  let goOn = () => {};
  const paused = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const done = relayed(
    [[text('a', 0)], [text('b', 0), text('c', 1)], [text('d', 0)], ending],
    (event) => {
      seen.push(event.type === 'text-delta' ? event.json : event.type);
      return undefined;
    },
    {
      gather: () => void seen.push('gather'),
      flush: () => {
        seen.push('flush');
        return seen.includes('d') ? undefined : paused;
      },
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  const untilPause = ['a', 'gather', 'b', 'c', 'flush'];
  expect(seen).toEqual(untilPause);
  goOn();
  expect((await done).status).toBe('completed');
  expect(seen).toEqual([...untilPause, 'd', 'gather', 'finish', 'usage', 'finish', 'flush']);
});
