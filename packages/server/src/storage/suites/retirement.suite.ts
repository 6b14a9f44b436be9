import { describe, expect, test } from 'vitest';
import type { OpenedStore } from '../opening.ts';
import type { UsageGroup } from '../records.ts';
import type { StoreCase } from '../testing/store-case.ts';
import { midnight, someIntent, someRecord } from '../testing/store-values.ts';
import { sumsOf } from './usage.suite.ts';

const dayMs = 86_400_000;

export function testRetirement(storeCase: StoreCase): void {
  describe('retirement', () => {
    test('whole days go, with the months before them, and their daily sums stay', async () => {
      const { clients } = await storeCase.open();
      // 1,400 records: of August and September, of three days of November.
      const days = [
        midnight - 100 * dayMs,
        midnight - 60 * dayMs,
        midnight - 2 * dayMs,
        midnight - dayMs,
        midnight,
      ];
      const records = days.flatMap((dayBegin, day) =>
        Array.from({ length: 280 }, (_, index) =>
          someRecord(`${day}-${index}`, {
            createdAtMs: dayBegin + index,
            keyId: `key_${index % 2 === 0 ? 'a' : 'b'}`,
            ...(index % 3 === 0 ? { user: 'ann' } : {}),
            tags: index % 5 === 0 ? { team: 'blue', job: String(index % 2) } : {},
            target: index % 7 === 0 ? 'engine/smol' : 'lab/llama',
            promptTokens: index,
          }),
        ),
      );
      await clients[0].settle(records);
      await clients[0].admit([someIntent('open', { createdAtMs: days[0] ?? 0 })]);
      const groups: readonly (readonly UsageGroup[])[] = [
        [],
        ['key', 'owner'],
        ['user', 'day'],
        ['tag:team', 'tag:job'],
        ['model', 'target'],
      ];
      const look = async () => ({
        sums: await Promise.all(groups.map((groupBy) => clients[1].usage({ groupBy }))),
        filtered: [
          await sumsOf(clients[1], ['day'], { user: 'ann' }),
          await sumsOf(clients[1], ['day'], { tag: { name: 'team', value: 'blue' }, keyId: 'key_a' }),
          await sumsOf(clients[1], ['target'], { sinceMs: midnight - 60 * dayMs, untilMs: midnight }),
        ],
        spent: await clients[1].spent([
          { scope: 'owner:acme', sinceMs: 0 },
          { scope: 'key:key_a', sinceMs: midnight - dayMs },
        ]),
      });
      const before = await look();
      // In the middle of a day: that day stays.
      const [one, two] = await Promise.all([
        clients[0].retire(midnight - dayMs + 7_000),
        clients[1].retire(midnight - dayMs + 7_000),
      ]);
      expect(one + two).toBe(3 * 280);
      expect(await clients[0].retire(midnight - dayMs)).toBe(0);
      expect(await look()).toEqual(before);
      const left = await clients[1].records({ limit: 1_000, status: 'completed' });
      expect(left.data).toHaveLength(2 * 280);
      expect((await clients[1].records({ limit: 5, status: 'open' })).data).toHaveLength(1);
      // Hours are those of the records that are left.
      const hours = await clients[1].usage({ groupBy: ['hour'] });
      expect(hours.map(({ requests }) => requests)).toEqual([280, 280]);
    });

    test('a record of a retired day is stored, and retired with the next ones', async () => {
      const { clients } = await storeCase.open();
      const createdAtMs = midnight - 100 * dayMs;
      await clients[0].settle([someRecord('a', { createdAtMs })]);
      expect(await clients[1].retire(midnight)).toBe(1);
      await clients[0].settle([someRecord('b', { createdAtMs })]);
      expect((await clients[1].records({ limit: 5 })).data).toMatchObject([{ id: 'b' }]);
      expect(await clients[1].retire(midnight)).toBe(1);
      expect(await clients[0].usage({ groupBy: ['day'] })).toMatchObject([{ requests: 2, promptTokens: 24 }]);
    });

    test('a record that was closed for a process thought dead, and then retired, is counted once', async () => {
      const { clients, close } = await openWithPresumed(storeCase);
      await clients[0].retire(later);
      expect(await sums(clients[1])).toEqual([{ requests: 2, tokens: 36 }]);
      // Its intent comes out of a spool, and is closed again.
      await clients[0].admit([presumed('a')]);
      await close();
      expect(await sums(clients[1])).toEqual([{ requests: 2, tokens: 36 }]);
      expect(await clients[1].spent(ofKey)).toMatchObject([{ spentTokens: 36 }]);
      const record = someRecord('a', inTeam);
      await Promise.all([clients[0].settle([record]), clients[1].settle([record])]);
      await clients[0].settle([record]);
      const corrected = async () => {
        expect(await sums(clients[1])).toEqual([{ requests: 2, tokens: 42 + 18 }]);
        expect(await sumsOf(clients[1], ['target', 'tag:team', 'user'])).toHaveLength(1);
        expect(await clients[1].spent(ofKey)).toMatchObject([{ spentTokens: 60, spentMicroUsd: 505 }]);
      };
      await corrected();
      expect(await clients[0].retire(later)).toBe(1);
      await corrected();
      const events = await clients[0].outbox(10);
      expect(events.map(({ id }) => id).sort()).toEqual(['a', 'a:corrected', 'b']);
    });

    test('a retired record of a request that has reached no target after all is counted no more', async () => {
      const { clients } = await openWithPresumed(storeCase);
      await clients[0].retire(later);
      const ids = ['a', 'b'].map((id) => ({ id, createdAtMs: longAgo }));
      await Promise.all([clients[0].discard(ids), clients[1].discard(ids)]);
      expect(await sums(clients[1])).toEqual([]);
      expect(await clients[1].spent(ofKey)).toMatchObject([{ spentTokens: 0, spentMicroUsd: 0 }]);
    });

    // The month of the records is over, or is not.
    test.each([2, 40])(
      'within %d days retirement and true records at the same time count nothing twice',
      async (days) => {
        const beforeMs = longAgo + days * dayMs;
        const ids = Array.from({ length: 300 }, (_, index) => `n${index}`);
        const { clients } = await openWithPresumed(storeCase, ids);
        const batches = Array.from({ length: 30 }, (_, at) => ids.slice(at * 10, at * 10 + 10));
        await Promise.all([
          clients[1].retire(beforeMs),
          ...batches.map((batch) => clients[0].settle(batch.map((id) => someRecord(id, inTeam)))),
          clients[1].retire(beforeMs),
        ]);
        expect(await sums(clients[0])).toEqual([{ requests: 300, tokens: 42 * 300 }]);
        expect(await clients[1].spent(ofKey)).toMatchObject([{ spentTokens: 42 * 300 }]);
      },
    );
  });
}

