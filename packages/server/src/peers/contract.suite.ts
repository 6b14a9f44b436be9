import { describe, expect, onTestFinished, test } from 'vitest';
import type { CancelOrder, EndedStatus, PeerDuties, Peers } from './contract.ts';

/** What the suite needs of an adapter. */
export interface PeersUnderTest {
  /** So many processes of one service that reach each other; each waits `answerMs` for the answers of the others. */
  openGroup(count: number, answerMs: number): Promise<readonly Peers[]>;
}

/** Longer than a test may take: what is answered later than that is not answered in time. */
const longMs = 600_000;
const never = new Promise<undefined>(() => {});

/** A process that runs these completions, and the orders that it has got. */
function runs(statuses: Readonly<Record<string, EndedStatus>>): PeerDuties & { readonly got: CancelOrder[] } {
  const got: CancelOrder[] = [];
  return {
    got,
    async cancel(order) {
      got.push(order);
      return statuses[order.id];
    },
  };
}

const nothing = () => runs({});

/** The tests that every adapter of the seam `Peers` must pass. */
export function describePeers(name: string, { openGroup }: PeersUnderTest): void {
  async function group(duties: readonly (PeerDuties | undefined)[], answerMs = longMs) {
    const peers = await openGroup(duties.length, answerMs);
    onTestFinished(async () => {
      for (const one of peers) await one.close();
    });
    for (const [index, own] of duties.entries()) if (own !== undefined) peers[index]?.serve(own);
    const [first, second] = peers;
    if (first === undefined || second === undefined) throw new Error('a group has at least two members');
    return { peers, first, second };
  }

  describe(`peers ${name}`, () => {
    test('the status comes from the one that runs the completion', async () => {
      const { first } = await group([
        nothing(),
        nothing(),
        runs({ a: 'cancelled', b: 'completed' }),
        nothing(),
      ]);
      expect(await first.cancel({ id: 'a' })).toBe('cancelled');
      expect(await first.cancel({ id: 'b' })).toBe('completed');
    });

    test.each<EndedStatus>(['completed', 'failed', 'cut', 'cancelled', 'abandoned'])(
      'the status %s comes as it is',
      async (status) => {
        const { first } = await group([nothing(), runs({ a: status })]);
        expect(await first.cancel({ id: 'a' })).toBe(status);
      },
    );

    test('where none of them runs it, that is known without waiting for the time limit', async () => {
      const { first } = await group([nothing(), nothing(), nothing()]);
      expect(await first.cancel({ id: 'a' })).toBeUndefined();
    });

    test('the one that asks is not asked itself', async () => {
      const own = runs({ a: 'cancelled' });
      const { first } = await group([own, nothing()]);
      expect(await first.cancel({ id: 'a' })).toBeUndefined();
      expect(own.got).toEqual([]);
    });

    test('an order comes as it was given, once, with its key or without', async () => {
      const duties = nothing();
      const { first } = await group([nothing(), duties]);
      const orders: CancelOrder[] = [
        { id: 'a', keyId: 'key_1' },
        { id: 'b' },
        { id: ' \u0000"\\\n€😀\ud83d/%2F', keyId: '' },
        { id: '' },
        { id: 'x'.repeat(30_000) },
      ];
      for (const order of orders) await first.cancel(order);
      expect(duties.got).toEqual(orders);
    });

    test('of many that wait at the same time each gets its own answer', async () => {
      const statuses = ['completed', 'cancelled', 'cut'] as const;
      const all = Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`c${index}`, statuses[index % 3] ?? 'cut'] as const),
      );
      const even = Object.fromEntries(Object.entries(all).filter((_, index) => index % 2 === 0));
      const odd = Object.fromEntries(Object.entries(all).filter((_, index) => index % 2 === 1));
      const { first, second, peers } = await group([nothing(), runs(even), runs(odd)]);
      const third = peers[2] ?? first;
      const asked = Object.keys(all).map(async (id, index) => {
        const from = index % 2 === 0 ? third : second;
        return [id, await from.cancel({ id }), await first.cancel({ id })] as const;
      });
      for (const [id, one, other] of await Promise.all(asked))
        expect([id, one, other]).toEqual([id, all[id], all[id]]);
    });

    test('one that does not answer in time is not waited for', async () => {
      const { first } = await group([nothing(), { cancel: () => never }, nothing()], 200);
      expect(await first.cancel({ id: 'a' })).toBeUndefined();
    });

    test('one that does not answer does not hide the status of another', async () => {
      const { first } = await group([nothing(), { cancel: () => never }, runs({ a: 'cancelled' })]);
      expect(await first.cancel({ id: 'a' })).toBe('cancelled');
    });

    test('an answer that comes too late changes nothing', async () => {
      const late = Promise.withResolvers<EndedStatus>();
      const statuses: Record<string, Promise<EndedStatus>> = { slow: late.promise };
      const { first } = await group([nothing(), { cancel: async ({ id }) => statuses[id] }], 200);
      expect(await first.cancel({ id: 'slow' })).toBeUndefined();
      late.resolve('cancelled');
      expect(await first.cancel({ id: 'other' })).toBeUndefined();
    });

    test('one without duties runs nothing', async () => {
      const { first } = await group([nothing(), undefined, undefined]);
      expect(await first.cancel({ id: 'a' })).toBeUndefined();
    });

    test('a bug of one is an answer that it runs nothing', async () => {
      const buggy: PeerDuties = { cancel: () => Promise.reject(new Error('a bug')) };
      const { first } = await group([nothing(), buggy, runs({ a: 'cut' })]);
      expect(await first.cancel({ id: 'a' })).toBe('cut');
      expect(await first.cancel({ id: 'b' })).toBeUndefined();
    });

    test('one that has closed is not asked, and asks none', async () => {
      const left = runs({ a: 'cancelled' });
      const { first, second } = await group([runs({ b: 'cut' }), left, nothing()]);
      await second.close();
      expect(await first.cancel({ id: 'a' })).toBeUndefined();
      expect(left.got).toEqual([]);
      expect(await second.cancel({ id: 'b' })).toBeUndefined();
    });

    test('what waits when it is closed ends without an answer', async () => {
      const asked = Promise.withResolvers<void>();
      const silent: PeerDuties = {
        cancel() {
          asked.resolve();
          return never;
        },
      };
      const { first } = await group([nothing(), silent]);
      const waits = first.cancel({ id: 'a' });
      await asked.promise;
      await first.close();
      expect(await waits).toBeUndefined();
    });
  });
}
