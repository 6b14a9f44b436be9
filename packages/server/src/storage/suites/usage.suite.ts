import { describe, expect, test } from 'vitest';
import type { OpenedStore } from '../opening.ts';
import type { RecordFilter, RecordQuery, Settled, UsageGroup } from '../records.ts';
import type { StoreCase } from '../testing/store-case.ts';
import { midnight, morning, someIntent, someRecord } from '../testing/store-values.ts';

const hourMs = 3_600_000;

/** Records that differ in everything that can be asked for. */
const records: readonly Settled[] = [
  someRecord('a', { createdAtMs: midnight - hourMs, user: 'ann', tags: { team: 'blue' }, promptTokens: 1 }),
  someRecord('b', {
    createdAtMs: midnight,
    keyId: 'key_b',
    status: 'failed',
    tags: { team: 'red', job: '7' },
    promptTokens: 2,
  }),
  someRecord('c', {
    createdAtMs: midnight + hourMs,
    owner: 'other',
    user: 'ann',
    model: 'default',
    promptTokens: 4,
  }),
  someRecord('d', {
    createdAtMs: midnight + hourMs,
    target: 'engine/smol',
    status: 'cut',
    user: 'bob',
    promptTokens: 8,
  }),
];

async function filled(store: OpenedStore): Promise<void> {
  await store.settle(records);
  await store.admit([someIntent('open', { createdAtMs: morning, user: 'ann', tags: { team: 'blue' } })]);
}

