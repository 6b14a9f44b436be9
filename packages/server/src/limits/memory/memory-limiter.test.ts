import fc from 'fast-check';
import { expect, test } from 'vitest';
import { roundsOf, seedOf } from '../../testing/suite-part.ts';
import { describeLimiter } from '../contract.suite.ts';
import type { LimitLease } from '../contract.ts';
import { allowed, ask, newScope, refused } from '../testing/limit-asks.ts';
import { createMemoryLimiter } from './memory-limiter.ts';

let clockMs = 1_000_000;
const now = () => clockMs;
const open = (windowMs: number) => createMemoryLimiter({ now, windowMs });

describeLimiter('in memory', {
  open: async (windowMs) => open(windowMs),
  async openTwo(windowMs) {
    const limiter = open(windowMs);
    return [limiter, limiter];
  },
  now,
  windowsMs: [60_000],
  rounds: roundsOf(20_000, 500),
  async pass(ms) {
    clockMs += ms;
  },
  async close() {},
});

test('a request is refused a millisecond before the time that the limiter has said', async () => {
  const limiter = open(60_000);
  const scopes = [{ scope: newScope(), requestsPerMinute: 7, tokensPerMinute: 1_300 }];
  for (let count = 0; count < 7; count += 1) await limiter.take(ask(scopes, 150));
  const { retryAfterMs } = refused(await limiter.take(ask(scopes, 400)));
  clockMs += retryAfterMs - 1;
  expect(refused(await limiter.take(ask(scopes, 400))).retryAfterMs).toBe(1);
  clockMs += 1;
  allowed(await limiter.take(ask(scopes, 400)));
});

test('a process without a beat for 10 s loses its places, and has them again with the next beat', async () => {
  const limiter = open(60_000);
  const scopes = [{ scope: newScope(), maxStreams: 1 }];
  allowed(await limiter.take({ ...ask(scopes), processId: 'dead' }));
  clockMs += 10_000;
  refused(await limiter.take(ask(scopes)));
  clockMs += 1;
  const { lease } = allowed(await limiter.take(ask(scopes)));
  await limiter.settle(lease, 0);
  await limiter.beat('dead');
  refused(await limiter.take(ask(scopes)));
  clockMs += 600_001;
  await limiter.beat('p');
  allowed(await limiter.take(ask(scopes)));
});

test('a settlement after a whole window gives nothing back', async () => {
  const limiter = open(60_000);
  const scopes = [{ scope: newScope(), tokensPerMinute: 1_000 }];
  const old = allowed(await limiter.take(ask(scopes, 1_000))).lease;
  clockMs += 30_000;
  const middle = allowed(await limiter.take(ask(scopes, 500))).lease;
  clockMs += 30_000;
  allowed(await limiter.take(ask(scopes, 500)));
  await limiter.settle(old, 0);
  expect((await limiter.look(scopes)).tokens?.remaining).toBe(0);
  await limiter.settle(middle, 100);
  expect((await limiter.look(scopes)).tokens?.remaining).toBe(400);
});

/*
 * A model without levels: all changes since ever, as whole numbers of 1/60,000 unit, so that a minute's limit flows off in
 * whole numbers each millisecond.
 */
function naiveLevel(
  changes: readonly { atMs: number; units: number }[],
  limit: number,
  atMs: number,
): number {
  let level = 0;
  let lastMs = 0;
  for (const change of changes) {
    level = Math.max(0, level - (change.atMs - lastMs) * limit);
    lastMs = change.atMs;
    level = Math.max(0, level + change.units * 60_000);
  }
  return Math.max(0, level - (atMs - lastMs) * limit);
}

const step = fc.record({
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 90_000 })),
  prompt: fc.integer({ min: 0, max: 400 }),
  completion: fc.integer({ min: 0, max: 600 }),
  settles: fc.option(
    fc.record({ index: fc.nat(5), used: fc.oneof(fc.nat(1_500), fc.constant('not-run' as const)) }),
    { nil: undefined },
  ),
});

