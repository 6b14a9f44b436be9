import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { failure } from '../../domain/failure.ts';
import { createTimerQueue } from '../../timers/timer-queue.ts';
import { describeJournal, type HarnessLimits } from '../contract.suite.ts';
import type { Journal, StreamFacts, StreamWriter } from '../contract.ts';
import { PagePool, pageBytes } from '../page-pool.ts';
import { collect, factsOf, ownerOf } from '../testing/stream-followers.ts';
import { createMemoryJournal } from './memory-journal.ts';

const usual: HarnessLimits = {
  retentionMs: 600_000,
  perStreamBytes: 16 * 1024 ** 2,
  totalBytes: 256 * 1024 ** 2,
};
/** Time passes so many times faster here. */
const faster = 20;
const timers = createTimerQueue(() => performance.now());

function open(limits: Partial<HarnessLimits> = {}, pages = new PagePool(4)): Journal {
  const asked = { ...usual, ...limits };
  return createMemoryJournal({
    limits: () => ({ ...asked, retentionMs: asked.retentionMs / faster }),
    ...{ timers, pages },
  });
}

describeJournal('in memory', {
  open: (limits) => Promise.resolve(open(limits)),
  openTwo: (limits) => {
    const journal = open(limits);
    return Promise.resolve([journal, journal]);
  },
  pass: (ms) => sleep(ms / faster),
  close: () => Promise.resolve(),
});

