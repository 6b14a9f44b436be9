import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ownRedis, redisFor, withoutOwnRedis, withoutRedis } from '../../testing/services.ts';
import { describePeers } from '../contract.suite.ts';
import type { CancelOrder, EndedStatus, PeerDuties, Peers } from '../contract.ts';
import { openRedisPeers, type RedisPeersOptions } from './redis-peers.ts';

const longMs = 600_000;
const never = new Promise<undefined>(() => {});
const ends: (() => Promise<void>)[] = [];
let url = '';

const nothing: PeerDuties = { cancel: async () => undefined };
const cancels: PeerDuties = { cancel: async () => 'cancelled' };

async function open(options: RedisPeersOptions, duties: PeerDuties = nothing): Promise<Peers> {
  const peers = await openRedisPeers({ answerMs: longMs, openingMs: longMs, ...options });
  onTestFinished(() => peers.close());
  peers.serve(duties);
  return peers;
}

/** A client beside the processes. */
function client(of: string): Redis {
  const redis = new Redis(of);
  onTestFinished(async () => redis.disconnect());
  return redis;
}

const channelOf = (of: string): string => `tailrace:peers:${new URL(of).pathname.slice(1) || '0'}`;

describe.skipIf(withoutRedis !== undefined)(
  `with a Redis${withoutRedis === undefined ? '' : ` (skipped: ${withoutRedis})`}`,
  () => {
    beforeAll(async () => {
      url = await redisFor((end) => ends.push(end));
    });
    afterAll(async () => {
      for (const end of ends) await end();
    });

    describePeers('over Redis', {
      openGroup: (count, answerMs) =>
        Promise.all(
          Array.from({ length: count }, () => openRedisPeers({ url, answerMs, openingMs: longMs })),
        ),
    });

    test('services in two databases of one Redis do not hear each other', async () => {
      const other = new URL(url);
      other.pathname = `/${(Number(other.pathname.slice(1)) % 15) + 1}`;
      const one = await open({ url });
      await open({ url: other.href }, cancels);
      expect(await one.cancel({ id: 'a' })).toBeUndefined();
    });

    test('texts on the channels that are no messages of ours change nothing', async () => {
      const asked: CancelOrder[] = [];
      const one = await open({ url });
      await open(
        { url },
        {
          cancel: async (order) => {
            asked.push(order);
            return 'cancelled';
          },
        },
      );
      const redis = client(url);
      const channel = channelOf(url);
      const [name = ''] = (await redis.pubsub('CHANNELS', `${channel}:*`)) as string[];
      for (const text of [
        '',
        '{',
        'null',
        '[]',
        '7',
        '{"type":"cancel"}',
        '{"call":"1","from":"x","id":"a"}',
        '{"\\\\": 1}',
      ]) {
        await redis.publish(channel, text);
        await redis.publish(name, text);
      }
      expect(await one.cancel({ id: 'a' })).toBe('cancelled');
      expect(asked).toEqual([{ id: 'a' }]);
    });

    test('a question of a later version is answered with nothing, so that it is not waited for', async () => {
      const asked: CancelOrder[] = [];
      await open(
        { url },
        {
          cancel: async (order) => {
            asked.push(order);
            return 'cancelled';
          },
        },
      );
      const listening = client(url);
      const channel = channelOf(url);
      await listening.subscribe(`${channel}:later`);
      const answers: unknown[] = [];
      listening.on('message', (_, text: string) => answers.push(JSON.parse(text)));
      const redis = client(url);
      const questions = [
        { type: 'dance', call: 1, from: 'later', id: 'a' },
        { type: 'cancel', call: 2, from: 'later', id: 7 },
        // A key that cannot be read is not "any key".
        { type: 'cancel', call: 3, from: 'later', id: 'a', keyId: null },
        { type: 'cancel', call: 4, from: 'later', id: 'a', more: true },
      ];
      for (const question of questions) await redis.publish(channel, JSON.stringify(question));
      await expect.poll(() => answers).toHaveLength(4);
      expect(answers).toEqual([
        { call: 1, from: expect.any(String), status: null },
        { call: 2, from: expect.any(String), status: null },
        { call: 3, from: expect.any(String), status: null },
        { call: 4, from: expect.any(String), status: 'cancelled' },
      ]);
      expect(asked).toEqual([{ id: 'a' }]);
    });

    test('an answer that comes twice counts once', async () => {
      const redis = client(url);
      const channel = channelOf(url);
      const slow = Promise.withResolvers<EndedStatus>();
      const one = await open({ url });
      await open({ url }, { cancel: () => slow.promise });
      // A third process that says twice that it runs nothing.
      const listening = client(url);
      await listening.subscribe(channel);
      const answered = Promise.withResolvers<void>();
      listening.on('message', async (_, text: string) => {
        const { call, from } = JSON.parse(text) as { call: number; from: string };
        const answer = JSON.stringify({ call, from: 'third', status: null });
        await redis.publish(`${channel}:${from}`, answer);
        await redis.publish(`${channel}:${from}`, answer);
        answered.resolve();
      });
      const asking = one.cancel({ id: 'a' });
      await answered.promise;
      slow.resolve('cut');
      expect(await asking).toBe('cut');
    });

    test('a peer that ends while it works is not waited for longer than the limit', async () => {
      const asked = Promise.withResolvers<void>();
      const one = await open({ url, answerMs: 300 });
      const other = await open(
        { url },
        {
          cancel() {
            asked.resolve();
            return never;
          },
        },
      );
      const asking = one.cancel({ id: 'a' });
      await asked.promise;
      await other.close();
      expect(await asking).toBeUndefined();
    });
  },
);

