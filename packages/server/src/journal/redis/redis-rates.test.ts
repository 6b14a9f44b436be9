import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ownRedis, withoutOwnRedis } from '../../testing/services.ts';
import { createTimerQueue, type TimerQueue } from '../../timers/timer-queue.ts';
import { collect, factsOf, followed } from '../testing/stream-followers.ts';
import { openReplica, viewOf, writerOf } from './testing/redis-journals.ts';

const done = { type: 'whole', payload: '[DONE]' } as const;

describe.skipIf(withoutOwnRedis !== undefined)(
  `what a journal costs Redis${withoutOwnRedis === undefined ? '' : ` (skipped: ${withoutOwnRedis})`}`,
  () => {
    async function world(replicas: number, limits = {}) {
      const server = await ownRedis(onTestFinished);
      const redis = new Redis(server.url);
      onTestFinished(async () => redis.disconnect());
      const journals = [];
      for (let index = 0; index < replicas; index += 1) {
        const journal = await openReplica(server.url, limits);
        onTestFinished(() => journal.close());
        journals.push(journal);
      }
      const [journal, other] = journals;
      if (journal === undefined) throw new Error('no replica');
      /** Commands that clients have sent; those of scripts are not among them. */
      const commands = async (): Promise<number> => {
        const stats = await redis.info('commandstats');
        const of = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
        return of('evalsha') + of('eval') + of('subscribe') + of('unsubscribe');
      };
      return { redis, journal, other: other ?? journal, commands };
    }

    test('300 streams of 50 events a second: one command for many events', async () => {
      const { journal, commands } = await world(1);
      const writers = await Promise.all(
        Array.from({ length: 300 }, async () => writerOf(await journal.begin(factsOf()))),
      );
      for (const writer of writers) writer.begin({});
      const before = await commands();
      // As sockets bring them: each turn of the event loop has some of them.
      const rounds = 40;
      for (let round = 0; round < rounds; round += 1) {
        const roundEndMs = performance.now() + 20;
        for (let from = 0; from < writers.length; from += 15) {
          for (const writer of writers.slice(from, from + 15)) writer.event(`{"round":${round}}`);
          await new Promise(setImmediate);
        }
        await sleep(Math.max(0, roundEndMs - performance.now()));
      }
      for (const writer of writers) writer.end(done);
      await expect.poll(() => writers.every(({ view }) => view.ending !== undefined)).toBe(true);
      const events = rounds * writers.length;
      expect((await commands()) - before).toBeLessThan(0.1 * events);
      for (const { view } of writers) expect(view.last).toBe(rounds + 1);
    }, 20_000);

    test('a lone stream: at most one command an event', async () => {
      const { journal, commands } = await world(1);
      const writer = writerOf(await journal.begin(factsOf()));
      const follower = collect(writer.view);
      writer.begin({});
      const before = await commands();
      for (let event = 1; event <= 100; event += 1) {
        writer.event(`{"n":${event}}`);
        await sleep(2);
      }
      await expect.poll(() => follower.events.length).toBe(100);
      // One more where a tick falls into this time.
      expect((await commands()) - before).toBeLessThanOrEqual(101);
    });

    test('events without a follower elsewhere are not published', async () => {
      const { journal, redis } = await world(1);
      const writer = writerOf(await journal.begin(factsOf()));
      writer.begin({});
      for (let event = 1; event <= 10; event += 1) writer.event('a');
      await expect.poll(() => writer.view.last).toBe(10);
      expect(await redis.info('commandstats')).not.toContain('cmdstat_publish');
    });

    test('a hundred reconnects on another replica cost a few commands in all', async () => {
      const { journal, other, commands } = await world(2);
      const writer = writerOf(await journal.begin(factsOf()));
      const { id } = writer.view.facts;
      writer.begin({});
      for (let event = 1; event <= 50; event += 1) writer.event(`{"n":${event}}`);
      await expect.poll(() => writer.view.last).toBe(50);
      const before = await commands();
      for (let turn = 0; turn < 100; turn += 1) {
        const follower = collect(viewOf(await other.find(id)), turn % 40);
        await expect.poll(() => follower.events.length).toBe(50 - (turn % 40));
        follower.leave();
      }
      expect((await commands()) - before).toBeLessThan(10);
    });

    test('every key has an expiry, at any time', async () => {
      const { journal, other, redis } = await world(2, { perStreamBytes: 5_000 });
      const check = async (least: number) => {
        const keys = await redis.keys('*');
        expect(keys.length).toBeGreaterThanOrEqual(least);
        for (const key of keys) expect([key, (await redis.pttl(key)) > 0]).toEqual([key, true]);
      };
      const once = { keyId: 'k', key: 'once', fingerprint: 'f' };
      const writer = writerOf(await journal.begin(factsOf(), once));
      await check(3);
      const view = viewOf(await other.find(writer.view.facts.id));
      onTestFinished(view.follow(followed));
      writer.begin({});
      for (let event = 1; event <= 50; event += 1) writer.event('x'.repeat(200));
      await expect.poll(() => view.last).toBe(50);
      await check(4);
      writer.end(done);
      await expect.poll(() => view.ending).toEqual(done);
      await check(4);
      const refused = writerOf(await journal.begin(factsOf(), { ...once, key: 'other' }));
      refused.discard({ code: 'rate_limit_exceeded', message: '' });
      await expect.poll(() => refused.view.ending).toBeDefined();
      await check(5);
    });

    test('the keys of a running stream stay as long as it runs', async () => {
      const server = await ownRedis(onTestFinished);
      const redis = new Redis(server.url);
      onTestFinished(async () => redis.disconnect());
      const real = createTimerQueue(() => performance.now());
      // The half minute passes in a second.
      const timers: TimerQueue = {
        start: (timer, ms) => real.start(timer, ms === 2_000 ? 60 : ms),
        stop: (timer) => real.stop(timer),
        size: 0,
        now: () => real.now(),
      };
      const journal = await openReplica(server.url, {}, { timers });
      onTestFinished(() => journal.close());
      const once = { keyId: 'k', key: 'once', fingerprint: 'f' };
      const writer = writerOf(await journal.begin(factsOf(), once));
      writer.begin({});
      writer.event('a');
      await expect.poll(() => writer.view.last).toBe(1);
      const keys = await redis.keys('tailrace:journal:[mso]:*');
      expect(keys).toHaveLength(3);
      for (const key of keys) await redis.pexpire(key, 30_000);
      const expiries = () => Promise.all(keys.map((key) => redis.pttl(key)));
      await expect
        .poll(async () => Math.min(...(await expiries())), { timeout: 10_000 })
        .toBeGreaterThan(60_000);
    });

    test('replay and live tail meet at each index, here and on another replica', async () => {
      const { journal, other } = await world(2);
      const writer = writerOf(await journal.begin(factsOf()));
      const { id } = writer.view.facts;
      writer.begin({});
      const all = Array.from({ length: 80 }, (_, index) => `{"n":${index + 1}}`);
      const followers: { readonly after: number; readonly follower: ReturnType<typeof collect> }[] = [];
      for (const [index, payload] of all.entries()) {
        writer.event(payload);
        // Found and followed at any moment between two events, and read from each position.
        for (const replica of [journal, other]) {
          void replica.find(id).then((found) => {
            for (const after of [0, index >> 1, index]) {
              followers.push({ after, follower: collect(viewOf(found), after) });
            }
          });
        }
        for (let turn = 0; turn < index % 6; turn += 1) await new Promise(setImmediate);
      }
      writer.end(done);
      await expect.poll(() => followers.length).toBe(6 * all.length);
      for (const { after, follower } of followers) {
        await follower.ended();
        expect(follower.events).toEqual(all.slice(after));
      }
    });

    test('old events leave this process, and are read from Redis at every position, while new ones come', async () => {
      const { journal, other } = await world(2);
      const writer = writerOf(await journal.begin(factsOf()));
      writer.begin({});
      const payload = (number: number) => `${number} ${'x'.repeat(1_000)}`;
      const write = (from: number, to: number) => {
        for (let number = from; number <= to; number += 1) writer.event(payload(number));
      };
      write(1, 1_000);
      await expect.poll(() => writer.view.last).toBe(1_000);
      // A window is 256 KiB.
      expect(writer.view.event(600)).toBeUndefined();
      expect(writer.view.event(900)).toBe(payload(900));
      expect(writer.view.first).toBe(1);
      const elsewhere = viewOf(await other.find(writer.view.facts.id));
      const followers = [writer.view, elsewhere].flatMap((view) =>
        [0, 1, 499, 700, 744, 745, 760, 800, 998, 999, 1_000].map(
          (after) => [after, collect(view, after)] as const,
        ),
      );
      for (let number = 1_001; number <= 1_100; number += 1) {
        write(number, number);
        if (number % 7 === 0) await sleep(1);
      }
      writer.end(done);
      for (const [after, follower] of followers) {
        await follower.ended();
        expect(follower.events).toHaveLength(1_100 - after);
        expect(follower.events.every((event, index) => event === payload(after + 1 + index))).toBe(true);
      }
    });

    test('the windows of all streams are bounded together', async () => {
      const { journal } = await world(1, { totalBytes: 400_000 });
      const writers = await Promise.all(
        Array.from({ length: 10 }, async () => writerOf(await journal.begin(factsOf()))),
      );
      for (const writer of writers) {
        writer.begin({});
        for (let event = 0; event < 300; event += 1) writer.event('x'.repeat(1_000));
      }
      await expect.poll(() => writers.every(({ view }) => view.last === 300)).toBe(true);
      let kept = 0;
      for (const { view } of writers) {
        for (let number = 1; number <= 300; number += 1) kept += view.event(number)?.length ?? 0;
      }
      expect(kept).toBeLessThanOrEqual(400_000);
    });

    test('a follower that falls behind the bound of a stream learns that its events are gone', async () => {
      const { journal, other } = await world(2, { perStreamBytes: 50_000 });
      const writer = writerOf(await journal.begin(factsOf()));
      writer.begin({});
      const view = viewOf(await other.find(writer.view.facts.id));
      onTestFinished(view.follow(followed));
      for (let event = 0; event < 500; event += 1) writer.event('x'.repeat(1_000));
      await expect.poll(() => view.last).toBe(500);
      await expect(view.load(1)).rejects.toThrow();
      expect(view.first).toBeGreaterThan(440);
      expect((await view.load(view.first))[0]).toBe('x'.repeat(1_000));
    });
  },
);
