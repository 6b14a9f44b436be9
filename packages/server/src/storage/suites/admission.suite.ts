import { describe, expect, test } from 'vitest';
import { rememberedIds } from '../sql/tables.ts';
import type { StoreCase } from '../testing/store-case.ts';
import { dollarsOf, midnight, morning, someIntent, someRecord, tokensOf } from '../testing/store-values.ts';

const ofKey = { scope: 'key:key_a', sinceMs: midnight } as const;
const ofOwner = { scope: 'owner:acme', sinceMs: midnight } as const;

export function testAdmission(storeCase: StoreCase): void {
  describe('admission', () => {
    test('an intent without budgets is admitted with all that it asks for, and reserves it', async () => {
      const { clients } = await storeCase.open();
      const intent = someIntent('a');
      expect(await clients[0].admit([intent])).toEqual([{ ok: true, reserved: intent.reserved }]);
      const reserved = { spentTokens: 0, spentMicroUsd: 0, reservedTokens: 50, reservedMicroUsd: 0 };
      expect(await clients[1].spent([ofKey, ofOwner])).toEqual([reserved, reserved]);
    });

    test('no intents are no answers', async () => {
      const { clients } = await storeCase.open();
      expect(await clients[0].admit([])).toEqual([]);
      await clients[0].settle([]);
      await clients[0].progress([]);
      await clients[0].discard([]);
      expect(await clients[0].spent([])).toEqual([]);
    });

    test('the completion is cut to what is left, and then the reservations of others leave no room', async () => {
      const { clients } = await storeCase.open();
      const budget = tokensOf('key:key_a', 80);
      const ask = (id: string) => clients[0].admit([someIntent(id, { budgets: [budget] })]);
      expect(await ask('a')).toMatchObject([
        { ok: true, reserved: { promptTokens: 10, completionTokens: 40 } },
      ]);
      expect(await ask('b')).toMatchObject([
        { ok: true, reserved: { promptTokens: 10, completionTokens: 20 } },
      ]);
      expect(await ask('c')).toEqual([{ ok: false, why: 'reserved', budget }]);
      await clients[1].settle([someRecord('a', { promptTokens: 10, completionTokens: 61 })]);
      expect(await ask('d')).toEqual([{ ok: false, why: 'spent', budget }]);
      expect(await clients[1].spent([ofKey])).toMatchObject([{ spentTokens: 71, reservedTokens: 30 }]);
    });

    test('a batch is decided in its order, each intent with those before it', async () => {
      const { clients } = await storeCase.open();
      const budget = tokensOf('owner:acme', 60);
      const answers = await clients[0].admit([
        someIntent('a', { keyId: 'key_b' }),
        someIntent('b', { budgets: [budget] }),
        someIntent('c', { budgets: [budget] }),
        someIntent('d', { owner: 'other' }),
      ]);
      expect(answers).toMatchObject([
        { ok: true, reserved: { completionTokens: 40 } },
        { ok: true, reserved: { completionTokens: 0 } },
        { ok: false, why: 'reserved' },
        { ok: true },
      ]);
    });

    test('key and owner must both have room, and the tighter one cuts both units', async () => {
      const { clients } = await storeCase.open();
      const reserved = {
        promptTokens: 10,
        completionTokens: 40,
        promptMicroUsd: 100,
        completionMicroUsd: 400,
      };
      const budgets = [tokensOf('key:key_a', 1000), dollarsOf('owner:acme', 200)];
      expect(await clients[0].admit([someIntent('a', { reserved, budgets })])).toEqual([
        {
          ok: true,
          reserved: { promptTokens: 10, completionTokens: 10, promptMicroUsd: 100, completionMicroUsd: 100 },
        },
      ]);
      expect(await clients[1].spent([ofOwner])).toMatchObject([
        { reservedTokens: 20, reservedMicroUsd: 200 },
      ]);
      expect(await clients[0].admit([someIntent('b', { reserved, budgets })])).toEqual([
        { ok: false, why: 'reserved', budget: budgets[1] },
      ]);
    });

    test('a used-up budget is said before one that only lacks room', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit([someIntent('a', { keyId: 'key_a', owner: 'other' })]);
      await clients[0].settle([someRecord('b', { keyId: 'key_b', owner: 'acme' })]);
      const budgets = [tokensOf('key:key_a', 55), tokensOf('owner:acme', 45)];
      expect(await clients[0].admit([someIntent('c', { budgets })])).toEqual([
        { ok: false, why: 'spent', budget: budgets[1] },
      ]);
    });

    test('a prompt that fills a budget exactly is admitted with no completion', async () => {
      const { clients } = await storeCase.open();
      const budgets = [tokensOf('key:key_a', 10)];
      expect(await clients[0].admit([someIntent('a', { budgets })])).toMatchObject([
        { ok: true, reserved: { promptTokens: 10, completionTokens: 0 } },
      ]);
    });

    test('a budget counts its own period only', async () => {
      const { clients } = await storeCase.open();
      const yesterday = midnight - 1;
      await clients[0].settle([someRecord('a', { createdAtMs: yesterday })]);
      await clients[0].admit([someIntent('b', { createdAtMs: yesterday })]);
      const total = { scope: 'key:key_a', sinceMs: 0 } as const;
      expect(await clients[1].spent([ofKey, total])).toMatchObject([
        { spentTokens: 0, reservedTokens: 0 },
        { spentTokens: 42, reservedTokens: 50, spentMicroUsd: 500 },
      ]);
      const budgets = [tokensOf('key:key_a', 50)];
      expect(await clients[0].admit([someIntent('c', { budgets })])).toMatchObject([
        { ok: true, reserved: { completionTokens: 40 } },
      ]);
    });

    test('an admitted intent is kept as it is, whatever its budgets say, once, and not behind its record', async () => {
      const { clients } = await storeCase.open();
      const budgets = [tokensOf('key:key_a', 60)];
      const kept = [someIntent('a', { budgets }), someIntent('b', { budgets })];
      await clients[0].keep([]);
      await clients[0].keep(kept);
      await clients[1].keep(kept);
      expect(await clients[1].spent([ofKey])).toMatchObject([{ spentTokens: 0, reservedTokens: 100 }]);
      await clients[0].settle([someRecord('a')]);
      await clients[0].keep(kept);
      expect(await clients[1].spent([ofKey])).toMatchObject([{ spentTokens: 42, reservedTokens: 50 }]);
    });

    test('an intent that is stored already is left as it is, and admitted', async () => {
      const { clients } = await storeCase.open();
      const budgets = [tokensOf('key:key_a', 30)];
      const intent = someIntent('a', { budgets });
      const first = await clients[0].admit([intent]);
      expect(first).toMatchObject([{ ok: true, reserved: { completionTokens: 20 } }]);
      expect(await clients[1].admit([intent])).toEqual(first);
      expect(await clients[1].admit([someIntent('a')])).toMatchObject([{ ok: true }]);
      expect(await clients[1].spent([ofKey])).toMatchObject([{ reservedTokens: 30 }]);
    });

    test('an intent whose record is settled opens nothing again', async () => {
      const { clients } = await storeCase.open();
      await clients[0].settle([someRecord('a')]);
      expect(await clients[1].admit([someIntent('a')])).toMatchObject([{ ok: true }]);
      expect(
        await clients[1].admit([someIntent('a', { budgets: [tokensOf('key:key_a', 5)] })]),
      ).toMatchObject([{ ok: true }]);
      expect(await clients[0].spent([ofKey])).toMatchObject([{ spentTokens: 42, reservedTokens: 0 }]);
      expect((await clients[0].records({ limit: 10 })).data).toHaveLength(1);
    });

    test('many admissions at once by two clients never exceed a budget', async () => {
      const { clients } = await storeCase.open();
      const budgets = [tokensOf('owner:acme', 1_000), tokensOf('key:key_a', 700)];
      const reserved = { promptTokens: 30, completionTokens: 0, promptMicroUsd: 0, completionMicroUsd: 0 };
      const batches = Array.from({ length: 12 }, (_, batch) =>
        Array.from({ length: 5 }, (__, index) =>
          someIntent(`${batch}-${index}`, {
            reserved,
            budgets,
            keyId: index % 2 === 0 ? 'key_a' : 'key_b',
          }),
        ).map((intent) => (intent.keyId === 'key_a' ? intent : { ...intent, budgets: budgets.slice(0, 1) })),
      );
      const answers = (
        await Promise.all(batches.map((batch, index) => clients[index % 2 === 0 ? 0 : 1].admit(batch)))
      ).flat();
      // 33 prompts of 30 tokens fit into 1,000; of key_a 23 into 700.
      expect(answers.filter(({ ok }) => ok)).toHaveLength(33);
      const [owner, key] = await clients[1].spent([ofOwner, ofKey]);
      expect(owner?.reservedTokens).toBe(990);
      expect(key?.reservedTokens).toBeLessThanOrEqual(700);
    });

    test('a discarded intent reserves nothing and leaves no record', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit([someIntent('a'), someIntent('b')]);
      await clients[1].discard([
        { id: 'a', createdAtMs: morning },
        { id: 'unknown', createdAtMs: morning },
      ]);
      await clients[1].discard([{ id: 'a', createdAtMs: morning }]);
      expect(await clients[0].spent([ofKey])).toMatchObject([{ reservedTokens: 50 }]);
      expect((await clients[0].records({ limit: 10 })).data.map(({ id }) => id)).toEqual(['b']);
    });

    test('an intent that comes after its discard, or at the same time, is not stored', async () => {
      const { clients, pass } = await storeCase.open();
      const budgets = [tokensOf('key:key_a', 1_000)];
      const gone = (id: string) => ({ id, createdAtMs: morning });
      await clients[0].discard([gone('a'), gone('b')]);
      await clients[1].admit([someIntent('a', { budgets })]);
      await clients[1].admit([someIntent('b')]);
      await clients[1].keep([someIntent('b')]);
      const ids = Array.from({ length: 60 }, (_, index) => `n${index}`);
      await Promise.all(
        ids.map((id, index) =>
          Promise.all([
            index % 2 === 0
              ? clients[0].admit([someIntent(id, { budgets })])
              : clients[0].keep([someIntent(id)]),
            clients[1].discard([gone(id)]),
          ]),
        ),
      );
      await clients[0].progress([
        {
          id: 'a',
          createdAtMs: morning,
          target: 'lab/llama',
          promptTokens: 1,
          completionTokens: 1,
          costMicroUsd: 0,
        },
      ]);
      expect(await clients[0].spent([ofKey])).toMatchObject([{ spentTokens: 0, reservedTokens: 0 }]);
      expect((await clients[0].records({ limit: 10 })).data).toEqual([]);
      // They are no requests of a dead process either, and not exported.
      await pass(60_000);
      expect(await clients[0].closeDead({ living: [], expiredMs: 10_000, nowMs: morning })).toEqual([]);
      const rows: unknown[] = [];
      for await (const row of clients[0].exportRows()) rows.push(row['table']);
      expect(rows).not.toContain('intents');
      expect((await clients[0].records({ limit: 10, after: 'a' })).unknownAfter).toBe(true);
      // The ids are free again when no such call can come any more, by the clock, and by what came after them: a clock may leap.
      const admit = async () => {
        await clients[0].admit([someIntent('a')]);
        return (await clients[0].records({ limit: 10 })).data.map(({ id }) => id);
      };
      await pass(86_400_000);
      await clients[0].discard([gone('c')]);
      expect(await admit()).toEqual([]);
      await clients[0].discard(Array.from({ length: rememberedIds }, (_, index) => gone(`m${index}`)));
      await clients[0].discard([gone('c')]);
      expect(await admit()).toEqual(['a']);
    });
  });
}