describe.skipIf(withoutOwnRedis !== undefined)(
  `with a Redis of its own${withoutOwnRedis === undefined ? '' : ` (skipped: ${withoutOwnRedis})`}`,
  () => {
    test('while Redis is away nothing is asked, nothing is asked later, and then it works again', async () => {
      const server = await ownRedis(onTestFinished);
      const said: string[] = [];
      const asked: string[] = [];
      const one = await open({
        url: server.url,
        onAway: () => said.push('away'),
        onBack: () => said.push('back'),
      });
      await open(
        { url: server.url },
        {
          cancel: async ({ id }) => {
            asked.push(id);
            return 'cancelled';
          },
        },
      );
      expect(await one.cancel({ id: 'before' })).toBe('cancelled');
      await server.kill();
      await expect.poll(() => said).toEqual(['away']);
      for (let count = 0; count < 100; count += 1) expect(await one.cancel({ id: 'away' })).toBeUndefined();
      await server.start();
      await expect.poll(() => one.cancel({ id: 'after' }), { timeout: 10_000 }).toBe('cancelled');
      expect(said).toEqual(['away', 'back']);
      expect(asked.filter((id) => id === 'away')).toEqual([]);
    });

    test('what waits when the connection is lost ends without an answer', async () => {
      const server = await ownRedis(onTestFinished);
      const asked = Promise.withResolvers<void>();
      const one = await open({ url: server.url });
      await open(
        { url: server.url },
        {
          cancel() {
            asked.resolve();
            return never;
          },
        },
      );
      const asking = one.cancel({ id: 'a' });
      await asked.promise;
      await server.kill();
      expect(await asking).toBeUndefined();
    });

    test('a process that loses only its subscription takes it up again', async () => {
      const server = await ownRedis(onTestFinished);
      const one = await open({ url: server.url, answerMs: 1_000 });
      await open({ url: server.url }, cancels);
      const redis = client(server.url);
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await expect.poll(() => one.cancel({ id: 'a' }), { timeout: 10_000 }).toBe('cancelled');
    });

    test('one that starts while Redis is away opens all the same, and joins when it is there', async () => {
      const server = await ownRedis(onTestFinished);
      await server.kill();
      const one = await open({ url: server.url });
      await open({ url: server.url }, cancels);
      expect(await one.cancel({ id: 'a' })).toBeUndefined();
      await server.start();
      await expect.poll(() => one.cancel({ id: 'a' }), { timeout: 10_000 }).toBe('cancelled');
    });
  },
);
