import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { redisFor, withoutRedis } from '../../testing/services.ts';
import type { Journal } from '../contract.ts';
import { collect, factsOf, ownerOf } from '../testing/stream-followers.ts';
import { eventsKey } from './keys.ts';
import { openReplica, viewOf, writerOf } from './testing/redis-journals.ts';
import { type Fault, type RedisProxy, startRedisProxy } from './testing/redis-proxy.ts';

const done = { type: 'whole', payload: '[DONE]' } as const;
const payloads = Array.from({ length: 12 }, (_, index) => `{"n":${index}}`);

describe.skipIf(withoutRedis !== undefined)(
  `a Redis that fails at times${withoutRedis === undefined ? '' : ` (skipped: ${withoutRedis})`}`,
  () => {
    let url = '';
    const ends: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      url = await redisFor((end) => ends.push(end));
      return async () => {
        for (const end of ends) await end();
      };
    });

    /** A replica behind a proxy. */
    async function behindProxy(): Promise<{ journal: Journal; proxy: RedisProxy }> {
      const proxy = await startRedisProxy(url, onTestFinished);
      const journal = await openReplica(proxy.url);
      onTestFinished(() => journal.close());
      return { journal, proxy };
    }

    async function direct(): Promise<Journal> {
      const journal = await openReplica(url);
      onTestFinished(() => journal.close());
      return journal;
    }

    const faults: readonly Fault[] = [
      'cut-before',
      'cut-after',
      '-READONLY You can’t write',
      '-LOADING Redis is loading',
      '-OOM command not allowed',
    ];
    for (const fault of faults) {
      for (const every of [2, 3, 5]) {
        test(`every call number ${every} meets “${fault}”: the stream is whole here and on another replica`, async () => {
          const { journal, proxy } = await behindProxy();
          const other = await direct();
          let harmed = 0;
          proxy.fault = (call) => {
            if (call % every !== 0) return undefined;
            harmed += 1;
            return fault;
          };
          const writer = writerOf(await journal.begin(factsOf(), once()));
          const { owner, calls } = ownerOf();
          writer.own(owner);
          const here = collect(writer.view, 0, true);
          const elsewhere = collect(viewOf(await other.find(writer.view.facts.id)));
          writer.begin({ target: 'lab/m' });
          for (const payload of payloads) {
            writer.event(payload);
            await sleep(3);
          }
          writer.end(done);
          await Promise.all([here.ended(), elsewhere.ended()]);
          expect(here.events).toEqual(payloads);
          expect(elsewhere.events).toEqual(payloads);
          expect(elsewhere.view).toMatchObject({ ending: done, last: 13, head: { target: 'lab/m' } });
          expect(calls).not.toContain('lost');
          expect(harmed).toBeGreaterThan(0);
          const late = collect(viewOf(await other.find(writer.view.facts.id)), 4);
          await late.ended();
          expect(late.events).toEqual(payloads.slice(4));
        });
      }
    }

    for (const cut of ['cut-before', 'cut-after'] as const) {
      test(`no follower ever has an event that Redis lacks, at whatever call Redis vanishes (${cut})`, async () => {
        const redis = new Redis(url);
        onTestFinished(async () => redis.disconnect());
        for (let at = 1; at <= payloads.length + 2; at += 1) {
          const { journal, proxy } = await behindProxy();
          const other = await direct();
          const writer = writerOf(await journal.begin(factsOf()));
          const { id } = writer.view.facts;
          const from = proxy.calls;
          // This call is the last one that reaches Redis.
          proxy.fault = (call) => (call - from < at ? undefined : call - from === at ? cut : 'cut-before');
          const { owner, calls } = ownerOf();
          writer.own(owner);
          const own = collect(writer.view, 0, true);
          const second = collect(writer.view);
          const third = collect(viewOf(await other.find(id)));
          let missing = 0;
          const compare = async () => {
            // Read after what the followers have: what they have must be there.
            const had = Math.max(second.events.length, third.events.length);
            const entries = await redis.xlen(eventsKey(id));
            if (entries < had) missing += 1;
          };
          writer.begin({});
          for (const payload of payloads) {
            writer.event(payload);
            await sleep(1);
            await compare();
          }
          writer.end(done);
          await own.ended();
          expect(own.events).toEqual(payloads);
          await compare();
          expect(missing).toBe(0);
          const survived = !calls.includes('lost');
          expect(survived).toBe(second.view.broken === undefined);
          if (survived) continue;
          await second.ended();
          expect(second.view.broken).toMatchObject({ code: 'storage_unavailable' });
          expect(second.events).toEqual(payloads.slice(0, second.events.length));
          expect(journal.available()).toBe(false);
          expect((await journal.find(id)).type).toBe('unavailable');
          expect((await journal.begin(factsOf())).type).toBe('unavailable');
          // Redis is back: the stream stays lost, for everybody.
          proxy.fault = () => undefined;
          await expect.poll(() => journal.available()).toBe(true);
          await expect.poll(async () => (await other.find(id)).type).toBe('unavailable');
          expect((await journal.find(id)).type).toBe('unavailable');
          await third.ended();
          expect(third.events).toEqual(payloads.slice(0, third.events.length));
          expect(writerOf(await journal.begin(factsOf())).view.last).toBe(0);
        }
      }, 120_000);
    }

    test('a begin whose answer is lost leaves nothing that anybody finds', async () => {
      const { journal, proxy } = await behindProxy();
      const other = await direct();
      const key = once();
      const facts = factsOf();
      const from = proxy.calls;
      proxy.fault = (call) => (call === from + 1 ? 'cut-after' : 'cut-before');
      expect((await journal.begin(facts, key)).type).toBe('unavailable');
      proxy.fault = () => undefined;
      await expect.poll(() => journal.available()).toBe(true);
      await expect.poll(async () => (await other.find(facts.id)).type).toBe('unknown');
      expect((await other.begin(factsOf(), key)).type).toBe('begun');
    });

    test('a broken key harms only those who ask for it', async () => {
      const journal = await direct();
      const redis = new Redis(url);
      onTestFinished(async () => redis.disconnect());
      await redis.set('tailrace:journal:m:chatcmpl-odd', 'text', 'PX', 60_000);
      const writer = writerOf(await journal.begin(factsOf()));
      expect((await journal.find('chatcmpl-odd')).type).toBe('unavailable');
      expect(journal.available()).toBe(true);
      const follower = collect(writer.view);
      writer.begin({});
      writer.event('a');
      writer.end(done);
      await follower.ended();
      expect(follower.events).toEqual(['a']);
    });

    test('a replica that Redis does not hear for long keeps its own reader, and the others get the cut', async () => {
      const { journal, proxy } = await behindProxy();
      const other = await direct();
      const writer = writerOf(await journal.begin(factsOf()));
      const own = collect(writer.view, 0, true);
      writer.begin({});
      writer.event('a');
      const third = collect(viewOf(await other.find(writer.view.facts.id)));
      await expect.poll(() => third.events).toEqual(['a']);
      proxy.stalled = true;
      writer.event('b');
      await expect.poll(() => own.events).toEqual(['a', 'b']);
      await third.ended();
      expect(third.view.ending ?? third.view.broken).toMatchObject({
        type: 'torn',
        failure: { code: 'upstream_cut' },
      });
      writer.end(done);
      await own.ended();
      expect(own.events).toEqual(['a', 'b']);
      proxy.stalled = false;
      proxy.cut();
      await expect.poll(() => journal.available()).toBe(true);
      await expect.poll(async () => (await other.find(writer.view.facts.id)).type).toBe('unavailable');
    }, 20_000);
  },
);

function once() {
  return { keyId: 'k', key: `key ${Math.random()}`, fingerprint: 'f' };
}
