import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { createCalls } from './calls.ts';
import { joinChannels } from './join-channels.ts';
import { createLink } from './link.ts';
import { objectChannel } from './object-channel.ts';
import { linkedPair } from './testing/linked.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('messages of several channels arrive in their order, also those that came before the listener', async () => {
  const [one, other] = linkedPair();
  const sender = [1, 2].map((number) => objectChannel(one.channel(number)));
  for (const index of [0, 1, 2]) for (const channel of sender) channel.send({ index });
  await turn();
  for (const number of [1, 2]) {
    const got: unknown[] = [];
    objectChannel(other.channel(number)).onMessage((message) => got.push(message));
    sender[number - 1]?.send({ index: 3 });
    await turn();
    expect(got).toEqual([0, 1, 2, 3].map((index) => ({ index })));
  }
});

test('a value arrives as it was, with maps, undefined members and large texts', async () => {
  const [one, other] = linkedPair();
  const got: unknown[] = [];
  objectChannel(other.channel(7)).onMessage((message) => got.push(message));
  const value = { map: new Map([['a', 1]]), nothing: undefined, text: 'ü'.repeat(1_000_000) };
  objectChannel(one.channel(7)).send(value);
  await expect.poll(() => got).toEqual([value]);
});

test.each([1, 2, 3, 8, 9, 10])('frames that arrive in pieces of %d bytes are put together', async (size) => {
  const [near, far] = duplexPair();
  const [raw, end] = duplexPair();
  far.on('data', (piece: Buffer) => {
    for (let at = 0; at < piece.length; at += size) raw.write(piece.subarray(at, at + size));
  });
  const sent = createLink(near).channel(3);
  const got: string[] = [];
  createLink(end)
    .channel(3)
    .onMessage((bytes) => got.push(Buffer.from(bytes).toString()));
  for (const text of ['', 'a', 'hello', 'x'.repeat(40)]) sent.send(new Uint8Array(Buffer.from(text)));
  await expect.poll(() => got).toEqual(['', 'a', 'hello', 'x'.repeat(40)]);
});

test('messages of one callback leave in one write', async () => {
  const [near, far] = duplexPair();
  let reads = 0;
  far.on('data', () => (reads += 1));
  const link = createLink(near);
  for (let number = 0; number < 10; number += 1) link.channel(number).send(new Uint8Array(4));
  await turn();
  expect(reads).toBe(1);
});

test('a channel that closes lets the others live; a link that closes ends them all', async () => {
  const [one, other] = linkedPair();
  const ended: number[] = [];
  for (const number of [1, 2]) other.channel(number).onClose(() => ended.push(number));
  one.channel(1).close();
  await turn();
  expect(ended).toEqual([1]);
  one.close();
  await other.closed;
  expect(ended).toEqual([1, 2]);
  other.channel(9).onClose(() => ended.push(9));
  expect(ended).toEqual([1, 2, 9]);
});

test('two joined channels are one, in both directions, and end together', async () => {
  const [a, b] = linkedPair();
  const [c, d] = linkedPair();
  joinChannels(b.channel(1), c.channel(5));
  const got: unknown[] = [];
  objectChannel(d.channel(5)).onMessage((message) => got.push(message));
  objectChannel(a.channel(1)).onMessage((message) => got.push(message));
  objectChannel(a.channel(1)).send('there');
  objectChannel(d.channel(5)).send('and back');
  await expect.poll(() => got).toEqual(expect.arrayContaining(['there', 'and back']));
  let ended = false;
  a.channel(1).onClose(() => {
    ended = true;
  });
  d.close();
  await expect.poll(() => ended).toBe(true);
});

test('calls are answered, fail with the words of a bug, and reject when the other process ends', async () => {
  const [one, other] = linkedPair();
  const theirs = {
    double: (value: number) => value * 2,
    fail: (): never => {
      throw new Error('a bug');
    },
    never: () => new Promise<void>(() => {}),
  };
  createCalls(objectChannel(other.channel(0)), theirs);
  const ask = createCalls<typeof theirs>(objectChannel(one.channel(0)), {});
  expect(await ask('double', 21)).toBe(42);
  await expect(ask('fail', undefined)).rejects.toThrow('a bug');
  const open = ask('never', undefined);
  other.close();
  await expect(open).rejects.toThrow('the other process has ended');
  await expect(ask('double', 1)).rejects.toThrow('the other process has ended');
});
