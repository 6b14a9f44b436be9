import { describe, expect, test } from 'vitest';
import type { RequestContent } from '../contents.ts';
import type { StoreCase } from '../testing/store-case.ts';
import { morning } from '../testing/store-values.ts';
import type { TransferRow } from '../transfer.ts';

function someContent(id: string, more: Partial<RequestContent> = {}): RequestContent {
  return {
    id,
    createdAtMs: morning,
    body: {
      messages: [{ role: 'user', content: 'Grüße, 𝕏, \u0000 and half a pair: \ud83d' }],
      messages_left_out: 2,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello' } }],
    },
    ...more,
  };
}

async function read(rows: AsyncIterable<TransferRow>): Promise<TransferRow[]> {
  const all: TransferRow[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

export function testContents(storeCase: StoreCase): void {
  describe('contents', () => {
    test('are read as they were kept, by every client', async () => {
      const { clients } = await storeCase.open();
      await clients[0].keepContents([someContent('a'), someContent('b', { createdAtMs: morning + 1 })]);
      expect(await clients[1].content('a')).toEqual(someContent('a'));
      expect(await clients[1].content('c')).toBeUndefined();
    });

    test('stay as they were kept first', async () => {
      const { clients } = await storeCase.open();
      const body = { messages: [], messages_left_out: 0, choices: [] };
      await clients[0].keepContents([someContent('a')]);
      await clients[1].keepContents([someContent('a', { body }), someContent('b', { body })]);
      expect(await clients[0].content('a')).toEqual(someContent('a'));
      expect((await clients[0].content('b'))?.body).toEqual(body);
    });

    test('are deleted by their age, however many there are, and records are not', async () => {
      const { clients } = await storeCase.open();
      const ids = Array.from({ length: 450 }, (_, at) => `r${at}`);
      await clients[0].keepContents(ids.map((id, at) => someContent(id, { createdAtMs: morning + at })));
      expect(await clients[1].retireContents(morning + 440)).toBe(440);
      expect(await clients[1].retireContents(morning + 440)).toBe(0);
      expect(await clients[0].content('r439')).toBeUndefined();
      expect(await clients[0].content('r440')).toBeDefined();
    });

    test('are in an export only where it is asked for them, and come back with it', async () => {
      const { clients } = await storeCase.open();
      await clients[0].keepContents([someContent('a')]);
      const without = await read(clients[0].exportRows());
      expect(without.filter(({ table }) => table === 'contents')).toEqual([]);
      expect(without[0]).toEqual({ table: 'tailrace', export: 2 });
      const withThem = await read(clients[0].exportRows({ contents: true }));
      expect(withThem.filter(({ table }) => table === 'contents')).toHaveLength(1);
      await clients[0].importRows(without, { replace: true });
      expect(await clients[0].content('a')).toBeUndefined();
      await clients[0].importRows(withThem, { replace: true });
      expect(await clients[0].content('a')).toEqual(someContent('a'));
    });
  });
}