/** Retired by every store's clock. */
const longAgo = midnight - 1_000 * dayMs;
const later = longAgo + 2 * dayMs;
const ofKey = [{ scope: 'key:key_a', sinceMs: 0 }] as const;
const inTeam = { createdAtMs: longAgo, user: 'ann', tags: { team: 'blue' } };
const presumed = (id: string) => someIntent(id, inTeam);

/** A store whose requests were closed for a process that was thought dead, after some progress. */
async function openWithPresumed(storeCase: StoreCase, ids: readonly string[] = ['a', 'b']) {
  const { clients } = await storeCase.open({ outbox: true });
  const close = () => clients[1].closeDead({ living: [], expiredMs: 10_000, nowMs: longAgo + 1 });
  await clients[0].admit(ids.map(presumed));
  const mark = { createdAtMs: longAgo, target: 'lab/llama', promptTokens: 11, costMicroUsd: 5 };
  await clients[0].progress(ids.map((id) => ({ ...mark, id, completionTokens: 7 })));
  await close();
  return { clients, close };
}

/** Requests and tokens of all rows of one group. */
async function sums(store: OpenedStore) {
  const rows = await store.usage({ groupBy: ['owner', 'user', 'target'] });
  return rows.map(({ requests, promptTokens, completionTokens }) => ({
    requests,
    tokens: promptTokens + completionTokens,
  }));
}
