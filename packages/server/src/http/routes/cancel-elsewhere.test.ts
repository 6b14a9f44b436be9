import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Peers } from '../../peers/contract.ts';
import { createMemoryPeers } from '../../peers/memory/memory-peers.ts';
import { noPeers } from '../../peers/no-peers.ts';
import { testKey } from '../../testing/start-app.ts';
import { type CancellingApp, startCancellingApp } from '../testing/cancelling-app.ts';

/** Cancelling completions that another process runs, or that no process runs though their record is open. */

const ends: (() => Promise<void>)[] = [];
beforeEach(() => {
  ends.length = 0;
});
afterEach(async () => {
  for (const end of ends) await end();
});

async function start(peers: Peers = noPeers): Promise<CancellingApp> {
  const app = await startCancellingApp({ peers });
  ends.push(() => app.stop());
  return app;
}

async function answerOf(response: Response): Promise<unknown> {
  return [response.status, await response.json()];
}

/** An intent without a run, as a process that was killed leaves it. */
async function leftOpen(app: CancellingApp, id: string): Promise<void> {
  const response = await app.complete('short');
  const { id: other } = (await response.json()) as { id: string };
  const record = await app.record(other);
  if (record === undefined) throw new Error('a completion has its record');
  const { requestId, keyId, owner, model } = record;
  const reserved = { promptTokens: 1, completionTokens: 1, promptMicroUsd: 0, completionMicroUsd: 0 };
  const intent = {
    id,
    requestId,
    keyId,
    owner,
    model,
    reserved,
    tags: {},
    budgets: [],
    createdAtMs: Date.now(),
  };
  expect((await app.ledger.ledger.admit({ scopes: [], intent })).type).toBe('admitted');
}

it('a completion that another process runs is stopped there, before the store is asked', async () => {
  const group = createMemoryPeers(60_000);
  const [one, other] = [await start(group.join()), await start(group.join())];
  one.ledger.store.records = () => Promise.reject(new Error('the store is away'));
  const response = await other.complete('endless', { stream: true });
  const id = await other.running();
  expect(await answerOf(await one.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
  expect(await response.text()).toContain('completion_cancelled');
  expect(await other.record(id)).toMatchObject({ status: 'cancelled' });
});

it('a completion that another process runs for another key is unknown, and goes on', async () => {
  const group = createMemoryPeers(60_000);
  const [one, other] = [await start(group.join()), await start(group.join())];
  void other.complete('endless', { stream: true });
  const id = await other.running();
  const foreign = await answerOf(await one.cancel(id, one.otherKey));
  expect(foreign).toMatchObject([404, { error: { code: 'completion_not_found' } }]);
  expect(await answerOf(await one.cancel('chatcmpl-unknown', one.otherKey))).toEqual(foreign);
  expect(other.runs.size).toBe(1);
  expect(await answerOf(await one.adminCancel(id))).toEqual([200, { id, status: 'cancelled' }]);
});

it('an open record without a process that runs it: 503, for its own key only', async () => {
  const app = await start();
  await leftOpen(app, 'left-open');
  const response = await app.cancel('left-open');
  expect(Number(response.headers.get('retry-after-ms'))).toBeGreaterThan(0);
  expect(await answerOf(response)).toMatchObject([503, { error: { code: 'storage_unavailable' } }]);
  expect((await app.adminCancel('left-open')).status).toBe(503);
  expect((await app.cancel('left-open', app.otherKey)).status).toBe(404);
});

it('a record that is settled a moment after its run has ended elsewhere is waited for', async () => {
  const app = await start();
  await leftOpen(app, 'just-ended');
  const { store } = app.ledger;
  const { records } = store;
  let looks = 0;
  store.records = async (query) => {
    looks += 1;
    const page = await records.call(store, query);
    return looks < 3
      ? page
      : { ...page, data: page.data.map((one) => ({ ...one, status: 'completed' as const })) };
  };
  expect(await answerOf(await app.cancel('just-ended'))).toEqual([
    200,
    { id: 'just-ended', status: 'completed' },
  ]);
  expect(looks).toBe(3);
});

it('where the records cannot be read: 503, the same for a foreign and an unknown id; what runs here is cancelled all the same', async () => {
  const app = await start();
  const { store } = app.ledger;
  void app.complete('endless', { stream: true });
  const id = await app.running();
  store.records = () => Promise.reject(new Error('the store is away'));
  const foreign = await answerOf(await app.cancel(id, app.otherKey));
  expect(foreign).toMatchObject([503, { error: { code: 'storage_unavailable' } }]);
  expect(await answerOf(await app.cancel('chatcmpl-unknown', testKey))).toEqual(foreign);
  expect(await answerOf(await app.cancel(id))).toEqual([200, { id, status: 'cancelled' }]);
});

it('a peer that takes longer than a second for its answer is not asked again', async () => {
  let asked = 0;
  const app = await start({
    ...noPeers,
    async cancel() {
      asked += 1;
      return new Promise((resolve) => setTimeout(resolve, 1_100, undefined));
    },
  });
  await leftOpen(app, 'far-away');
  expect((await app.cancel('far-away')).status).toBe(503);
  expect(asked).toBe(1);
});
