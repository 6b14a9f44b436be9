import { describe, expect, test } from 'vitest';
import type { StoreCase } from '../testing/store-case.ts';
import { morning, someIntent, someRecord } from '../testing/store-values.ts';
import { shown } from './settlement.suite.ts';

const ofKey = [{ scope: 'key:key_a', sinceMs: 0 }] as const;
const expiredMs = 10_000;
const progress = {
  id: 'a',
  createdAtMs: morning,
  target: 'lab/llama',
  promptTokens: 11,
  completionTokens: 7,
  costMicroUsd: 5,
  atMs: morning + 5_500,
  ttftMs: 120,
};

export function testDeadProcesses(storeCase: StoreCase): void {
  describe('processes that were killed', () => {
    test('their open intents are closed: cut where output was sent, else abandoned', async () => {
      const { clients, pass } = await storeCase.open();
      await clients[0].beat('process_1');
      await clients[0].admit([someIntent('a'), someIntent('b'), someIntent('c')]);
      await clients[0].settle([someRecord('c')]);
      await clients[0].progress([progress]);
      const nowMs = morning + 60_000;
      const close = () => clients[1].closeDead({ living: [], expiredMs, nowMs });
      expect(await close()).toEqual([]);
      await pass(expiredMs + 1_000);
      expect([...(await close())].sort()).toEqual(['a', 'b']);
      expect(await close()).toEqual([]);
      const { data } = await clients[0].records({ limit: 5 });
      expect(data).toMatchObject([
        { id: 'c', status: 'completed' },
        {
          id: 'b',
          status: 'abandoned',
          target: null,
          promptTokens: 0,
          completionTokens: 0,
          attempts: 0,
          attemptLog: [],
          settledAtMs: nowMs,
        },
        {
          id: 'a',
          status: 'cut',
          target: 'lab/llama',
          promptTokens: 11,
          completionTokens: 7,
          costMicroUsd: 5,
          ttftMs: 120,
          estimated: true,
          attempts: 1,
          attemptLog: [
            { target: 'lab/llama', outcome: 'cut', prompt_tokens: 11, completion_tokens: 7, estimated: true },
          ],
        },
      ]);
      expect(await clients[0].spent(ofKey)).toEqual([
        { spentTokens: 42 + 18, spentMicroUsd: 505, reservedTokens: 0, reservedMicroUsd: 0 },
      ]);
    });

    test('a record lasted until the last sign of life of its request: its progress, or the beat of its process', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit(['a', 'b', 'c'].map((id) => someIntent(id)));
      // The last one is of a spool of an earlier version.
      const { atMs: _, ttftMs: __, ...earlier } = progress;
      await clients[0].progress([progress, { ...earlier, id: 'c' }]);
      const open = (await clients[1].records({ limit: 5, status: 'open' })).data;
      expect(open.map(({ id, ttftMs }) => `${id} ${ttftMs}`).sort()).toEqual([
        'a 120',
        'b undefined',
        'c undefined',
      ]);
      await clients[1].closeDead({ living: [], expiredMs, nowMs: morning + 60_000 });
      const { data } = await clients[0].records({ limit: 5 });
      expect(data.map(({ id, ttftMs, durationMs }) => `${id} ${ttftMs} ${durationMs}`).sort()).toEqual([
        'a 120 5500',
        'b undefined 0',
        'c undefined 0',
      ]);
    });

    test('those of a living process stay open, whether it beats or is said to live', async () => {
      const { clients, pass } = await storeCase.open();
      await clients[0].beat('process_1');
      await clients[0].admit([someIntent('a'), someIntent('b', { processId: 'process_2' })]);
      await pass(expiredMs + 1_000);
      await clients[0].beat('process_1');
      const nowMs = morning + 60_000;
      expect(await clients[1].closeDead({ living: ['process_2'], expiredMs, nowMs })).toEqual([]);
      expect(await clients[1].closeDead({ living: [], expiredMs, nowMs })).toEqual(['b']);
    });

    test('a process that has left, or never had a beat, keeps nothing open', async () => {
      const { clients } = await storeCase.open();
      await clients[0].beat('process_1');
      await clients[0].admit([someIntent('a'), someIntent('b', { processId: 'process_2' })]);
      await clients[0].leave('process_1');
      const closed = await clients[1].closeDead({ living: [], expiredMs, nowMs: morning + 1 });
      expect([...closed].sort()).toEqual(['a', 'b']);
    });

    test('a time that no beat reaches closes them whatever the clock says', async () => {
      const { clients } = await storeCase.open();
      await clients[0].beat('process_1');
      await clients[0].admit([someIntent('a')]);
      const closing = { living: [], expiredMs: -Number.MAX_SAFE_INTEGER, nowMs: morning + 1 };
      expect(await clients[1].closeDead(closing)).toEqual(['a']);
    });

    test('the true record of a process that was thought dead replaces the other one, once', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit([someIntent('a', { tags: { team: 'blue' } })]);
      await clients[0].progress([progress]);
      await clients[1].closeDead({ living: [], expiredMs, nowMs: morning + 1 });
      const record = someRecord('a', { tags: { team: 'blue' } });
      await Promise.all([clients[0].settle([record]), clients[1].settle([record])]);
      await clients[0].settle([someRecord('a', { completionTokens: 1 })]);
      expect((await clients[1].records({ limit: 5 })).data).toEqual([shown(record)]);
      expect(
        (await clients[1].records({ limit: 5, tag: { name: 'team', value: 'blue' } })).data,
      ).toHaveLength(1);
      expect(await clients[1].spent(ofKey)).toMatchObject([{ spentTokens: 42, spentMicroUsd: 500 }]);
    });

    test('a request that has reached no target after all leaves no record, although it was closed', async () => {
      const { clients } = await storeCase.open();
      await clients[0].admit([someIntent('a')]);
      await clients[0].progress([progress]);
      await clients[1].closeDead({ living: [], expiredMs, nowMs: morning + 1 });
      await clients[0].discard([{ id: 'a', createdAtMs: morning }]);
      expect((await clients[1].records({ limit: 5 })).data).toEqual([]);
      expect(await clients[1].spent(ofKey)).toMatchObject([{ spentTokens: 0, spentMicroUsd: 0 }]);
    });

    test('two that close at once close each intent once', async () => {
      const { clients } = await storeCase.open();
      const ids = Array.from({ length: 30 }, (_, index) => `a${index}`);
      await clients[0].admit(ids.map((id) => someIntent(id)));
      await clients[0].progress(ids.map((id) => ({ ...progress, id })));
      const closed = await Promise.all(
        [0, 1, 0, 1].map((client) =>
          clients[client === 0 ? 0 : 1].closeDead({ living: [], expiredMs, nowMs: morning + 1 }),
        ),
      );
      expect(closed.flat().sort()).toEqual([...ids].sort());
      expect(await clients[1].spent(ofKey)).toMatchObject([{ spentTokens: 18 * 30, reservedTokens: 0 }]);
    });
  });
}
