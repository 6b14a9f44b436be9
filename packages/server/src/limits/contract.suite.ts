/**
 * The tests that every limiter must pass. Where time matters a test uses a short window and waits at least as long as the
 * limiter says; tests of what is refused use windows of a minute and more.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { seedOf } from '../testing/suite-part.ts';
import type { LimitAsk, LimitDecision, Limiter, LimitLease, LimitScope } from './contract.ts';

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

    test('keeps the wait of a lowered limit, and the units of a raised one', async () => {
      const limiter = await harness.open(hourMs);
      const scope = newScope();
      const at = (requestsPerMinute: number): LimitScope[] => [{ scope, requestsPerMinute }];
      for (let count = 0; count < 50; count += 1) await limiter.take(ask(at(100)));
      expect((await limiter.look(at(10))).requests).toMatchObject({ limit: 10, remaining: 5 });
      expect((await limiter.look(at(1_000))).requests).toMatchObject({ limit: 1_000, remaining: 950 });
    });

    test('gives back the part of a limit that a request has taken, where the limit is another one now', async () => {
      const limiter = await harness.open(hourMs);
      const scope = newScope();
      const at = (tokensPerMinute: number): LimitScope[] => [{ scope, tokensPerMinute }];
      const lease = allowed(await limiter.take(ask(at(1_000), 800))).lease;
      allowed(await limiter.take(ask(at(100), 15)));
      expect((await limiter.look(at(100))).tokens?.remaining).toBe(5);
      // 600 of 1,000 are 60 of 100.
      await limiter.settle(lease, 200);
      expect((await limiter.look(at(100))).tokens?.remaining).toBe(65);
    });

    test('gives nothing twice by a limit that is lowered and raised again', async () => {
      const limiter = await harness.open(hourMs);
      const scope = newScope();
      const at = (limit: number): LimitScope[] => [
        { scope, requestsPerMinute: limit, tokensPerMinute: limit * 10 },
      ];
      for (let count = 0; count < 90; count += 1) allowed(await limiter.take(ask(at(100), 10)));
      allowed(await limiter.take(ask(at(10), 5)));
      expect(refused(await limiter.take(ask(at(10), 1))).limit).toBe('requests');
      expect(await limiter.look(at(100))).toMatchObject({
        requests: { remaining: 9 },
        tokens: { remaining: 95 },
      });
    });

    test('in no window passes more than the largest limit and its elapsed rate, however limits change', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...harness.windowsMs),
          fc.array(anyStep, { minLength: 5, maxLength: 40 }),
          async (windowMs, steps) =>
            expectNoWindowAbove(await harness.open(windowMs), harness, windowMs, steps),
        ),
        { numRuns: harness.rounds, seed: seedOf() },
      );
    }, 600_000);

    test('leaves what the limits of today count, where a lease is older than they are', async () => {
      const limiter = await harness.open(hourMs);
      const scope = newScope();
      const streamsOnly = allowed(await limiter.take(ask([{ scope, maxStreams: 9 }]))).lease;
      const higher = allowed(
        await limiter.take(ask([{ scope, requestsPerMinute: 1_000, tokensPerMinute: 100_000 }], 10)),
      ).lease;
      const today = [{ scope, requestsPerMinute: 2, tokensPerMinute: 100, maxStreams: 9 }];
      allowed(await limiter.take(ask(today, 80)));
      const left = await limiter.look(today);
      expect(left).toMatchObject({ requests: { remaining: 0 }, tokens: { remaining: 19 } });
      await limiter.settle(streamsOnly, 500);
      await limiter.settle(higher, 10);
      await limiter.restore([{ processId: 'p', scope: { scope, maxStreams: 9 }, streams: 1, owedTokens: 0 }]);
      expect(await limiter.look(today)).toMatchObject({
        requests: { remaining: 0 },
        tokens: { remaining: 19 },
      });
    });

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

/** What happens between two requests of one scope, and the next request. */
const anyStep = fc.record({
  /** Of a window, in percent. */
  wait: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(60)),
  limit: fc.option(fc.constantFrom(50, 90, 100, 400, 1_000), { nil: undefined }),
  prompt: fc.integer({ min: 1, max: 50 }),
  completion: fc.nat(900),
  settled: fc.option(fc.record({ which: fc.nat(5), part: fc.double({ min: 0, max: 1, noNaN: true }) }), {
    nil: undefined,
  }),
});

/** Carries the steps out, and compares what has passed in each window, by what the requests have used in the end. */
async function expectNoWindowAbove(
  limiter: Limiter,
  harness: LimiterHarness,
  windowMs: number,
  steps: readonly (typeof anyStep extends fc.Arbitrary<infer Step> ? Step : never)[],
): Promise<void> {
  const scope = newScope();
  let limit = 100;
  let largest = limit;
  const running: { readonly lease: LimitLease; readonly pass: { units: number } }[] = [];
  const passes: { readonly fromMs: number; readonly toMs: number; units: number }[] = [];
  for (const { wait, limit: next = limit, prompt, completion, settled } of steps) {
    await harness.pass((wait * windowMs) / 100);
    limit = next;
    largest = Math.max(largest, limit);
    const ended = settled === undefined ? undefined : running.splice(settled.which, 1)[0];
    if (settled !== undefined && ended !== undefined) {
      const used = Math.floor(ended.lease.reservedTokens * settled.part);
      await limiter.settle(ended.lease, used);
      ended.pass.units = used;
    }
    const fromMs = harness.now();
    const decision = await limiter.take(ask([{ scope, tokensPerMinute: limit }], prompt, completion));
    if (decision.type === 'refused') continue;
    const { lease } = decision;
    const pass = { fromMs, toMs: harness.now(), units: lease.reservedTokens };
    passes.push(pass);
    running.push({ lease, pass });
  }
  for (const [from, { fromMs }] of passes.entries()) {
    let sum = 0;
    for (const { toMs, units } of passes.slice(from)) {
      sum += units;
      expect(sum).toBeLessThanOrEqual(largest + ((toMs - fromMs) * largest) / windowMs + 1e-3);
    }
  }
}

/** A scope that no other test has. */
export function newScope(kind: 'key' | 'owner' = 'key'): string {
  return `${kind}:${randomUUID()}`;
}

/** What a request of the process `p` asks for. */
export function ask(scopes: readonly LimitScope[], promptTokens = 1, completionTokens = 0): LimitAsk {
  return { processId: 'p', scopes, promptTokens, completionTokens };
}

export function allowed(decision: LimitDecision | { readonly type: 'unavailable' }): {
  readonly lease: LimitLease;
  readonly windows: Extract<LimitDecision, { type: 'allowed' }>['windows'];
} {
  if (decision.type !== 'allowed') throw new Error(`not allowed: ${JSON.stringify(decision)}`);
  return decision;
}

export function refused(
  decision: LimitDecision | { readonly type: 'unavailable' },
): Extract<LimitDecision, { type: 'refused' }> {
  if (decision.type !== 'refused') throw new Error(`not refused: ${JSON.stringify(decision)}`);
  return decision;
}
