import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ownRedis, withoutOwnRedis } from '../testing/services.ts';
import type { GuardedLimiter, Limiter, LimitScope } from './contract.ts';
import { type GuardOptions, guardLimiter } from './guarded-limiter.ts';
import { createMemoryLimiter } from './memory/memory-limiter.ts';
import { openRedisLimiter } from './redis/redis-limiter.ts';
import { startFakeRedis } from './testing/fake-redis.ts';
import { allowed, ask, newScope, refused } from './testing/limit-asks.ts';

const now = () => performance.now();
/** The contract says 50 ms; a busy machine may make a test wait longer. */
const generousMs = 1_000;

/** `busy`: each answer comes after those before it, 20 ms later. */
type Mode = 'there' | 'rejects' | 'hangs' | 'late' | 'busy';

/** A store in memory that can be away. */
function openStore(): Limiter & { mode: Mode; readonly counts: Limiter } {
  const counts = createMemoryLimiter({ now });
  let turn: Promise<unknown> = Promise.resolve();
  const disturbed = async <T>(call: () => Promise<T>): Promise<T> => {
    if (store.mode === 'rejects') throw new Error('gone');
    if (store.mode === 'hangs') return new Promise(() => {});
    const answer = call();
    if (store.mode === 'busy') {
      turn = turn.then(() => new Promise((resolve) => setTimeout(resolve, 20)));
      await turn;
    }
    if (store.mode === 'late') await new Promise((resolve) => setTimeout(resolve, 300));
    return answer;
  };
  const store = {
    mode: 'there' as Mode,
    counts,
    take: (asked: Parameters<Limiter['take']>[0]) => disturbed(() => counts.take(asked)),
    settle: (...args: Parameters<Limiter['settle']>) => disturbed(() => counts.settle(...args)),
    look: (scopes: readonly LimitScope[]) => disturbed(() => counts.look(scopes)),
    beat: (processId: string) => disturbed(() => counts.beat(processId)),
    leave: (processId: string) => disturbed(() => counts.leave(processId)),
    restore: (held: Parameters<Limiter['restore']>[0]) => disturbed(() => counts.restore(held)),
    close: () => counts.close(),
  };
  return store;
}

interface Guarded {
  readonly limiter: GuardedLimiter;
  readonly events: string[];
}

function guard(store: Limiter, options: Partial<GuardOptions> = {}): Guarded {
  const events: string[] = [];
  const limiter = guardLimiter(store, {
    onStoreFailure: 'share',
    replicas: 1,
    share: createMemoryLimiter({ now }),
    onAway: () => events.push('away'),
    onBack: () => events.push('back'),
    ...options,
  });
  return { limiter, events };
}