describe('the memory of a journal', () => {
  async function begun(journal: Journal, more: Partial<StreamFacts> = {}): Promise<StreamWriter> {
    const begun = await journal.begin(factsOf(more));
    if (begun.type !== 'begun') throw new Error(begun.type);
    begun.writer.begin({});
    return begun.writer;
  }
  const fill = (writer: StreamWriter, bytes: number) => {
    for (let left = bytes; left > 0; left -= 1_000) writer.event('x'.repeat(1_000));
  };

  test('drops ended streams first, the oldest before the others', async () => {
    const journal = open({ totalBytes: 500_000 });
    const [first, second, running] = [await begun(journal), await begun(journal), await begun(journal)];
    fill(running, 100_000);
    fill(second, 150_000);
    second.end({ type: 'whole' });
    fill(first, 150_000);
    first.end({ type: 'whole' });
    fill(running, 150_000);
    const types = await Promise.all(
      [first, second, running].map(async ({ view }) => (await journal.find(view.facts.id)).type),
    );
    expect(types).toEqual(['found', 'unknown', 'found']);
  });

  test('drops an ended stream that is still being read after those without readers', async () => {
    const journal = open({ totalBytes: 500_000 });
    const [read, unread, running] = [await begun(journal), await begun(journal), await begun(journal)];
    for (const writer of [read, unread]) {
      fill(writer, 150_000);
      writer.end({ type: 'whole' });
    }
    const leave = read.view.follow({ own: false, more: () => {} });
    fill(running, 250_000);
    const types = async () =>
      await Promise.all([read, unread].map(async ({ view }) => (await journal.find(view.facts.id)).type));
    expect(await types()).toEqual(['found', 'unknown']);
    leave();
    fill(running, 150_000);
    expect(await types()).toEqual(['unknown', 'unknown']);
  });

  test('with no ended stream left, drops the oldest events of the one that grows', async () => {
    const journal = open({ totalBytes: 500_000 });
    const [quiet, growing] = [await begun(journal), await begun(journal)];
    fill(quiet, 100_000);
    fill(growing, 1_000_000);
    expect(quiet.view.first).toBe(1);
    expect(growing.view).toMatchObject({ last: 1_000 });
    expect(growing.view.first).toBeGreaterThan(500);
  });

  test('a stream of one long event leaves the room to be made by the others', async () => {
    const journal = open({ totalBytes: 200_000 });
    const [long, ...growing] = [await begun(journal), await begun(journal), await begun(journal)];
    long.event('x'.repeat(100_000));
    for (const writer of growing) fill(writer, 90_000);
    const kept = growing.reduce((sum, { view }) => sum + (view.last - view.first + 1) * 1_000, 0);
    expect(kept).toBeGreaterThan(70_000);
    expect(kept).toBeLessThan(100_000);
    expect(long.view.first).toBe(1);
  });

  test('counts nothing any more for the events that it has dropped', async () => {
    const journal = open({ perStreamBytes: 100_000, totalBytes: 150_000 });
    const writer = await begun(journal);
    for (let number = 1; number <= 50_000; number += 1) writer.event('x'.repeat(20));
    // 24 bytes each, with what an event takes besides its payload.
    const kept = writer.view.last - writer.view.first + 1;
    expect(kept * 24).toBeGreaterThan(90_000);
    expect(kept * 24).toBeLessThan(110_000);
    writer.end({ type: 'whole' });
    await journal.drop(writer.view.facts.id);
    const next = await begun(journal);
    fill(next, 80_000);
    expect(next.view.first).toBe(1);
  });

  test('gives back the pages of each stream that is gone, however it went', async () => {
    const pages = new PagePool(4);
    const journal = open({ retentionMs: 200, perStreamBytes: 20_000, totalBytes: 100_000 }, pages);
    const writers = await Promise.all(Array.from({ length: 40 }, () => begun(journal)));
    for (const [at, writer] of writers.entries()) {
      fill(writer, at * 1_000);
      if (at % 4 === 0) writer.discard(failure('upstream_refused', 'It was refused.'));
      else writer.end({ type: 'whole', payload: '[DONE]' });
      if (at % 4 === 1) await journal.drop(writer.view.facts.id);
    }
    expect(pages.taken).toBeGreaterThan(0);
    expect(pages.taken * pageBytes).toBeLessThan(100_000);
    await sleep(50);
    expect(pages.taken).toBe(0);
  });

  test('holds an ended stream without the run that has written it', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const journal = open();
    const writeAll = async (ownsLate: boolean) => {
      const writer = await begun(journal);
      const { owner } = ownerOf();
      if (!ownsLate) writer.own(owner);
      writer.end({ type: 'whole', payload: '[DONE]' });
      if (ownsLate) writer.own(owner);
      return new WeakRef(owner);
    };
    const owners = [await writeAll(false), await writeAll(true)];
    await sleep(0);
    collectGarbage();
    expect(owners.map((owner) => owner.deref())).toEqual([undefined, undefined]);
  });

  test('the key that has the most gives first, so that another keeps what it has', async () => {
    const journal = open({ totalBytes: 500_000 });
    const ofKey = (keyId: string) => begun(journal, { keyId });
    const [ended, runs] = [await ofKey('small'), await ofKey('small')];
    fill(ended, 50_000);
    ended.end({ type: 'whole' });
    fill(runs, 50_000);
    for (let stream = 0; stream < 20; stream += 1) {
      const writer = await ofKey('large');
      fill(writer, 100_000);
      if (stream % 2 === 0) writer.end({ type: 'whole' });
    }
    expect((await journal.find(ended.view.facts.id)).type).toBe('found');
    expect([ended.view.first, runs.view.first]).toEqual([1, 1]);
  });

  test('a follower of a dropped stream learns that it is gone', async () => {
    const journal = open({ totalBytes: 100_000 });
    const old = await begun(journal);
    fill(old, 50_000);
    old.end({ type: 'whole' });
    const follower = collect(old.view, 60);
    fill(await begun(journal), 90_000);
    await follower.ended();
    expect(old.view.broken).toMatchObject({ code: 'completion_not_found' });
  });

  test('a reader that follows at once has the end of a stream for which there is no room', async () => {
    const journal = open({ totalBytes: 4_000 });
    const writer = await begun(journal);
    const follower = collect(writer.view);
    writer.gather();
    for (const payload of ['a', 'b']) writer.event(payload);
    writer.end({ type: 'whole', payload: 'x'.repeat(4_000) });
    writer.flush();
    await follower.ended();
    expect(follower.events).toEqual(['a', 'b']);
    expect(await journal.find(writer.view.facts.id)).toEqual({ type: 'unknown' });
  });
});