test('decides as a naive model of all changes does, and never allows more than limit and elapsed rate in any window', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 1, max: 30 }),
      fc.array(step, { maxLength: 60 }),
      async (tokenLimit, requestLimit, steps) => {
        let atMs = 0;
        const limiter = createMemoryLimiter({ now: () => atMs });
        const scopes = [{ scope: 'key:a', requestsPerMinute: requestLimit, tokensPerMinute: tokenLimit }];
        const tokens: { atMs: number; units: number }[] = [];
        const requests: { atMs: number; units: number }[] = [];
        const leases: { lease: LimitLease; tokenLevel: number; requestLevel: number }[] = [];
        /** What has been given back. */
        const returned = (changes: readonly { units: number }[]): number =>
          changes.reduce((sum, { units }) => sum + Math.max(0, -units * 60_000), 0);
        for (const { waitMs, prompt, completion, settles } of steps) {
          atMs += waitMs;
          const settled = settles === undefined ? undefined : leases.splice(settles.index, 1)[0];
          if (settled !== undefined && settles !== undefined) {
            const { lease } = settled;
            await limiter.settle(lease, settles.used);
            const ageMs = atMs - lease.takenAtMs;
            const left = (level: number, changes: readonly { units: number }[], limit: number): number =>
              Math.max(0, level - returned(changes) - ageMs * limit) / 60_000;
            const used = settles.used === 'not-run' ? 0 : settles.used;
            const most = left(settled.tokenLevel, tokens, tokenLimit);
            tokens.push({ atMs, units: Math.max(-most, used - lease.reservedTokens) });
            if (settles.used === 'not-run') {
              requests.push({
                atMs,
                units: -Math.min(1, left(settled.requestLevel, requests, requestLimit)),
              });
            }
          }
          const tokenLevel = naiveLevel(tokens, tokenLimit, atMs);
          const requestLevel = naiveLevel(requests, requestLimit, atMs);
          const room = (tokenLimit * 60_000 - tokenLevel) / 60_000;
          const fits = prompt > tokenLimit ? tokenLevel <= 0.1 : prompt <= room + 1e-5;
          const expected = fits && requestLevel + 60_000 <= requestLimit * 60_000 + 0.1;
          const decision = await limiter.take(ask(scopes, prompt, completion));
          expect(decision.type).toBe(expected ? 'allowed' : 'refused');
          if (decision.type === 'refused') {
            expect(decision.retryAfterMs).toBeGreaterThan(0);
            continue;
          }
          const { reservedTokens } = decision.lease;
          expect(reservedTokens).toBe(
            prompt + Math.min(completion, Math.max(0, Math.floor(room - prompt + 1e-6))),
          );
          tokens.push({ atMs, units: reservedTokens });
          requests.push({ atMs, units: 1 });
          leases.push({
            lease: decision.lease,
            tokenLevel: naiveLevel(tokens, tokenLimit, atMs) + returned(tokens),
            requestLevel: naiveLevel(requests, requestLimit, atMs) + returned(requests),
          });
        }
        // Reservations that ended above the burst, and settlements beyond them, are debts of streams that ran already.
        for (const [from, first] of requests.entries()) {
          let sum = 0;
          for (const { atMs: toMs, units } of requests.slice(from)) {
            sum += units;
            expect(sum).toBeLessThanOrEqual(
              requestLimit + ((toMs - first.atMs) * requestLimit) / 60_000 + 1e-3,
            );
          }
        }
      },
    ),
    { numRuns: roundsOf(20_000, 300), seed: seedOf() },
  );
});

test('idle scopes are dropped', async () => {
  const limiter = open(60_000);
  for (let count = 0; count < 10_000; count += 1) {
    clockMs += 10;
    await limiter.take(ask([{ scope: `key:${count}`, requestsPerMinute: 600 }]));
  }
  // Each is full again after 100 ms, so that ten are in use at a time; fewer than 1,000 are not looked at.
  expect(limiter.size).toBeLessThanOrEqual(1_000);
});

test('scopes in use are not dropped', async () => {
  const limiter = open(60_000);
  for (let count = 0; count < 3_000; count += 1) {
    await limiter.take(ask([{ scope: `key:${count}`, requestsPerMinute: 1 }]));
  }
  for (let count = 0; count < 3_000; count += 1) {
    refused(await limiter.take(ask([{ scope: `key:${count}`, requestsPerMinute: 1 }])));
  }
});
