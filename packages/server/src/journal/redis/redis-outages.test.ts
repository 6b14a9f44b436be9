import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ownRedis, withoutOwnRedis } from '../../testing/services.ts';
import type { Journal, StreamWriter } from '../contract.ts';
import { collect, factsOf, ownerOf } from '../testing/stream-followers.ts';
import { openReplica, viewOf, writerOf } from './testing/redis-journals.ts';

const done = { type: 'whole', payload: '[DONE]' } as const;

describe.skipIf(withoutOwnRedis !== undefined)(
  `outages of Redis${withoutOwnRedis === undefined ? '' : ` (skipped: ${withoutOwnRedis})`}`,
  () => {
    /** Two replicas over a Redis of their own; a running stream with two events that both follow. */
    async function world() {
      const server = await ownRedis(onTestFinished);
      const errors: Error[] = [];
      const journal = await replica(server.url, errors);
      const other = await replica(server.url);
      const writer = writerOf(await journal.begin(factsOf(), key));
      const { owner, calls } = ownerOf();
      writer.own(owner);
      const own = collect(writer.view, 0, true);
      const second = collect(writer.view);
      const third = collect(viewOf(await other.find(writer.view.facts.id)));
      writer.begin({});
      writer.event('a');
      writer.event('b');
      await expect.poll(() => [own, second, third].map(({ events }) => events.length)).toEqual([2, 2, 2]);
      const redis = new Redis(server.url, { lazyConnect: true, retryStrategy: () => null });
      redis.on('error', () => undefined);
      onTestFinished(async () => redis.disconnect());
      return { server, errors, journal, other, writer, calls, own, second, third, redis };
    }

    const key = { keyId: 'k', key: 'once', fingerprint: 'f' };

    async function replica(url: string, errors: Error[] = []): Promise<Journal> {
      const journal = await openReplica(url, {}, { onError: (error) => errors.push(error) });
      onTestFinished(() => journal.close());
      return journal;
    }

    /** Its own reader gets all of it, the others are refused. */
    async function expectLost({ writer, own, second, third, calls }: Awaited<ReturnType<typeof world>>) {
      writer.event('c');
      await second.ended();
      writer.event('d');
      writer.end(done);
      await own.ended();
      expect(own.events).toEqual(['a', 'b', 'c', 'd']);
      expect(own.view.ending).toEqual(done);
      expect(second.events).toEqual(['a', 'b']);
      expect(second.view.broken).toMatchObject({ code: 'storage_unavailable' });
      expect(calls).toContain('lost');
      await third.ended();
      expect(third.events).toEqual(['a', 'b']);
      expect(third.view.broken).toMatchObject({ code: 'storage_unavailable' });
    }

    async function expectWorking(journal: Journal): Promise<void> {
      await expect.poll(() => journal.available(), { timeout: 10_000 }).toBe(true);
      const writer = writerOf(await journal.begin(factsOf()));
      await expectWhole(writer, []);
    }

    async function expectWhole(writer: StreamWriter, before: readonly string[]): Promise<void> {
      const follower = collect(writer.view);
      writer.begin({});
      writer.event('y');
      writer.event('z');
      writer.end(done);
      await follower.ended();
      expect(follower.events).toEqual([...before, 'y', 'z']);
    }

    test('killed: the stream is lost, nothing begins, and all works again when it is back', async () => {
      const all = await world();
      await all.server.kill();
      await expectLost(all);
      for (const journal of [all.journal, all.other]) {
        expect((await journal.begin(factsOf())).type).toBe('unavailable');
        expect((await journal.find(all.writer.view.facts.id)).type).toBe('unavailable');
        expect((await journal.findOnce(key)).type).toBe('unavailable');
        expect(journal.available()).toBe(false);
      }
      expect(all.errors).toHaveLength(1);
      await all.server.start();
      await expectWorking(all.journal);
      await expectWorking(all.other);
      // It is empty now, and knows all the same that this stream is not whole.
      for (const journal of [all.journal, all.other]) {
        await expect
          .poll(async () => (await journal.find(all.writer.view.facts.id)).type)
          .toBe('unavailable');
        expect((await journal.begin(factsOf(), key)).type).toBe('unavailable');
      }
    }, 30_000);

    test('frozen: the same, and what it still carries out afterwards brings nothing back', async () => {
      const all = await world();
      all.server.freeze();
      await expectLost(all);
      expect((await all.journal.begin(factsOf())).type).toBe('unavailable');
      all.server.thaw();
      await expectWorking(all.journal);
      await expectWorking(all.other);
      for (const journal of [all.journal, all.other]) {
        await expect
          .poll(async () => (await journal.find(all.writer.view.facts.id)).type)
          .toBe('unavailable');
      }
    }, 30_000);

    test('frozen for a moment: streams are held up, and lose nothing', async () => {
      const { server, writer, own, second, third, calls } = await world();
      server.freeze();
      writer.event('c');
      await sleep(100);
      expect(own.events).toEqual(['a', 'b']);
      server.thaw();
      writer.event('d');
      writer.end(done);
      for (const follower of [own, second, third]) {
        await follower.ended();
        expect(follower.events).toEqual(['a', 'b', 'c', 'd']);
      }
      expect(calls).not.toContain('lost');
    });

    test('away while the stream has nothing to say: it goes on afterwards', async () => {
      const { server, journal, other, writer, own, third } = await world();
      server.freeze();
      expect((await journal.find('chatcmpl-none')).type).toBe('unavailable');
      expect((await other.find('chatcmpl-none')).type).toBe('unavailable');
      server.thaw();
      for (const one of [journal, other]) {
        await expect.poll(() => one.available(), { timeout: 10_000 }).toBe(true);
      }
      writer.event('c');
      writer.end(done);
      for (const follower of [own, third]) {
        await follower.ended();
        expect(follower.events).toEqual(['a', 'b', 'c']);
      }
    }, 20_000);

    test('emptied: the stream is lost with its next event', async () => {
      const all = await world();
      await all.redis.flushall();
      await expectLost(all);
      await expect
        .poll(async () => (await all.other.find(all.writer.view.facts.id)).type)
        .toBe('unavailable');
      expect(all.journal.available()).toBe(true);
      await expectWorking(all.journal);
    });

    test('it drops the entries of a stream to win memory: nobody gets a part for the whole', async () => {
      const all = await world();
      await all.redis.del(`tailrace:journal:s:${all.writer.view.facts.id}`);
      expect((await all.other.find(all.writer.view.facts.id)).type).not.toBe('unknown');
      await expectLost(all);
    });

    test('its scripts are dropped: nothing is lost', async () => {
      const { redis, writer, own, third, calls } = await world();
      await redis.script('FLUSH');
      writer.event('c');
      writer.end(done);
      for (const follower of [own, third]) {
        await follower.ended();
        expect(follower.events).toEqual(['a', 'b', 'c']);
      }
      expect(calls).not.toContain('lost');
    });

    test('it closes the connection of the channels at any moment: followers elsewhere miss nothing', async () => {
      const { redis, writer, other, third } = await world();
      const more = [third];
      for (let event = 1; event <= 120; event += 1) {
        if (event % 12 === 0) {
          await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
          more.push(collect(viewOf(await other.find(writer.view.facts.id)), 2));
        }
        writer.event(`{"n":${event}}`);
        await sleep(event % 5);
      }
      writer.end(done);
      const all = Array.from({ length: 120 }, (_, index) => `{"n":${index + 1}}`);
      for (const follower of more) {
        await follower.ended();
        expect(follower.events.filter((event) => event.startsWith('{'))).toEqual(all);
      }
    }, 20_000);

    test('a replica that starts while it is away works as soon as it is there', async () => {
      const server = await ownRedis(onTestFinished);
      await server.kill();
      const journal = await replica(server.url);
      expect(journal.available()).toBe(false);
      expect((await journal.begin(factsOf())).type).toBe('unavailable');
      await server.start();
      await expectWorking(journal);
    }, 20_000);

    test('close waits for what was written, and nothing begins after it', async () => {
      const { journal, writer, third } = await world();
      writer.event('c');
      writer.end(done);
      await journal.close();
      await third.ended();
      expect(third.events).toEqual(['a', 'b', 'c']);
      expect(journal.available()).toBe(false);
      expect((await journal.begin(factsOf())).type).toBe('unavailable');
    });
  },
);
