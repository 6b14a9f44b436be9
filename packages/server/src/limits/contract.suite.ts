/**
 * The tests that every limiter must pass. Where time matters a test uses a short window and waits at least as long as the
 * limiter says; tests of what is refused use windows of a minute and more.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { testChangingLimits } from './changing-limits.suite.ts';
import type { Limiter } from './contract.ts';
import { allowed, ask, newScope, refused } from './testing/limit-asks.ts';

/** A limiter under test. */
export interface LimiterHarness {
  /** Opens a limiter whose limits are given for `windowMs`. Limiters that share a store count together. */
  open(windowMs: number): Promise<Limiter>;
  /** Two limiters that count together, as two replicas do; one and the same where there is one service only. */
  openTwo(windowMs: number): Promise<readonly [Limiter, Limiter]>;
  /** Milliseconds; between two readings at most so much time has passed for the limiters. */
  now(): number;
  /** The windows of the property of changing limits, and its rounds. */
  readonly windowsMs: readonly number[];
  readonly rounds: number;
  /** Lets time pass for the limiters. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

const hourMs = 3_600_000;

export function describeLimiter(name: string, harness: LimiterHarness): void {
  describe(`the limiter ${name}`, () => {
    afterAll(() => harness.close());

    test('allows exactly the limit at once, and says how long the next one waits', async () => {
      const limiter = await harness.open(hourMs);
      const scopes = [{ scope: newScope(), requestsPerMinute: 7 }];
      for (let left = 6; left >= 0; left -= 1) {
        const { windows } = allowed(await limiter.take(ask(scopes)));
        expect(windows.requests).toMatchObject({ limit: 7, remaining: left });
      }
      const decision = refused(await limiter.take(ask(scopes)));
      expect(decision).toMatchObject({ limit: 'requests', scope: scopes[0]?.scope });
      expect(decision.retryAfterMs).toBeLessThanOrEqual(Math.ceil(hourMs / 7));
      expect(decision.retryAfterMs).toBeGreaterThan(hourMs / 7 - 60_000);
      expect(decision.windows.requests).toMatchObject({ limit: 7, remaining: 0 });
    });

    test('allows a refused request after exactly the time that it has said', async () => {
      const limiter = await harness.open(400);
      const scopes = [{ scope: newScope(), requestsPerMinute: 2, tokensPerMinute: 30 }];
      const first = await limiter.take(ask(scopes, 20));
      expect(first.type).toBe('allowed');
      for (let round = 0; round < 5; round += 1) {
        const decision = await limiter.take(ask(scopes, 20));
        if (decision.type === 'refused') await harness.pass(decision.retryAfterMs);
        else continue;
        expect((await limiter.take(ask(scopes, 20))).type).toBe('allowed');
      }
    });

    test('has no edge of a window: what has been taken comes back one by one', async () => {
      const limiter = await harness.open(2_000);
      const scopes = [{ scope: newScope(), requestsPerMinute: 4 }];
      for (let count = 0; count < 4; count += 1) await limiter.take(ask(scopes));
      const { resetMs = 0 } = (await limiter.look(scopes)).requests ?? {};
      expect(resetMs).toBeGreaterThan(0);
      await harness.pass(resetMs);
      expect((await limiter.look(scopes)).requests).toEqual({ limit: 4, remaining: 4, resetMs: 0 });
    });

    test('takes from key and owner in one decision, or from neither', async () => {
      const limiter = await harness.open(hourMs);
      const key = { scope: newScope(), requestsPerMinute: 10, tokensPerMinute: 1_000, maxStreams: 5 };
      const owner = { scope: newScope('owner'), requestsPerMinute: 2, tokensPerMinute: 500, maxStreams: 5 };
      const { windows } = allowed(await limiter.take(ask([key, owner], 100)));
      expect(windows).toMatchObject({
        requests: { limit: 2, remaining: 1 },
        tokens: { limit: 500, remaining: 400 },
      });
      await limiter.take(ask([key, owner], 100));
      expect(refused(await limiter.take(ask([key, owner], 100)))).toMatchObject({
        limit: 'requests',
        scope: owner.scope,
      });
      expect(await limiter.look([key])).toMatchObject({
        requests: { remaining: 8 },
        tokens: { remaining: 800 },
      });
      expect(await limiter.look([owner])).toMatchObject({
        requests: { remaining: 0 },
        tokens: { remaining: 300 },
      });
    });

    test('names the limit that makes the request wait longest', async () => {
      const limiter = await harness.open(hourMs);
      const key = { scope: newScope(), requestsPerMinute: 1_000 };
      const owner = { scope: newScope('owner'), tokensPerMinute: 10 };
      await limiter.take(ask([key, owner], 10));
      for (let count = 0; count < 1_000; count += 1) await limiter.take(ask([key]));
      expect(refused(await limiter.take(ask([key, owner], 5)))).toMatchObject({
        limit: 'tokens',
        scope: owner.scope,
      });
    });

    test('cuts the completion of a reservation to what is left, in the tightest scope', async () => {
      const limiter = await harness.open(hourMs);
      const key = { scope: newScope(), tokensPerMinute: 1_000 };
      const owner = { scope: newScope('owner'), tokensPerMinute: 300 };
      expect(allowed(await limiter.take(ask([key, owner], 100, 512))).lease.reservedTokens).toBe(300);
      const decision = refused(await limiter.take(ask([key, owner], 1, 512)));
      expect(decision).toMatchObject({ limit: 'tokens', scope: owner.scope });
      expect(allowed(await limiter.take(ask([key], 100, 512))).lease.reservedTokens).toBe(612);
      expect(allowed(await limiter.take(ask([key], 88, 512))).lease.reservedTokens).toBe(88);
    });

    test('reserves no tokens where none are limited', async () => {
      const limiter = await harness.open(hourMs);
      const scopes = [{ scope: newScope(), requestsPerMinute: 5 }];
      const { lease, windows } = allowed(await limiter.take(ask(scopes, 100, 512)));
      expect(lease.reservedTokens).toBe(0);
      expect(windows.tokens).toBeUndefined();
      await limiter.settle(lease, 5_000);
      expect((await limiter.look(scopes)).requests?.remaining).toBe(4);
    });

    test('admits a prompt larger than the whole limit where the limit is full, and only there', async () => {
      const limiter = await harness.open(800);
      const scopes = [{ scope: newScope(), tokensPerMinute: 100 }];
      const { lease } = allowed(await limiter.take(ask(scopes, 250, 512)));
      expect(lease.reservedTokens).toBe(250);
      const { retryAfterMs } = refused(await limiter.take(ask(scopes, 250)));
      expect(retryAfterMs).toBeGreaterThan(0);
      await harness.pass(retryAfterMs);
      expect((await limiter.take(ask(scopes, 250))).type).toBe('allowed');
      // For the room of one token it waits until its own debt has flowed off.
      expect(refused(await limiter.take(ask(scopes, 1))).limit).toBe('tokens');
    });

    test('replaces the reservation by the real figure', async () => {
      const limiter = await harness.open(hourMs);
      const scopes = [{ scope: newScope(), tokensPerMinute: 1_000 }];
      const { lease } = allowed(await limiter.take(ask(scopes, 100, 500)));
      await limiter.settle(lease, 250);
      expect((await limiter.look(scopes)).tokens?.remaining).toBe(750);
      const second = allowed(await limiter.take(ask(scopes, 100, 500))).lease;
      await limiter.settle(second, 2_000);
      // Beyond the burst: the debt is waited for.
      const { tokens } = await limiter.look(scopes);
      expect(tokens?.remaining).toBe(0);
      expect(tokens?.resetMs).toBeGreaterThan(2 * hourMs);
      expect(refused(await limiter.take(ask(scopes, 1))).retryAfterMs).toBeGreaterThan(hourMs);
    });

    test('gives back the request too, where it has not run', async () => {
      const limiter = await harness.open(hourMs);
      const scopes = [{ scope: newScope(), requestsPerMinute: 3, tokensPerMinute: 1_000, maxStreams: 1 }];
      const { lease } = allowed(await limiter.take(ask(scopes, 100, 500)));
      await limiter.settle(lease, 'not-run');
      expect(await limiter.look(scopes)).toEqual({
        requests: { limit: 3, remaining: 3, resetMs: 0 },
        tokens: { limit: 1_000, remaining: 1_000, resetMs: 0 },
      });
      expect((await limiter.take(ask(scopes))).type).toBe('allowed');
    });

    test('does not give back what has flowed off since', async () => {
      const limiter = await harness.open(1_000);
      const scopes = [{ scope: newScope(), requestsPerMinute: 4, tokensPerMinute: 1_000 }];
      const first = allowed(await limiter.take(ask(scopes, 1_000))).lease;
      await harness.pass(750);
      const second = allowed(await limiter.take(ask(scopes, 700))).lease;
      // After three quarters of the time a quarter can be left of it.
      await limiter.settle(first, 0);
      const remaining = (await limiter.look(scopes)).tokens?.remaining ?? 0;
      expect(remaining).toBeGreaterThanOrEqual(300);
      expect(remaining).toBeLessThan(600);
      await harness.pass(1_000);
      for (let count = 0; count < 3; count += 1) allowed(await limiter.take(ask(scopes, 330)));
      await limiter.settle(second, 'not-run');
      const left = await limiter.look(scopes);
      expect(left.requests?.remaining).toBeLessThan(3);
      expect(left.tokens?.remaining).toBeLessThan(300);
    });

    testChangingLimits(harness);

    test('allows nothing under a limit of 0', async () => {
      const limiter = await harness.open(hourMs);
      for (const limit of ['requestsPerMinute', 'tokensPerMinute', 'maxStreams'] as const) {
        const decision = refused(await limiter.take(ask([{ scope: newScope(), [limit]: 0 }], 1)));
        expect(decision.retryAfterMs).toBeGreaterThan(0);
      }
    });

    test('counts running streams over all processes', async () => {
      const [one, two] = await harness.openTwo(hourMs);
      const scopes = [{ scope: newScope(), maxStreams: 2 }];
      const [a, b] = [`a-${randomUUID()}`, `b-${randomUUID()}`];
      const first = allowed(await one.take({ ...ask(scopes), processId: a })).lease;
      allowed(await two.take({ ...ask(scopes), processId: b }));
      expect(refused(await one.take({ ...ask(scopes), processId: a })).limit).toBe('streams');
      await one.settle(first, 0);
      allowed(await two.take({ ...ask(scopes), processId: b }));
      expect(refused(await two.take({ ...ask(scopes), processId: b })).limit).toBe('streams');
      // All streams of a process that has ended are free.
      await two.leave(b);
      allowed(await one.take({ ...ask(scopes), processId: a }));
      allowed(await one.take({ ...ask(scopes), processId: a }));
      expect(refused(await one.take({ ...ask(scopes), processId: a })).limit).toBe('streams');
    });

    test('restores the streams of a process, and the tokens that it owes', async () => {
      const limiter = await harness.open(hourMs);
      const scope = { scope: newScope(), tokensPerMinute: 100, maxStreams: 3 };
      const processId = `p-${randomUUID()}`;
      await limiter.restore([{ processId, scope, streams: 3, owedTokens: 30 }]);
      expect((await limiter.look([scope])).tokens?.remaining).toBe(70);
      expect(refused(await limiter.take({ ...ask([scope]), processId })).limit).toBe('streams');
      await limiter.restore([{ processId, scope, streams: 1, owedTokens: -10 }]);
      expect((await limiter.look([scope])).tokens?.remaining).toBe(80);
      allowed(await limiter.take({ ...ask([scope]), processId }));
      await limiter.restore([{ processId, scope, streams: 0, owedTokens: 0 }]);
      for (let count = 0; count < 3; count += 1) {
        allowed(await limiter.take({ ...ask([scope], 0), processId }));
      }
    });

    test('settles a lease of streams that it has forgotten without counting below none', async () => {
      const limiter = await harness.open(hourMs);
      const scopes = [{ scope: newScope(), maxStreams: 1 }];
      const { lease } = allowed(await limiter.take(ask(scopes)));
      await limiter.settle(lease, 0);
      await limiter.settle(lease, 0);
      allowed(await limiter.take(ask(scopes)));
      expect(refused(await limiter.take(ask(scopes))).limit).toBe('streams');
    });

    test('allows exactly 100 of 600 requests at once, over two limiters', async () => {
      const [one, two] = await harness.openTwo(hourMs);
      const scopes = [{ scope: newScope(), requestsPerMinute: 100 }];
      const decisions = await Promise.all(
        Array.from({ length: 600 }, (_, index) => (index % 2 === 0 ? one : two).take(ask(scopes))),
      );
      expect(decisions.filter(({ type }) => type === 'allowed')).toHaveLength(100);
    });

    test('takes scopes with any characters for what they are', async () => {
      const limiter = await harness.open(hourMs);
      for (const scope of [
        `key:${randomUUID()} x`,
        `owner:${randomUUID()}\n%d{ü}`,
        `__proto__${randomUUID()}`,
      ]) {
        allowed(await limiter.take(ask([{ scope, requestsPerMinute: 1 }])));
        expect(refused(await limiter.take(ask([{ scope, requestsPerMinute: 1 }]))).scope).toBe(scope);
      }
    });
  });
}
