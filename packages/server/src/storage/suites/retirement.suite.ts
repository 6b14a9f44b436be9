import { describe, expect, test } from 'vitest';
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
  });
}
