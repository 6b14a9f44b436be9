import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.ts';
import { ownRedis, redisFor, withoutOwnRedis, withoutRedis } from '../../testing/services.ts';
import { roundsOf, seedOf } from '../../testing/suite-part.ts';
import { describeLimiter } from '../contract.suite.ts';
import type { Limiter, LimitLease, LimitScope } from '../contract.ts';
import { createMemoryLimiter } from '../memory/memory-limiter.ts';
import { allowed, ask, newScope } from '../testing/limit-asks.ts';
import { openRedisLimiter } from './redis-limiter.ts';

const hourMs = 3_600_000;
const opened: Limiter[] = [];
const ends: (() => Promise<void>)[] = [];
let url = '';

async function open(windowMs: number): Promise<Limiter> {
  const limiter = await openRedisLimiter({ url, windowMs });
  opened.push(limiter);
  return limiter;
}

describe.skipIf(withoutRedis !== undefined)(
  `with a Redis${withoutRedis === undefined ? '' : ` (skipped: ${withoutRedis})`}`,
  () => {
    beforeAll(async () => {
      url = await redisFor((end) => ends.push(end));
    });
    afterAll(async () => {
      for (const limiter of opened) await limiter.close();
      for (const end of ends) await end();
    });

    describeLimiter('in Redis', {
      open,
      openTwo: async (windowMs) => [await open(windowMs), await open(windowMs)],
      pass: async (ms) => {
        // An hour does not pass here.
        if (ms > 0 && ms < 10_000) await sleep(ms + 1);
      },
      now: () => performance.now(),
      windowsMs: [100, hourMs],
      rounds: roundsOf(500, 20),
      async close() {},
    });

    test('three clients that ask 600 times at once get exactly 100', async () => {
      const limiters = [await open(3_600_000), await open(3_600_000), await open(3_600_000)];
      const scopes = [
        { scope: newScope(), requestsPerMinute: 100 },
        { scope: newScope('owner'), requestsPerMinute: 5_000 },
      ];
      const decisions = await Promise.all(
        Array.from({ length: 600 }, (_, index) => (limiters[index % 3] ?? limiters[0])?.take(ask(scopes))),
      );
      expect(decisions.filter((decision) => decision?.type === 'allowed')).toHaveLength(100);
      const owner = await limiters[0]?.look(scopes.slice(1));
      expect(owner?.requests?.remaining).toBe(4_900);
    });

    test('decides as the limiter in memory does', async () => {
      const windowMs = 24 * 3_600_000;
      const random = seededRandom(seedOf());
      const below = (most: number): number => Math.floor(random() * most);
      for (let round = 0; round < roundsOf(200, 20); round += 1) {
        const inRedis = await open(windowMs);
        let nowMs = 0;
        const inMemory = createMemoryLimiter({ now: () => nowMs, windowMs });
        // Less than one unit flows off while the test runs.
        const scopes: LimitScope[] = [
          {
            scope: newScope(),
            requestsPerMinute: 1 + below(12),
            tokensPerMinute: 1 + below(900),
            maxStreams: 6,
          },
          { scope: newScope('owner'), tokensPerMinute: 1 + below(900), maxStreams: 1 + below(8) },
          { scope: newScope('owner'), requestsPerMinute: 1 + below(15) },
        ];
        const leases: [LimitLease, LimitLease][] = [];
        for (let step = 0; step < 40; step += 1) {
          const some = scopes
            .filter(() => random() < 0.8)
            .map((scope) => (random() < 0.8 ? scope : withOtherLimits(scope, 1 + below(4))));
          const settled = random() < 0.4 ? leases.splice(below(leases.length), 1)[0] : undefined;
          if (settled !== undefined) {
            const used = random() < 0.2 ? ('not-run' as const) : below(600);
            await Promise.all([inRedis.settle(settled[0], used), inMemory.settle(settled[1], used)]);
          }
          const asked = ask(some, below(300), below(300));
          const [one, other] = [await inRedis.take(asked), await inMemory.take(asked)];
          expect(comparable(one)).toEqual(comparable(other));
          if (one.type === 'refused' && other.type === 'refused') {
            expect(Math.abs(one.retryAfterMs - other.retryAfterMs)).toBeLessThan(60_000);
          }
          if (one.type === 'allowed' && other.type === 'allowed') leases.push([one.lease, other.lease]);
          nowMs += 1;
        }
      }
    });

    test('leaves no key that stays for ever', async () => {
      const limiter = await open(60_000);
      const scopes = [{ scope: newScope(), requestsPerMinute: 10, tokensPerMinute: 1_000, maxStreams: 3 }];
      const { lease } = allowed(await limiter.take(ask(scopes, 100)));
      await limiter.settle(lease, 5_000);
      await limiter.beat('p');
      const redis = new Redis(url);
      const keys = await redis.keys('tailrace:limits:*');
      expect(keys.length).toBeGreaterThan(1);
      for (const key of keys) expect([key, (await redis.pttl(key)) !== -1]).toEqual([key, true]);
      redis.disconnect();
    });

    test('goes on after the server has dropped its scripts', async () => {
      const limiter = await open(3_600_000);
      const scopes = [{ scope: newScope(), requestsPerMinute: 2 }];
      allowed(await limiter.take(ask(scopes)));
      const redis = new Redis(url);
      await redis.script('FLUSH');
      redis.disconnect();
      allowed(await limiter.take(ask(scopes)));
      expect((await limiter.take(ask(scopes))).type).toBe('refused');
    });
  },
);

describe.skipIf(withoutOwnRedis !== undefined)(
  `with a Redis of its own${withoutOwnRedis === undefined ? '' : ` (skipped: ${withoutOwnRedis})`}`,
  () => {
    test('each connection gives it the scripts first, so that a decision is one round trip', async () => {
      const server = await ownRedis(onTestFinished);
      const limiter = await openRedisLimiter({ url: server.url });
      onTestFinished(() => limiter.close());
      const scopes = [{ scope: newScope(), requestsPerMinute: 20 }];
      /** A script that the server does not know is sent as text. */
      const textsSent = async () => {
        const redis = new Redis(server.url);
        const stats = await redis.info('commandstats');
        redis.disconnect();
        return Number(/cmdstat_eval:calls=(\d+)/.exec(stats)?.[1] ?? 0);
      };
      const { lease } = allowed(await limiter.take(ask(scopes)));
      await limiter.look(scopes);
      await limiter.beat('p');
      await limiter.settle(lease, 1);
      expect(await textsSent()).toBe(0);
      await server.kill();
      await server.start();
      await expect
        .poll(() => limiter.take(ask(scopes)).catch(() => undefined), { timeout: 10_000 })
        .toMatchObject({ type: 'allowed' });
      expect(await textsSent()).toBe(0);
    });
  },
);

/** The limits of a change, or of a replica that has not seen it yet. */
function withOtherLimits(
  { requestsPerMinute, tokensPerMinute, ...scope }: LimitScope,
  times: number,
): LimitScope {
  return {
    ...scope,
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute: requestsPerMinute * times }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute: Math.ceil((tokensPerMinute * times) / 2) }),
  };
}

/** A decision without what depends on the clock. */
function comparable(decision: Awaited<ReturnType<Limiter['take']>>): unknown {
  const { windows } = decision;
  const left = { requests: windows.requests?.remaining, tokens: windows.tokens?.remaining };
  if (decision.type === 'allowed') return { left, reservedTokens: decision.lease.reservedTokens };
  // Which limit it names depends on the clock where two make it wait for the same time.
  return { left };
}
