import { describe, expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.ts';
import { describeStore } from '../contract.suite.ts';
import { everyNth, faultyStore } from './faulty-store.ts';
import { type MemoryServer, startMemoryServer } from './memory-store.ts';
import { morning, someIntent, someRecord } from './store-values.ts';

async function start(seed = 1): Promise<MemoryServer> {
  const server = await startMemoryServer({ now: () => morning, random: seededRandom(seed) });
  onTestFinished(() => server.close());
  return server;
}

describeStore('the store in memory', {
  async open({ outbox = false } = {}) {
    let now = morning;
    const server = await startMemoryServer({ now: () => now, random: seededRandom(1), outbox });
    onTestFinished(() => server.close());
    return {
      clients: [server.connect(), server.connect()],
      async pass(ms) {
        now += ms;
      },
    };
  },
});

describe('a client of the store in memory that is killed', () => {
  test('loses nothing that was acknowledged', async () => {
    const server = await start();
    const client = server.connect();
    await client.settle([someRecord('a')]);
    await client.crash();
    expect((await server.inside.records({ limit: 5 })).data).toMatchObject([{ id: 'a' }]);
  });

  test('is never answered, and what it was waiting for is carried out or not, as the seed decides', async () => {
    const kept = new Set<number>();
    for (let seed = 1; seed <= 10; seed += 1) {
      const server = await start(seed);
      const client = server.connect();
      let answered = false;
      for (const id of ['a', 'b', 'c'])
        void client.admit([someIntent(id)]).finally(() => {
          answered = true;
        });
      await client.crash();
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(answered).toBe(false);
      kept.add((await server.inside.records({ limit: 5 })).data.length);
    }
    expect(kept.size).toBeGreaterThan(2);
  });

  test('does not concern the other clients', async () => {
    const server = await start();
    const [one, other] = [server.connect(), server.connect()];
    const admitted = other.admit([someIntent('a')]);
    await one.crash();
    expect(await admitted).toMatchObject([{ ok: true }]);
  });
});

describe('a store with faults', () => {
  test('rejects every n-th call, by turns after and before it has been carried out', async () => {
    const server = await start();
    const store = faultyStore(server.connect(), everyNth(2));
    const outcomes: string[] = [];
    for (const id of ['a', 'b', 'c', 'd'])
      outcomes.push(
        await store.settle([someRecord(id)]).then(
          () => 'done',
          (error: { code?: string }) => String(error.code),
        ),
      );
    expect(outcomes).toEqual(['done', 'unreachable', 'done', 'unreachable']);
    const { data } = await server.inside.records({ limit: 9 });
    expect(data.map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  });
});
