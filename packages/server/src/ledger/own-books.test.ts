import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BudgetCheck, Intent, Store } from '../storage/contract.ts';
import { startMemoryServer } from '../storage/testing/memory-store.ts';
import { roundsOf, seedOf } from '../testing/suite-part.ts';
import { createRecordWriter, type RecordWriter } from './record-writer.ts';
import { createArraySpool } from './testing/array-spool.ts';
import { fakeIntent, fakeSettled } from './testing/fake-records.ts';

/*
 * The writer over a store of its own decides from books in memory. Each of its answers, and all sums in the end, must be those
 * of a store that decides each intent in a transaction.
 */

type Step =
  | {
      readonly type: 'admit';
      readonly count: number;
      readonly key: number;
      readonly owner: number;
      readonly old: boolean;
    }
  | { readonly type: 'settle' | 'discard'; readonly which: number; readonly tokens: number }
  | { readonly type: 'store' | 'forget' | 'kill' };

const dayMs = 86_400_000;
const nowMs = 1_764_300_000_000;
const todayMs = Math.floor(nowMs / dayMs) * dayMs;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: admitStep() },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom('settle' as const, 'discard' as const),
      which: fc.nat(20),
      tokens: fc.nat(60),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('store' as const, 'forget' as const, 'kill' as const) }),
  },
);

function admitStep(): fc.Arbitrary<Step> {
  return fc.record({
    type: fc.constant('admit' as const),
    count: fc.integer({ min: 1, max: 3 }),
    key: fc.nat(1),
    owner: fc.nat(1),
    old: fc.boolean(),
  });
}

function budgetsOf(key: number, owner: number): readonly BudgetCheck[] {
  const ofKey = `key:key_${key}` as const;
  const ofOwner = `owner:owner_${owner}` as const;
  return [
    { scope: ofKey, unit: 'tokens', period: 'day', sinceMs: todayMs, limit: 250 },
    { scope: ofKey, unit: 'usd', period: 'total', sinceMs: 0, limit: 900 },
    { scope: ofOwner, unit: 'tokens', period: 'total', sinceMs: 0, limit: 700 },
  ];
}

async function play(steps: readonly Step[], writer: RecordWriter, own: Store, reference: Store) {
  let made = 0;
  let open: Intent[] = [];
  for (const one of steps) {
    if (one.type === 'admit') {
      const intents = Array.from({ length: one.count }, () => {
        made += 1;
        return fakeIntent(`c${made}`, {
          keyId: `key_${one.key}`,
          owner: `owner_${one.owner}`,
          createdAtMs: one.old ? todayMs - 1_000 : nowMs,
          reserved: { promptTokens: 10, completionTokens: 25, promptMicroUsd: 20, completionMicroUsd: 90 },
          budgets: budgetsOf(one.key, one.owner),
        });
      });
      const answers = await Promise.all(intents.map((intent) => writer.admit(intent)));
      expect(answers).toEqual(await reference.admit(intents));
      open.push(
        ...intents.filter((_, at) => typeof answers[at] === 'object' && 'reserved' in (answers[at] ?? {})),
      );
    } else if (one.type === 'settle' || one.type === 'discard') {
      const intent = open[one.which % Math.max(1, open.length)];
      if (intent === undefined) continue;
      open = open.filter((other) => other !== intent);
      if (one.type === 'discard') {
        writer.discard(intent.id, intent.createdAtMs);
        await reference.discard([intent]);
      } else {
        const record = fakeSettled(intent, { completionTokens: one.tokens, costMicroUsd: 3 * one.tokens });
        writer.settle(record);
        await reference.settle([record]);
      }
    } else if (one.type === 'store') await writer.stored();
    else if (one.type === 'forget') writer.closed([]);
    else {
      // As `upkeep.ts` does it: their true records, which come later, replace those that are made here.
      await writer.stored();
      const dead = { living: [], expiredMs: -Number.MAX_SAFE_INTEGER, nowMs };
      writer.closed(await own.closeDead(dead));
      await reference.closeDead(dead);
    }
  }
}

test('the books decide as the store does, and the sums are the same in the end', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const servers = await Promise.all(
        [1, 2].map(() => startMemoryServer({ now: () => nowMs, random: Math.random })),
      );
      const [own, reference] = servers.map(({ inside }) => inside);
      if (own === undefined || reference === undefined) throw new Error('two were started');
      const quiet = () => {};
      const writer = createRecordWriter({
        store: own,
        shared: false,
        spool: createArraySpool(),
        log: { info: quiet, warn: quiet, error: quiet },
        later: setImmediate,
        every: () => quiet,
      });
      await play(steps, writer, own, reference);
      expect(await writer.stored()).toBe(true);
      const budgets = [0, 1].flatMap((key) => [0, 1].flatMap((owner) => budgetsOf(key, owner)));
      expect(await own.spent(budgets)).toEqual(await reference.spent(budgets));
      await writer.close();
      for (const server of servers) await server.close();
    }),
    { numRuns: roundsOf(2_000, 60), seed: seedOf() },
  );
});