export function testUsage(storeCase: StoreCase): void {
  describe('lists and sums', () => {
    test('records are found by each filter and by several, newest first', async () => {
      const { clients } = await storeCase.open();
      await filled(clients[0]);
      const found = async (query: RecordQuery) =>
        (await clients[1].records({ limit: 10, ...query })).data.map(({ id }) => id);
      expect(await found({})).toEqual(['open', 'd', 'c', 'b', 'a']);
      expect(await found({ id: 'c' })).toEqual(['c']);
      expect(await found({ id: 'open' })).toEqual(['open']);
      expect(await found({ keyId: 'key_b' })).toEqual(['b']);
      expect(await found({ owner: 'other' })).toEqual(['c']);
      expect(await found({ user: 'ann' })).toEqual(['open', 'c', 'a']);
      expect(await found({ model: 'default' })).toEqual(['c']);
      expect(await found({ tag: { name: 'team', value: 'blue' } })).toEqual(['open', 'a']);
      expect(await found({ tag: { name: 'job', value: '7' } })).toEqual(['b']);
      expect(await found({ tag: { name: 'team', value: 'bl' } })).toEqual([]);
      expect(await found({ status: 'open' })).toEqual(['open']);
      expect(await found({ status: 'completed' })).toEqual(['c', 'a']);
      expect(await found({ status: 'cut' })).toEqual(['d']);
      expect(await found({ sinceMs: midnight, untilMs: midnight + hourMs })).toEqual(['b']);
      expect(await found({ user: 'ann', sinceMs: midnight, status: 'completed' })).toEqual(['c']);
    });

    test('pages follow each other without a gap, also among records of one millisecond', async () => {
      const { clients } = await storeCase.open();
      await clients[0].settle(
        Array.from({ length: 7 }, (_, index) =>
          someRecord(`r${index}`, { createdAtMs: morning + (index >> 2) }),
        ),
      );
      await clients[0].admit([someIntent('r9')]);
      const seen: string[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await clients[1].records({ limit: 3, ...(after === undefined ? {} : { after }) });
        seen.push(...page.data.map(({ id }) => id));
        after = page.data.at(-1)?.id;
        if (!page.hasMore) break;
      }
      expect(seen).toEqual(['r6', 'r5', 'r4', 'r9', 'r3', 'r2', 'r1', 'r0']);
      for (const after of ['unknown', 'r1\0', 'r'.repeat(5_000)])
        expect(await clients[1].records({ limit: 3, after })).toEqual({
          data: [],
          hasMore: false,
          unknownAfter: true,
        });
    });

    test('a value that was stored changed is found by the value that was given', async () => {
      const { clients } = await storeCase.open();
      const long = 'long '.repeat(1_000);
      const given = [`with a \0 in it`, `${long}\0`, 'half a \ud83d pair'];
      await clients[0].settle(
        given.map((text, index) =>
          someRecord(`r${index}`, {
            user: text,
            model: text,
            tags: { team: text },
            createdAtMs: midnight - index * 86_400_000,
          }),
        ),
      );
      await clients[0].admit(
        given.map((text, index) => someIntent(`open${index}`, { user: text, model: text })),
      );
      for (const [index, text] of given.entries()) {
        const filters: RecordFilter[] = [
          { user: text },
          { model: text },
          { tag: { name: 'team', value: text } },
        ];
        for (const filter of filters) {
          const { data } = await clients[1].records({ limit: 5, ...filter });
          expect(data.map(({ id }) => id)).toEqual(
            filter.tag === undefined ? [`open${index}`, `r${index}`] : [`r${index}`],
          );
          expect(await clients[1].usage({ groupBy: [], ...filter })).toMatchObject([{ requests: 1 }]);
        }
      }
      await clients[0].retire(midnight);
      for (const text of given)
        expect(await clients[1].usage({ groupBy: [], user: text })).toMatchObject([{ requests: 1 }]);
      for (const filter of [{ keyId: 'a\0' }, { owner: 'a\0' }, { keyId: long }, { owner: long }]) {
        expect(await clients[1].records({ limit: 5, ...filter })).toEqual({ data: [], hasMore: false });
        expect(await clients[1].usage({ groupBy: [], ...filter })).toEqual([]);
      }
    });

    test('usage without groups is one sum of the settled records', async () => {
      const { clients } = await storeCase.open();
      expect(await clients[1].usage({ groupBy: [] })).toEqual([]);
      await filled(clients[0]);
      expect(await clients[1].usage({ groupBy: [] })).toEqual([
        {
          group: {},
          requests: 4,
          promptTokens: 15,
          completionTokens: 120,
          cachedTokens: 16,
          reasoningTokens: 20,
          costMicroUsd: 2_000,
        },
      ]);
    });

    test('usage is summed by each group', async () => {
      const { clients } = await storeCase.open();
      await filled(clients[0]);
      const by = (...groupBy: UsageGroup[]) => sumsOf(clients[1], groupBy);
      expect(await by('key')).toEqual([
        [{ key_id: 'key_a' }, 13],
        [{ key_id: 'key_b' }, 2],
      ]);
      expect(await by('owner')).toEqual([
        [{ owner: 'acme' }, 11],
        [{ owner: 'other' }, 4],
      ]);
      expect(await by('user')).toEqual([
        [{ user: 'ann' }, 5],
        [{ user: 'bob' }, 8],
        [{ user: null }, 2],
      ]);
      expect(await by('tag:team')).toEqual([
        [{ 'tag:team': 'blue' }, 1],
        [{ 'tag:team': 'red' }, 2],
        [{ 'tag:team': null }, 12],
      ]);
      expect(await by('model')).toEqual([
        [{ model: 'acme/chat' }, 11],
        [{ model: 'default' }, 4],
      ]);
      expect(await by('target')).toEqual([
        [{ target: 'engine/smol' }, 8],
        [{ target: 'lab/llama' }, 7],
      ]);
      expect(await by('day')).toEqual([
        [{ day: '2026-11-27' }, 1],
        [{ day: '2026-11-28' }, 14],
      ]);
      expect(await by('hour')).toEqual([
        [{ hour: '2026-11-27T23:00:00.000Z' }, 1],
        [{ hour: '2026-11-28T00:00:00.000Z' }, 2],
        [{ hour: '2026-11-28T01:00:00.000Z' }, 12],
      ]);
      expect(await by('day', 'user')).toEqual([
        [{ day: '2026-11-27', user: 'ann' }, 1],
        [{ day: '2026-11-28', user: 'ann' }, 4],
        [{ day: '2026-11-28', user: 'bob' }, 8],
        [{ day: '2026-11-28', user: null }, 2],
      ]);
      expect(await by('tag:team', 'tag:job', 'key')).toHaveLength(3);
    });

    test('usage is summed of the records that fit a filter', async () => {
      const { clients } = await storeCase.open();
      await filled(clients[0]);
      const sum = async (filter: RecordFilter) =>
        (await sumsOf(clients[1], [], filter)).map(([, sum]) => sum);
      expect(await sum({ keyId: 'key_a' })).toEqual([13]);
      expect(await sum({ owner: 'acme', user: 'bob' })).toEqual([8]);
      expect(await sum({ model: 'default' })).toEqual([4]);
      expect(await sum({ tag: { name: 'team', value: 'red' } })).toEqual([2]);
      expect(await sum({ sinceMs: midnight })).toEqual([14]);
      expect(await sum({ untilMs: midnight })).toEqual([1]);
      expect(await sum({ user: 'nobody' })).toEqual([]);
    });
  });
}

/** Each group with its sum of prompt tokens. */
export async function sumsOf(
  store: OpenedStore,
  groupBy: readonly UsageGroup[],
  filter: RecordFilter = {},
): Promise<readonly (readonly [Readonly<Record<string, string | null>>, number])[]> {
  return (await store.usage({ ...filter, groupBy })).map(
    ({ group, promptTokens }) => [group, promptTokens] as const,
  );
}
