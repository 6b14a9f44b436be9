import { describe, expect, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import type { Journal, StreamWriter } from '../journal/contract.ts';
import { factsOf } from '../journal/testing/stream-followers.ts';
import { createTestJournal } from '../journal/testing/test-journal.ts';
import { createFakeReader } from './fake-reader.ts';
import { followStream } from './follower.ts';

const cut = failure('upstream_cut', 'It broke off.');
const errorEvent = () => '{"error":"of this reader"}';

async function begun(journal: Journal): Promise<StreamWriter> {
  const stream = await journal.begin(factsOf());
  if (stream.type !== 'begun') throw new Error(stream.type);
  return stream.writer;
}

const turn = () => new Promise(setImmediate);

/** How a run writes its events, and how it ends. */
const pieces = {
  'one by one': (writer: StreamWriter, payloads: readonly string[]) => {
    for (const payload of payloads) writer.event(payload);
  },
  together: (writer: StreamWriter, payloads: readonly string[]) => {
    writer.gather();
    for (const payload of payloads) writer.event(payload);
    writer.flush();
  },
};
const ends = {
  whole: (writer: StreamWriter) => writer.end({ type: 'whole', payload: '[DONE]' }),
  torn: (writer: StreamWriter) => writer.end({ type: 'torn', failure: cut, payload: '[DONE]' }),
};

describe('a follower', () => {
  const count = 7;
  const all = [...Array.from({ length: count }, (_, index) => `event ${index + 1}`), '[DONE]'];

  for (const [how, write] of Object.entries(pieces)) {
    for (const [ending, end] of Object.entries(ends)) {
      test(`of events that come ${how} and a ${ending} end: replay and live tail meet at every index`, async () => {
        const journal = createTestJournal();
        for (let written = 0; written <= count; written += 1) {
          for (let after = 0; after <= written; after += 1) {
            // The reader asks for a pause at each event in turn; the last time at none.
            for (let pauseAt = 1; pauseAt <= count - after + 1; pauseAt += 1) {
              const writer = await begun(journal);
              writer.begin({});
              write(writer, all.slice(0, written));
              const { reader, events, state, unblock } = createFakeReader(pauseAt);
              const { ended } = followStream(writer.view, reader, { after, own: false, errorEvent });
              write(writer, all.slice(written, count));
              end(writer);
              for (let turns = 0; state.ending === undefined && turns < 2 * count; turns += 1) {
                await turn();
                unblock();
              }
              expect({ after, written, pauseAt, events }).toEqual({
                ...{ after, written, pauseAt },
                events: all.slice(after),
              });
              expect(await ended).toBe(ending === 'torn' ? cut : 'whole');
            }
          }
        }
      });
    }
  }

  test('that asks for a pause is given no more than one event, while the others get theirs', async () => {
    const writer = await begun(createTestJournal());
    const slow = createFakeReader(1);
    const quick = createFakeReader();
    for (const { reader } of [slow, quick])
      followStream(writer.view, reader, { after: 0, own: false, errorEvent });
    writer.begin({});
    for (const payload of all.slice(0, count)) writer.event(payload);
    expect([slow.events.length, quick.events.length]).toEqual([1, count]);
  });

  test('among so many that they are called in several turns misses nothing, whoever leaves and comes meanwhile', async () => {
    const writer = await begun(createTestJournal());
    const options = { after: 0, own: false, errorEvent };
    const follow = () => {
      const fake = createFakeReader();
      return { ...fake, ...followStream(writer.view, fake.reader, options) };
    };
    const followers = Array.from({ length: 200 }, follow);
    writer.begin({});
    for (const payload of all.slice(0, 3)) writer.event(payload);
    for (const leaving of followers.splice(0, 20)) leaving.detach();
    followers.push(follow());
    await turn();
    for (const payload of all.slice(3, count)) writer.event(payload);
    for (const leaving of followers.splice(100, 20)) leaving.detach();
    followers.push(follow());
    ends.whole(writer);
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect(followers.map(({ events }) => events)).toEqual(followers.map(() => all));
    expect(await Promise.all(followers.map(({ ended }) => ended))).toEqual(followers.map(() => 'whole'));
  });

  test('with a bug ends alone', async () => {
    const writer = await begun(createTestJournal());
    const { reader, events } = createFakeReader();
    const broken = createFakeReader();
    const throws = () => {
      throw new Error('a bug of this reader');
    };
    const options = { after: 0, own: false, errorEvent };
    const first = followStream(writer.view, { ...broken.reader, event: throws }, options);
    followStream(writer.view, reader, options);
    writer.begin({});
    for (const payload of all.slice(0, count)) writer.event(payload);
    expect(await first.ended).toBe('gone');
    expect(broken.state.ending).toBe('abandoned');
    expect(events).toEqual(all.slice(0, count));
  });

  test('that leaves while it waits gets nothing more, and counts as a reader no longer', async () => {
    const writer = await begun(createTestJournal());
    const calls: string[] = [];
    const note = (call: string) => () => void calls.push(call);
    writer.own({ readersCame: note('came'), readersLeft: note('left'), lost: () => {}, fenced: () => {} });
    writer.begin({});
    const { reader, events, state } = createFakeReader(2);
    const followed = followStream(writer.view, reader, { after: 0, own: false, errorEvent });
    for (const payload of all.slice(0, count)) writer.event(payload);
    followed.detach();
    followed.detach();
    await turn();
    expect(await followed.ended).toBe('gone');
    expect([events.length, state.ending, calls]).toEqual([2, 'abandoned', ['left', 'came', 'left']]);
  });

  test('of a request that is refused gets an error event of its own, where its head has left already', async () => {
    const writer = await begun(createTestJournal());
    const { reader, events, state } = createFakeReader();
    // A reader sends its head before there is an event, where the head was held for long enough.
    state.head = { target: undefined, keepalive: () => undefined };
    const { ended } = followStream(writer.view, reader, { after: 0, own: false, errorEvent });
    writer.discard(cut);
    expect(await ended).toBe(cut);
    expect([state.code, events]).toEqual(['upstream_cut', [errorEvent()]]);
  });

  test('that falls behind what is kept ends in events_gone, and no later event reaches it', async () => {
    const writer = await begun(createTestJournal({ perStreamBytes: 100_000 }));
    writer.begin({});
    const { reader, events, state, unblock } = createFakeReader(1);
    const { ended } = followStream(writer.view, reader, { after: 0, own: false, errorEvent });
    for (let number = 1; number <= 1_000; number += 1) writer.event('x'.repeat(1_000));
    unblock();
    expect(await ended).toMatchObject({ code: 'events_gone' });
    expect([state.code, events.length]).toEqual(['events_gone', 2]);
    expect(events[1]).toBe(errorEvent());
  });

  test('of a stream that is dropped learns that it is gone, unless it has all events', async () => {
    for (const [read, expected] of [
      [1, ['failed', 'completion_not_found']],
      [999, ['failed', 'completion_not_found']],
      [1_000, ['whole', undefined]],
    ] as const) {
      const journal = createTestJournal();
      const writer = await begun(journal);
      writer.begin({});
      for (let number = 1; number <= 1_000; number += 1) writer.event('x'.repeat(1_000));
      const { reader, state, unblock } = createFakeReader(1);
      const { ended } = followStream(writer.view, reader, { after: read - 1, own: false, errorEvent });
      writer.end({ type: 'whole', payload: '[DONE]' });
      await journal.drop(writer.view.facts.id);
      for (let turns = 0; state.ending === undefined && turns < 1_000; turns += 1) {
        unblock();
        await turn();
      }
      await ended;
      expect([read, state.ending, state.code]).toEqual([read, ...expected]);
    }
  });
});