describe('around a store that can be away', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('the store decides while it answers', async () => {
    const { limiter, events } = guard(openStore());
    const scopes = [{ scope: newScope(), requestsPerMinute: 1 }];
    allowed(await limiter.take(ask(scopes)));
    refused(await limiter.take(ask(scopes)));
    expect(events).toEqual([]);
    await limiter.close();
  });

  test('a store that does not answer is waited for once, and asked each second whether it is back', async () => {
    const store = openStore();
    const { limiter, events } = guard(store, { onStoreFailure: 'deny' });
    const scopes = [{ scope: newScope(), requestsPerMinute: 100 }];
    store.mode = 'hangs';
    const first = limiter.take(ask(scopes));
    await vi.advanceTimersByTimeAsync(50);
    expect(await first).toEqual({ type: 'unavailable' });
    // No time passes for this one.
    expect(await limiter.take(ask(scopes))).toEqual({ type: 'unavailable' });
    expect(await limiter.look(scopes)).toEqual({});
    expect(events).toEqual(['away']);
    store.mode = 'rejects';
    await vi.advanceTimersByTimeAsync(3_000);
    expect(events).toEqual(['away']);
    await limiter.close();
  });

  test('the store decides again after a probe', async () => {
    const store = openStore();
    const { limiter, events } = guard(store);
    store.mode = 'rejects';
    const scopes = [{ scope: newScope(), requestsPerMinute: 100 }];
    allowed(await limiter.take(ask(scopes)));
    store.mode = 'there';
    await vi.advanceTimersByTimeAsync(1_001);
    expect(events).toEqual(['away', 'back']);
    allowed(await limiter.take(ask(scopes)));
    expect((await store.counts.look(scopes)).requests?.remaining).toBe(99);
    await limiter.close();
  });

  test('a store that answers other calls is busy, and is waited for', async () => {
    const store = openStore();
    const { limiter, events } = guard(store, { onStoreFailure: 'deny' });
    const scopes = [{ scope: newScope(), requestsPerMinute: 100 }];
    store.mode = 'busy';
    const answers = Array.from({ length: 20 }, () => limiter.take(ask(scopes)));
    await vi.advanceTimersByTimeAsync(500);
    expect(await Promise.all(answers)).not.toContainEqual({ type: 'unavailable' });
    expect(events).toEqual([]);
    await limiter.close();
  });

  test('a store whose call has left late, because this thread was held up, is waited for', async () => {
    vi.useRealTimers();
    const store = openStore();
    const leavesLater: Limiter = {
      ...store,
      async take(asked) {
        await nextTurn();
        await sleep(15);
        return store.counts.take(asked);
      },
    };
    const { limiter, events } = guard(leavesLater, { onStoreFailure: 'deny' });
    const decision = limiter.take(ask([{ scope: newScope(), requestsPerMinute: 100 }]));
    const heldUpUntilMs = now() + 80;
    while (now() < heldUpUntilMs);
    allowed(await decision);
    expect(events).toEqual([]);
    await limiter.close();
  });

  test('a store that answers too late stays away', async () => {
    const store = openStore();
    const { limiter, events } = guard(store);
    store.mode = 'late';
    const first = limiter.take(ask([{ scope: newScope(), requestsPerMinute: 100 }]));
    await vi.advanceTimersByTimeAsync(10_000);
    allowed(await first);
    expect(events).toEqual(['away']);
    await limiter.close();
  });

  test('the share of a replica is its part of each limit, and at least 1', async () => {
    const store = openStore();
    const { limiter } = guard(store, { replicas: 3 });
    store.mode = 'rejects';
    const take = (scope: Omit<LimitScope, 'scope'>, times: number) =>
      Promise.all(
        ((scopes) => Array.from({ length: times }, () => limiter.take(ask(scopes, 10))))([
          { scope: newScope(), ...scope },
        ]),
      ).then((decisions) => decisions.filter(({ type }) => type === 'allowed').length);
    expect(await take({ requestsPerMinute: 100 }, 100)).toBe(33);
    expect(await take({ requestsPerMinute: 2 }, 5)).toBe(1);
    expect(await take({ tokensPerMinute: 100 }, 100)).toBe(3);
    expect(await take({ maxStreams: 8 }, 10)).toBe(2);
    expect(await take({ maxStreams: 0 }, 3)).toBe(0);
    await limiter.close();
  });

  test('streams that run count in the share, and their places come back', async () => {
    const store = openStore();
    const { limiter } = guard(store, { replicas: 2 });
    const scopes = [{ scope: newScope(), maxStreams: 6 }];
    const before = [allowed(await limiter.take(ask(scopes))), allowed(await limiter.take(ask(scopes)))];
    store.mode = 'rejects';
    // 3 in the share, of which two run.
    allowed(await limiter.take(ask(scopes)));
    expect(refused(await limiter.take(ask(scopes))).limit).toBe('streams');
    for (const { lease } of before) await limiter.settle(lease, 0);
    allowed(await limiter.take(ask(scopes)));
    allowed(await limiter.take(ask(scopes)));
    expect(refused(await limiter.take(ask(scopes))).limit).toBe('streams');
    await limiter.close();
  });

  test('the end of a stream from before an outage gives nothing back to the share', async () => {
    const store = openStore();
    const { limiter } = guard(store);
    const scopes = [{ scope: newScope(), requestsPerMinute: 2, tokensPerMinute: 100, maxStreams: 9 }];
    const before = allowed(await limiter.take(ask(scopes, 10))).lease;
    store.mode = 'rejects';
    for (let count = 0; count < 2; count += 1) allowed(await limiter.take(ask(scopes, 10)));
    expect(refused(await limiter.take(ask(scopes, 10))).limit).toBe('requests');
    await limiter.settle(before, 10);
    expect(refused(await limiter.take(ask(scopes, 10))).limit).toBe('requests');
    await limiter.close();
  });

  test('leases of either kind are settled where they were taken, and the store is right again after an outage', async () => {
    const store = openStore();
    const { limiter } = guard(store);
    const scopes = [{ scope: newScope(), tokensPerMinute: 1_000_000, maxStreams: 3 }];
    const [first, second] = [
      allowed(await limiter.take(ask(scopes, 100, 900))).lease,
      allowed(await limiter.take(ask(scopes, 100, 900))).lease,
    ];
    store.mode = 'rejects';
    const shared = allowed(await limiter.take(ask(scopes, 500))).lease;
    expect(shared.share).toBe(true);
    // Ends while the store is away: the store is to get 40,000 tokens more, and a place back.
    await limiter.settle(first, 41_000);
    store.mode = 'there';
    await vi.advanceTimersByTimeAsync(1_001);
    const remaining = async (): Promise<number> => (await store.counts.look(scopes)).tokens?.remaining ?? 0;
    expect(await remaining()).toBeGreaterThanOrEqual(958_000);
    expect(await remaining()).toBeLessThan(1_000_000);
    // Two run: one place is left.
    const third = allowed(await limiter.take(ask(scopes, 0))).lease;
    refused(await limiter.take(ask(scopes, 0)));
    await limiter.settle(shared, 500);
    const fourth = allowed(await limiter.take(ask(scopes, 0))).lease;
    refused(await limiter.take(ask(scopes, 0)));
    for (const lease of [second, third, fourth]) await limiter.settle(lease, 0);
    for (let count = 0; count < 3; count += 1) allowed(await limiter.take(ask(scopes, 0)));
    refused(await limiter.take(ask(scopes, 0)));
    await limiter.close();
  });

  test('an answer that comes after its request was decided otherwise is given back', async () => {
    const store = openStore();
    const { limiter } = guard(store, { onStoreFailure: 'deny' });
    const scopes = [{ scope: newScope(), requestsPerMinute: 5, tokensPerMinute: 1_000, maxStreams: 1 }];
    store.mode = 'late';
    const taking = limiter.take(ask(scopes, 100, 100));
    await vi.advanceTimersByTimeAsync(100);
    expect(await taking).toEqual({ type: 'unavailable' });
    store.mode = 'there';
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await store.counts.look(scopes)).toMatchObject({
      requests: { remaining: 5 },
      tokens: { remaining: 1_000 },
    });
    allowed(await limiter.take(ask(scopes)));
    await limiter.close();
  });

  test('a place whose outcome was lost is restored', async () => {
    const store = openStore();
    const { limiter } = guard(store, { onStoreFailure: 'deny' });
    const scopes = [{ scope: newScope(), maxStreams: 1 }];
    // The store takes it; its answer is lost.
    await store.counts.take(ask(scopes));
    store.mode = 'rejects';
    expect(await limiter.take(ask(scopes))).toEqual({ type: 'unavailable' });
    store.mode = 'there';
    await vi.advanceTimersByTimeAsync(1_001);
    allowed(await limiter.take(ask(scopes)));
    await limiter.close();
  });
});

