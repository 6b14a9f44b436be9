import { describe, expect, test } from 'vitest';
import type { Settled, UsageRecord } from '../records.ts';
import type { StoreCase } from '../testing/store-case.ts';
import { midnight, morning, someIntent, someRecord } from '../testing/store-values.ts';

const total = [
  { scope: 'key:key_a', sinceMs: 0 },
  { scope: 'owner:acme', sinceMs: 0 },
] as const;

/** How the administration shows a settled record. */
export function shown({ budgets: _, ...record }: Settled): UsageRecord {
  return record;
}

export function testSettlement(storeCase: StoreCase): void {
  describe('settlement', () => {
    test('a record replaces its intent and the reservation', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit([someIntent('a')]);
      const record = someRecord('a', { user: 'ann', tags: { team: 'blue', job: '7' } });
      await clients[1].settle([record]);
      expect(await clients[0].records({ limit: 5 })).toEqual({ data: [shown(record)], hasMore: false });
      const spent = { spentTokens: 42, spentMicroUsd: 500, reservedTokens: 0, reservedMicroUsd: 0 };
      expect(await clients[0].spent(total)).toEqual([spent, spent]);
    });

    test('a record whose intent is missing is stored all the same', async () => {
      const { clients } = await storeCase.open();
      await clients[0].settle([someRecord('a')]);
      expect((await clients[1].records({ limit: 5 })).data).toMatchObject([{ id: 'a', status: 'completed' }]);
    });

    test('a record is settled once, however often it is given, also twice in a batch and by two clients', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit([someIntent('a')]);
      const changed = someRecord('a', { completionTokens: 999, costMicroUsd: 9_999 });
      await Promise.all([
        clients[0].settle([someRecord('a'), someRecord('a')]),
        clients[1].settle([someRecord('a'), someRecord('a')]),
      ]);
      await clients[1].settle([changed]);
      expect((await clients[0].records({ limit: 5 })).data).toEqual([shown(someRecord('a'))]);
      expect(await clients[0].spent(total)).toMatchObject([{ spentTokens: 42 }, { spentTokens: 42 }]);
    });

    test('the sums of many settlements at once by two clients are exact', async () => {
      const { clients } = await storeCase.open();
      const batches = Array.from({ length: 10 }, (_, batch) =>
        Array.from({ length: 7 }, (__, index) =>
          someRecord(`${batch}-${index}`, {
            keyId: `key_${index % 3 === 0 ? 'a' : 'b'}`,
            createdAtMs: midnight + (index % 2 === 0 ? 5 : -5),
          }),
        ),
      );
      await Promise.all(batches.map((batch, index) => clients[index % 2 === 0 ? 0 : 1].settle(batch)));
      const [key, owner] = await clients[1].spent(total);
      expect(key?.spentTokens).toBe(42 * 10 * 3);
      expect(owner).toMatchObject({ spentTokens: 42 * 70, spentMicroUsd: 500 * 70 });
      const [today] = await clients[1].spent([{ scope: 'owner:acme', sinceMs: midnight }]);
      expect(today?.spentTokens).toBe(42 * 10 * 4);
    });

    test('values that a database could refuse are stored in a form that it takes', async () => {
      const { clients } = await storeCase.open();
      const odd = someRecord('odd', {
        user: `a\u0000b\ud83d${'x'.repeat(1_000_000)}`,
        tags: { ['t'.repeat(64)]: 'v'.repeat(64) },
        ttftMs: 12.6,
        durationMs: Number.NaN,
        costMicroUsd: 0.5,
      });
      await clients[0].admit([someIntent('odd', { user: odd.user ?? '' }), someIntent('plain')]);
      await clients[0].settle([odd, someRecord('plain', { user: '' })]);
      const { data } = await clients[1].records({ limit: 5 });
      expect(data).toHaveLength(2);
      const stored = data.find(({ id }) => id === 'odd');
      expect(stored).toMatchObject({ ttftMs: 13, durationMs: 0, costMicroUsd: 1, tags: odd.tags });
      expect(stored?.user).toMatch(/^a\ufffdb\ufffdx+$/);
      expect(stored?.user).toHaveLength(256);
      expect(data.find(({ id }) => id === 'plain')?.user).toBeUndefined();
    });

    test('an open request is shown with what its last progress says', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit([someIntent('a', { tags: { b: '2', a: '1' } }), someIntent('b')]);
      const mark = { id: 'a', createdAtMs: morning, target: 'lab/llama', promptTokens: 11, costMicroUsd: 5 };
      await clients[1].progress([
        { ...mark, completionTokens: 3 },
        { ...mark, id: 'unknown', completionTokens: 1 },
        { ...mark, completionTokens: 7 },
      ]);
      expect((await clients[0].records({ limit: 5, status: 'open' })).data).toMatchObject([
        { id: 'b', status: 'open', target: null, promptTokens: 0, settledAtMs: null, attempts: 0 },
        {
          id: 'a',
          status: 'open',
          target: 'lab/llama',
          promptTokens: 11,
          completionTokens: 7,
          costMicroUsd: 5,
        },
      ]);
      expect(await clients[0].spent(total)).toMatchObject([{ spentTokens: 0, reservedTokens: 100 }, {}]);
    });

    test('progress after the settlement changes nothing', async () => {
      const { clients } = await storeCase.open();
      await clients[0].settle([someRecord('a')]);
      await clients[0].progress([
        { id: 'a', createdAtMs: morning, target: 'x', promptTokens: 1, completionTokens: 1, costMicroUsd: 1 },
      ]);
      expect((await clients[1].records({ limit: 5 })).data).toEqual([shown(someRecord('a'))]);
    });
  });
}
