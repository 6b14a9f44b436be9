import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Link } from '../../channels/link.ts';
import { objectChannel } from '../../channels/object-channel.ts';
import { linkedPair } from '../../channels/testing/linked.ts';
import { createTimerQueue } from '../../timers/timer-queue.ts';
import { describeJournal, type HarnessLimits } from '../contract.suite.ts';
import type { Journal } from '../contract.ts';
import { createMemoryJournal } from '../memory/memory-journal.ts';
import { collect, factsOf, followed, ownerOf } from '../testing/stream-followers.ts';
import { createRemoteJournal } from './remote-journal.ts';
import { serveJournal } from './serve-journal.ts';

const usual: HarnessLimits = {
  retentionMs: 600_000,
  perStreamBytes: 16 * 1024 ** 2,
  totalBytes: 256 * 1024 ** 2,
};
/** Time passes so many times faster here. */
const faster = 20;
const timers = createTimerQueue(() => performance.now());

/** Processes that share one journal. */
function processes(count: number, limits: Partial<HarnessLimits> = {}) {
  const asked = { ...usual, ...limits };
  const kept = createMemoryJournal({
    limits: () => ({ ...asked, retentionMs: asked.retentionMs / faster }),
    timers,
  });
  return Array.from({ length: count }, () => {
    const [own, parents] = linkedPair();
    serveJournal(objectChannel(parents.channel(4)), kept);
    const journal = createRemoteJournal(objectChannel(own.channel(4)), {
      errorPayload: ({ requestId }, { code }) => JSON.stringify({ error: { code, request_id: requestId } }),
    });
    return { journal, link: own, kept };
  });
}

function pair(limits?: Partial<HarnessLimits>) {
  const [one, other] = processes(2, limits);
  if (one === undefined || other === undefined) throw new Error('there are two');
  return [one, other] as const;
}

describeJournal('of another process', {
  open: async (limits) => pair(limits)[0].journal,
  async openTwo(limits) {
    const [one, other] = pair(limits);
    return [one.journal, other.journal];
  },
  pass: (ms) => sleep(ms / faster),
  close: () => Promise.resolve(),
});

async function begun(journal: Journal) {
  const begun = await journal.begin(factsOf());
  if (begun.type !== 'begun') throw new Error(begun.type);
  begun.writer.begin({});
  return begun.writer;
}

async function viewOf(journal: Journal, id: string) {
  const found = await journal.find(id);
  if (found.type !== 'found') throw new Error(found.type);
  return found.view;
}

test('the streams of a process that dies end in upstream_cut for those who follow them elsewhere, with its request id', async () => {
  const [one, other] = pair();
  const writer = await begun(one.journal);
  const { id, requestId } = writer.view.facts;
  const follower = collect(await viewOf(other.journal, id));
  writer.event('a');
  await expect.poll(() => follower.events).toEqual(['a']);
  // What this process has not said any more is in nobody's stream.
  writer.event('never sent');
  one.link.close();
  await follower.ended();
  expect(follower.events).toEqual(['a']);
  expect(follower.view.ending).toMatchObject({
    type: 'torn',
    failure: { code: 'upstream_cut' },
    payload: JSON.stringify({ error: { code: 'upstream_cut', request_id: requestId } }),
  });
  const late = collect(await viewOf(other.journal, id));
  await late.ended();
  expect(late.events).toEqual(['a']);
});

test('a reader here has no event that is not in the journal', async () => {
  const [one] = pair();
  const writer = await begun(one.journal);
  const follower = collect(writer.view);
  writer.event('a');
  writer.flush();
  expect(follower.events).toEqual([]);
  await expect.poll(() => follower.events).toEqual(['a']);
});

test('events of many streams of one turn leave in one message', async () => {
  const [one] = pair();
  const writers = await Promise.all(Array.from({ length: 20 }, () => begun(one.journal)));
  await sleep(10);
  const sent = countWrites(one.link);
  for (const writer of writers) for (let n = 0; n < 10; n += 1) writer.event('a');
  await expect.poll(() => writers.map(({ view }) => view.last)).toEqual(Array(20).fill(10));
  expect(sent()).toBe(1);
});

