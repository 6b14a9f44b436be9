import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seedOf } from '../testing/suite-part.ts';
import type { LimiterHarness } from './contract.suite.ts';
import type { Limiter, LimitLease, LimitScope } from './contract.ts';
import { allowed, ask, newScope, refused } from './testing/limit-asks.ts';

const hourMs = 3_600_000;

/** What every limiter does where a limit changes between two requests, or while one runs. */
export function testChangingLimits(harness: LimiterHarness): void {
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