describe('around a Redis in trouble', () => {
  const troubles = [
    "-READONLY You can't write against a read only replica.",
    "-OOM command not allowed when used memory > 'maxmemory'.",
    '-LOADING Redis is loading the dataset in memory',
    '-MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
    '-NOAUTH Authentication required.',
    '-BUSY Redis is busy running a script.',
    '-ERR max number of clients reached',
    '+OK',
    ':1',
    '$-1',
    '!this is no RESP',
  ];

  test.each(troubles)('every decision is made without it: %s', async (line) => {
    const fake = await startFakeRedis();
    fake.answer = line;
    const { limiter, events } = guard(await openRedisLimiter({ url: fake.url }));
    const scopes = [{ scope: newScope(), requestsPerMinute: 3, maxStreams: 10 }];
    const started = performance.now();
    const decisions = await Promise.all(Array.from({ length: 6 }, () => limiter.take(ask(scopes))));
    expect(performance.now() - started).toBeLessThan(generousMs);
    expect(decisions.filter(({ type }) => type === 'allowed')).toHaveLength(3);
    expect(fake.commands).toBeGreaterThan(0);
    for (const decision of decisions) {
      if (decision.type === 'allowed') await limiter.settle(decision.lease, 1);
    }
    await limiter.beat('p');
    await limiter.leave('p');
    expect(events).toEqual(['away']);
    await limiter.close();
    await fake.close();
  });

  test('a wrong password is a store that is away', async () => {
    const fake = await startFakeRedis();
    fake.answer = '-WRONGPASS invalid username-password pair or user is disabled.';
    const errors: Error[] = [];
    const url = `redis://:wrong@${new URL(fake.url).host}`;
    const { limiter, events } = guard(
      await openRedisLimiter({ url, onError: (error) => errors.push(error) }),
      { onStoreFailure: 'deny' },
    );
    expect(await limiter.take(ask([{ scope: newScope(), requestsPerMinute: 3 }]))).toEqual({
      type: 'unavailable',
    });
    expect(events).toEqual(['away']);
    expect(errors.length).toBeGreaterThan(0);
    await limiter.close();
    await fake.close();
  });

  test('a limiter without a connection says why there is none', async () => {
    const fake = await startFakeRedis();
    await fake.close();
    const limiter = await openRedisLimiter({ url: fake.url });
    await expect(limiter.take(ask([{ scope: newScope(), requestsPerMinute: 3 }]))).rejects.toThrow(
      'ECONNREFUSED',
    );
    await limiter.close();
  });

  test('neither a silent nor a slow server, nor none at all, delays a decision', async () => {
    const silent = await startFakeRedis();
    silent.answer = undefined;
    const slow = await startFakeRedis();
    slow.delayMs = 300;
    const none = await startFakeRedis();
    await none.close();
    for (const { url } of [silent, slow, none]) {
      const { limiter } = guard(await openRedisLimiter({ url }), { onStoreFailure: 'deny' });
      const started = performance.now();
      expect(await limiter.take(ask([{ scope: newScope(), requestsPerMinute: 3 }]))).toEqual({
        type: 'unavailable',
      });
      expect(performance.now() - started).toBeLessThan(generousMs);
      await limiter.close();
    }
    await silent.close();
    await slow.close();
  });
});

