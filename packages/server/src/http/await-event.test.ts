import { expect, test } from 'vitest';
import { factsOf, ownerOf } from '../journal/testing/stream-followers.ts';
import { createTestJournal } from '../journal/testing/test-journal.ts';
import { timers } from '../timers/timer-queue.ts';
import { awaitEvent } from './await-event.ts';

async function begun() {
  const stream = await createTestJournal().begin(factsOf());
  if (stream.type !== 'begun') throw new Error(stream.type);
  stream.writer.begin({});
  return stream.writer;
}

/** Whether it waits, a turn of the event loop later. */
async function waits(waiting: Promise<void>): Promise<boolean> {
  let over = false;
  void waiting.then(() => {
    over = true;
  });
  await new Promise(setImmediate);
  return !over;
}

test('an event that a client has from another replica is awaited until its news are here', async () => {
  const writer = await begun();
  const { owner, calls } = ownerOf();
  writer.own(owner);
  writer.event('one');
  expect(await waits(awaitEvent(writer.view, 1, timers))).toBe(false);
  const waiting = awaitEvent(writer.view, 3, timers);
  expect(await waits(waiting)).toBe(true);
  writer.event('two');
  expect(await waits(waiting)).toBe(true);
  writer.event('three');
  await waiting;
  expect(calls).toEqual(['left', 'came', 'left']);
});

test('nothing is awaited of a stream that has ended, and for no longer than news take', async () => {
  const writer = await begun();
  await awaitEvent(writer.view, 99, timers);
  const waiting = awaitEvent(writer.view, 99, timers);
  writer.end({ type: 'whole', payload: '[DONE]' });
  await waiting;
  expect(await waits(awaitEvent(writer.view, 99, timers))).toBe(false);
});
