import { describe, expect, test } from 'vitest';
import type { OpenedReader } from '../opening.ts';
import { signingSecretName } from '../signing-secret.ts';
import type { StoreCase } from '../testing/store-case.ts';
import {
  creation,
  midnight,
  morning,
  someIntent,
  someKey,
  someRecord,
  tokensOf,
} from '../testing/store-values.ts';
import type { TransferRow } from '../transfer.ts';

const plantedSecret = 'ab'.repeat(32);

export async function exported(store: Pick<OpenedReader, 'exportRows'>): Promise<string> {
  let lines = '';
  for await (const row of store.exportRows()) lines += `${JSON.stringify(row)}\n`;
  return lines;
}

export function rowsOf(lines: string): readonly TransferRow[] {
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TransferRow);
}

/** Something of everything, and more of it than is read at once. */
export async function fillStore({ clients: [store] }: Awaited<ReturnType<StoreCase['open']>>): Promise<void> {
  await store.change(creation(someKey('key_a', { metadata: { z: 1, a: '\u0000\ud83d' } })), {
    key: 'once',
    fingerprint: 'f',
  });
  await store.change(creation(someKey('key_ä', { owner: 'Zoë' })));
  await store.change({ type: 'revoke-key', id: 'key_ä', atMs: morning });
  await store.change({ type: 'delete-owner', id: 'Zoë', atMs: morning });
  await store.touch([{ keyId: 'key_a', atMs: morning }]);
  await store.secret(signingSecretName, () => plantedSecret);
  await store.admit([
    someIntent('open', { budgets: [tokensOf('key:key_a', 1_000)] }),
    someIntent('dead', { user: 'ann' }),
    someIntent('long dead', { createdAtMs: midnight - 65 * 86_400_000 }),
  ]);
  await store.beat('process_1');
  await store.closeDead({ living: [], expiredMs: -1_000, nowMs: morning });
  await store.admit([someIntent('open', { budgets: [tokensOf('key:key_a', 1_000)] })]);
  const records = Array.from({ length: 1_200 }, (_, index) =>
    someRecord(`r${index}`, {
      createdAtMs: midnight - (index % 70) * 86_400_000 + index,
      tags: index % 2 === 0 ? { team: index % 3 === 0 ? 'blue' : 'Blue', a: String(index % 5) } : {},
      user: index % 4 === 0 ? 'ann' : 'Ünal',
      budgets: [tokensOf('key:key_a', 10)],
    }),
  );
  await store.settle(records);
  await store.retire(midnight - 30 * 86_400_000);
}

export function testTransfer(storeCase: StoreCase): void {
  describe('export and import', () => {
    test('an import into an empty store exports the same bytes, and the store works on', async () => {
      const from = await storeCase.open({ outbox: true });
      await fillStore(from);
      const lines = await exported(from.clients[1]);
      const to = await storeCase.open({ outbox: true });
      const rows = rowsOf(lines);
      expect(await to.clients[0].importRows(rows)).toBe(rows.length - 2);
      expect(await exported(to.clients[1])).toBe(lines);
      const query = { groupBy: ['day', 'tag:team', 'user'] } as const;
      expect(await to.clients[1].usage(query)).toEqual(await from.clients[1].usage(query));
      const tag = { name: 'team', value: 'blue' };
      const tagged = await to.clients[1].records({ limit: 2_000, tag });
      expect(tagged).toEqual(await from.clients[1].records({ limit: 2_000, tag }));
      expect(tagged.data.length).toBeGreaterThan(50);
      await to.clients[0].settle([someRecord('new')]);
      const events = await to.clients[1].outbox(2_000);
      expect(events.at(-1)?.id).toBe('new');
      const [before] = await to.clients[1].usage({ groupBy: [] });
      await to.clients[0].settle([someRecord('long dead', { createdAtMs: midnight - 65 * 86_400_000 })]);
      const [after] = await to.clients[1].usage({ groupBy: [] });
      expect(after).toMatchObject({
        requests: before?.requests,
        promptTokens: (before?.promptTokens ?? 0) + 12,
      });
      expect(
        await to.clients[1].change(creation(someKey('key_a')), { key: 'once', fingerprint: 'f' }),
      ).toMatchObject({
        replayed: true,
      });
    });

    test('an export has no secret, and a store keeps its own through an import', async () => {
      const from = await storeCase.open();
      await fillStore(from);
      const lines = await exported(from.clients[0]);
      expect(lines).not.toContain(plantedSecret);
      expect((await from.clients[0].keysAfter(0)).signingSecret).toBe(plantedSecret);
      const to = await storeCase.open();
      const own = await to.clients[0].secret(signingSecretName, () => 'cd'.repeat(32));
      await to.clients[0].settle([someRecord('a')]);
      await to.clients[0].importRows(rowsOf(lines), { replace: true });
      expect((await to.clients[1].keysAfter(0)).signingSecret).toBe(own);
    });

    test('a store that has something is replaced only where that is asked for', async () => {
      const from = await storeCase.open();
      await from.clients[0].change(creation(someKey('key_a')));
      const rows = rowsOf(await exported(from.clients[0]));
      const to = await storeCase.open();
      await to.clients[0].settle([someRecord('a')]);
      await expect(to.clients[0].importRows(rows)).rejects.toMatchObject({ code: 'not-empty' });
      expect((await to.clients[1].records({ limit: 5 })).data).toHaveLength(1);
      await to.clients[0].importRows(rows, { replace: true });
      expect((await to.clients[1].records({ limit: 5 })).data).toEqual([]);
      expect(await to.clients[1].key('key_a')).toBeDefined();
    });

    test('an export that is not whole, or is none, changes nothing', async () => {
      const from = await storeCase.open();
      await from.clients[0].change(creation(someKey('key_a')));
      await from.clients[0].admit([someIntent('a')]);
      const rows = rowsOf(await exported(from.clients[0]));
      const to = await storeCase.open();
      const wrong: readonly (readonly TransferRow[])[] = [
        [],
        rows.slice(0, -1),
        rows.slice(1),
        [...rows.slice(0, 2), ...rows.slice(3)],
        [...rows, ...rows.slice(1)],
        [...rows.slice(0, 1), { table: 'unknown' }, ...rows.slice(1)],
        rows.map(({ version: _, ...row }) => row),
      ];
      // The form of earlier versions.
      const earlier = rows.map(({ progress_at: _, ttft_ms: __, ...row }) =>
        row['table'] === 'tailrace' ? { ...row, export: 1 } : row,
      );
      expect(await to.clients[0].importRows(earlier)).toBe(rows.length - 2);
      await to.clients[0].importRows(rowsOf(await exported((await storeCase.open()).clients[0])), {
        replace: true,
      });
      for (const some of wrong)
        await expect(to.clients[0].importRows(some)).rejects.toMatchObject({ code: 'not-an-export' });
      await expect(to.clients[0].importRows([{ table: 'tailrace', export: 99 }])).rejects.toMatchObject({
        code: 'newer',
      });
      expect((await to.clients[1].keysAfter(0)).keys).toEqual([]);
      expect(await to.clients[1].owner('default')).toBeDefined();
    });
  });
}