test('readers that come one after the other to a long stream have it whole, each from its place', async () => {
  const [one, other] = pair();
  const writer = await begun(one.journal);
  const { id } = writer.view.facts;
  const all = Array.from({ length: 3_000 }, (_, n) => `${n} ${'x'.repeat(300)}`);
  const followers: [number, ReturnType<typeof collect>][] = [];
  for (const [n, payload] of all.entries()) {
    writer.event(payload);
    if (n % 500 !== 250) continue;
    await new Promise(setImmediate);
    const found = await viewOf(other.journal, id);
    // Found, and followed only later.
    await sleep(2);
    for (const after of [0, n - 10]) followers.push([after, collect(found, after)]);
  }
  writer.end({ type: 'whole', payload: '[DONE]' });
  followers.push([0, collect(writer.view)]);
  for (const [after, follower] of followers) {
    await follower.ended();
    expect(follower.events).toEqual(all.slice(after));
  }
});

test('a stream that is gone between two looks ends those who follow it', async () => {
  const [one, other] = pair();
  const writer = await begun(one.journal);
  const { id } = writer.view.facts;
  writer.event('a');
  writer.end({ type: 'whole', payload: '[DONE]' });
  await expect.poll(() => writer.view.ending).toBeDefined();
  const found = await viewOf(other.journal, id);
  await one.journal.drop(id);
  const leave = found.follow({ own: false, more: () => {} });
  onTestFinished(leave);
  await expect.poll(() => found.broken?.code).toBe('completion_not_found');
});

test('a stream that is gone before its last events have left is not whole for those who follow it', async () => {
  const [one, other] = pair();
  const kept = await begun(one.kept);
  const { id } = kept.view.facts;
  kept.event('1');
  const found = await viewOf(other.journal, id);
  const follower = collect(found);
  await expect.poll(() => follower.events).toEqual(['1']);
  // The first of these leaves at once. Before it is acknowledged, the other one and the end are there, and then the stream is not.
  kept.event('2');
  kept.event('3');
  kept.end({ type: 'whole', payload: '[DONE]' });
  await one.kept.drop(id);
  await expect.poll(() => found.broken?.code).toBe('completion_not_found');
  expect(follower.events).toEqual(['1', '2']);
  // So a reader knows that it lacks event 3.
  expect(found).toMatchObject({ first: 4, last: 4 });
});

test('a reader learns which events a silent stream has lost to others', async () => {
  const [one, other] = pair({ totalBytes: 200_000 });
  const [silent, growing] = [await begun(one.kept), await begun(one.kept)];
  for (let number = 1; number <= 100; number += 1) silent.event('x'.repeat(1_000));
  const found = await viewOf(other.journal, silent.view.facts.id);
  onTestFinished(found.follow(followed));
  for (let number = 1; number <= 99; number += 1) growing.event('x'.repeat(1_000));
  expect(silent.view.first).toBeGreaterThan(1);
  await expect(found.load(1)).rejects.toThrow('not kept');
  expect(found).toMatchObject({ first: silent.view.first, broken: undefined });
});

test('a reader that leaves in the turn in which it came is followed by nothing', async () => {
  const [one, other] = pair();
  const kept = await begun(one.kept);
  const { owner, calls } = ownerOf();
  kept.own(owner);
  const found = await viewOf(other.journal, kept.view.facts.id);
  found.follow(followed)();
  await sleep(20);
  expect(calls.at(-1)).toBe('left');
  kept.event('a');
  kept.end({ type: 'whole', payload: '[DONE]' });
  await sleep(20);
  const late = collect(found);
  await late.ended();
  expect(late.events).toEqual(['a']);
});

test('a reader of a stream that is written here keeps its place when the stream is gone', async () => {
  const [one] = pair();
  const writer = await begun(one.journal);
  const leave = writer.view.follow({ own: true, more: () => {} });
  onTestFinished(leave);
  for (const payload of ['1', '2']) writer.event(payload);
  writer.end({ type: 'whole', payload: '[DONE]' });
  await expect.poll(() => writer.view.ending).toBeDefined();
  await one.kept.drop(writer.view.facts.id);
  await expect.poll(() => writer.view.broken?.code).toBe('completion_not_found');
  expect([writer.view.last, writer.view.event(2)]).toEqual([3, '2']);
});

function countWrites(link: Link): () => number {
  let writes = 0;
  const channel = link.channel(4);
  const { send } = channel;
  channel.send = (message) => {
    writes += 1;
    send(message);
  };
  return () => writes;
}