describe.skipIf(withoutOwnRedis !== undefined)(
  `around a Redis that is frozen or killed${withoutOwnRedis === undefined ? '' : ` (skipped: ${withoutOwnRedis})`}`,
  () => {
    async function until(condition: () => boolean): Promise<void> {
      while (!condition()) await sleep(20);
    }

    test.each(['frozen', 'killed'] as const)(
      '%s for a while: limits hold, and places are right afterwards',
      async (how) => {
        const redis = await ownRedis(onTestFinished);
        const { limiter, events } = guard(await openRedisLimiter({ url: redis.url }), { replicas: 2 });
        const scopes = [
          { scope: newScope(), requestsPerMinute: 1_000, tokensPerMinute: 10_000, maxStreams: 4 },
        ];
        const first = allowed(await limiter.take(ask(scopes, 100))).lease;
        const second = allowed(await limiter.take(ask(scopes, 100))).lease;
        expect(events).toEqual([]);
        if (how === 'frozen') redis.freeze();
        else await redis.kill();
        const started = performance.now();
        const decisions = await Promise.all(Array.from({ length: 20 }, () => limiter.take(ask(scopes, 10))));
        expect(performance.now() - started).toBeLessThan(generousMs);
        // Half of 4 is the share, and two run already.
        expect(decisions.every(({ type }) => type === 'refused')).toBe(true);
        await limiter.settle(first, 700);
        allowed(await limiter.take(ask(scopes, 10)));
        if (how === 'frozen') redis.thaw();
        else await redis.start();
        await until(() => events.includes('back'));
        expect(events).toEqual(['away', 'back']);
        // `second`, and the one of the share.
        const [third, fourth] = [
          allowed(await limiter.take(ask(scopes, 10))).lease,
          allowed(await limiter.take(ask(scopes, 10))).lease,
        ];
        expect(refused(await limiter.take(ask(scopes, 10))).limit).toBe('streams');
        const other = await openRedisLimiter({ url: redis.url });
        expect(refused(await other.take({ ...ask(scopes, 10), processId: 'q' })).limit).toBe('streams');
        for (const lease of [second, third, fourth]) await limiter.settle(lease, 0);
        allowed(await other.take({ ...ask(scopes, 10), processId: 'q' }));
        await limiter.close();
        await other.close();
      },
    );
  },
);
