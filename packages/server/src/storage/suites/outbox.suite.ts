import { describe, expect, test } from 'vitest';
import { recordJson } from '../record-json.ts';
import type { StoreCase } from '../testing/store-case.ts';
import { dollarsOf, midnight, morning, someIntent, someRecord, tokensOf } from '../testing/store-values.ts';
import { shown } from './settlement.suite.ts';

export function testOutbox(storeCase: StoreCase): void {
  describe('the outbox', () => {
    test('without it there are no events', async () => {
      const { clients } = await storeCase.open();
      await clients[0].settle([someRecord('a', { budgets: [tokensOf('key:key_a', 1)] })]);
      await clients[0].noteRefusals([{ budget: tokensOf('key:key_a', 1), atMs: morning }]);
      expect(await clients[1].outbox(10)).toEqual([]);
      expect(await clients[1].waitingEvents()).toEqual({ waiting: 0, oldestAtMs: null });
    });

    test('each settled record is one event, in order, until it is delivered', async () => {
      const { clients } = await storeCase.open({ outbox: true });
      await clients[0].settle([someRecord('a'), someRecord('b')]);
      await clients[1].settle([someRecord('b'), someRecord('c')]);
      const events = await clients[1].outbox(10);
      expect(events.map(({ id, type }) => `${type} ${id}`)).toEqual(['record a', 'record b', 'record c']);
      expect(JSON.parse(events[0]?.data ?? '')).toEqual(recordJson(shown(someRecord('a'))));
      expect(events[0]?.atMs).toBe(morning + 900);
      expect(await clients[0].waitingEvents()).toEqual({ waiting: 3, oldestAtMs: morning + 900 });
      expect((await clients[0].outbox(2)).map(({ id }) => id)).toEqual(['a', 'b']);
      await clients[0].delivered([events[0]?.sequence ?? 0, events[2]?.sequence ?? 0]);
      expect((await clients[1].outbox(10)).map(({ id }) => id)).toEqual(['b']);
    });

    test('numbers rise in the order of the commits, so a reader that removes what it has read loses nothing', async () => {
      const { clients } = await storeCase.open({ outbox: true });
      const ids = Array.from({ length: 60 }, (_, index) => `r${index}`);
      let writing = true;
      let last = 0;
      const seen: string[] = [];
      const readAll = async () => {
        const events = await clients[1].outbox(100);
        for (const { sequence, id } of events) {
          expect(sequence).toBeGreaterThan(last);
          last = sequence;
          seen.push(id);
        }
        await clients[1].delivered(events.map(({ sequence }) => sequence));
      };
      const reader = (async () => {
        while (writing) await readAll();
      })();
      await Promise.all(ids.map((id, index) => clients[index % 2 === 0 ? 0 : 1].settle([someRecord(id)])));
      writing = false;
      await reader;
      await readAll();
      expect(seen.sort()).toEqual([...ids].sort());
    });

    test('a budget gives one event at 80 and one at 100 percent of its limit', async () => {
      const { clients } = await storeCase.open({ outbox: true });
      const budgets = [tokensOf('key:key_a', 100), dollarsOf('owner:acme', 10_000)];
      const settle = async (id: string, tokens: number) => {
        await clients[0].settle([someRecord(id, { promptTokens: tokens, completionTokens: 0, budgets })]);
        const events = await clients[1].outbox(10);
        await clients[1].delivered(events.map(({ sequence }) => sequence));
        return events.filter(({ type }) => type === 'budget');
      };
      expect(await settle('a', 79)).toEqual([]);
      const [reached] = await settle('b', 1);
      expect(JSON.parse(reached?.data ?? '')).toMatchObject({ scope: 'key:key_a', percent: 80 });
      expect(await settle('c', 10)).toEqual([]);
      expect((await settle('d', 40)).map(({ data }) => JSON.parse(data).percent)).toEqual([100]);
      expect(await settle('e', 40)).toEqual([]);
      // The next day is another period.
      const tomorrow = budgets.map((budget) => ({ ...budget, sinceMs: midnight + 86_400_000 }));
      await clients[0].settle([
        someRecord('f', {
          createdAtMs: morning + 86_400_000,
          promptTokens: 90,
          completionTokens: 0,
          budgets: tomorrow,
        }),
      ]);
      expect((await clients[1].outbox(10)).map(({ type }) => type)).toEqual(['record', 'budget']);
    });

    test('a budget that refuses gives one event in a period, with what is spent, for each of its limits', async () => {
      const { clients } = await storeCase.open({ outbox: true });
      const budget = tokensOf('key:key_a', 100);
      await clients[0].settle([
        someRecord('a', { promptTokens: 60, completionTokens: 0, budgets: [budget] }),
      ]);
      const refusal = { budget, atMs: morning + 1_000 };
      await Promise.all(clients.map((client) => client.noteRefusals([refusal, refusal])));
      await clients[0].noteRefusals([{ ...refusal, budget: tokensOf('key:key_a', 70) }]);
      const events = (await clients[1].outbox(10)).filter(({ type }) => type === 'refusal');
      expect(events.map(({ data }) => JSON.parse(data))).toEqual(
        [100, 70].map((limit) => ({
          scope: 'key:key_a',
          unit: 'tokens',
          limit,
          spent: 60,
          period_start: new Date(midnight).toISOString(),
        })),
      );
      expect(events[0]?.atMs).toBe(morning + 1_000);
      expect(new Set(events.map(({ id }) => id)).size).toBe(2);
    });

    test('one big record gives both events, and two clients at once give each of them once', async () => {
      const { clients } = await storeCase.open({ outbox: true });
      const budgets = [tokensOf('key:key_a', 40)];
      await Promise.all(
        [0, 1, 0, 1].map((client, index) =>
          clients[client === 0 ? 0 : 1].settle([someRecord(`r${index}`, { budgets })]),
        ),
      );
      const events = (await clients[0].outbox(20)).filter(({ type }) => type === 'budget');
      expect(events.map(({ data }) => JSON.parse(data).percent).sort()).toEqual([100, 80]);
    });

    test('the record of a killed process is an event, and its true record another one', async () => {
      const { clients } = await storeCase.open({ outbox: true });
      const budgets = [tokensOf('key:key_a', 50)];
      await clients[0].admit([someIntent('a', { budgets })]);
      await clients[1].closeDead({ living: [], expiredMs: 10_000, nowMs: morning + 1 });
      await clients[0].settle([someRecord('a', { budgets })]);
      const events = await clients[1].outbox(10);
      expect(events.map(({ id, type }) => (type === 'record' ? id : type))).toEqual([
        'a',
        'a:corrected',
        'budget',
      ]);
    });
  });
}
