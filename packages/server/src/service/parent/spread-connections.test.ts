import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Spread, spreadConnections, type Taker } from './spread-connections.ts';

const address = { host: '127.0.0.1', port: 0, loopback: true };
let spread: Spread;
let clients: Socket[] = [];
afterEach(() => {
  spread.destroy();
  for (const client of clients) client.destroy();
  clients = [];
});

interface FakeWorker {
  readonly ids: number[];
  readonly taker: Taker;
}

/** A worker that takes over what it gets at once, or only when the test says so. */
function worker(takesAtOnce: boolean): FakeWorker {
  const ids: number[] = [];
  const taker = spread.add((id) => {
    ids.push(id);
    if (takesAtOnce) queueMicrotask(() => taker.heard({ took: [id], closed: 0 }));
  });
  return { ids, taker };
}

async function connectMany(port: number, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    clients.push(client);
    await once(client, 'connect');
  }
}

test('each connection goes to the worker with the fewest, and to each in turn where they have as many', async () => {
  spread = spreadConnections();
  const port = await spread.listen(address);
  const [one, two] = [worker(true), worker(true)];
  await connectMany(port, 10);
  await expect.poll(() => [one.ids.length, two.ids.length]).toEqual([5, 5]);
  one.taker.heard({ took: [], closed: 4 });
  await connectMany(port, 4);
  await expect.poll(() => [one.ids.length, two.ids.length]).toEqual([9, 5]);
});

test('connections wait for the first worker', async () => {
  spread = spreadConnections();
  const port = await spread.listen(address);
  await connectMany(port, 3);
  const late = worker(true);
  await expect.poll(() => late.ids.length).toBe(3);
});

test('a worker that is late has no more than eight on their way; what a dead one had not taken goes to another', async () => {
  spread = spreadConnections();
  const port = await spread.listen(address);
  const stuck = worker(false);
  await connectMany(port, 12);
  await expect.poll(() => stuck.ids.length).toBe(8);
  const other = worker(true);
  await expect.poll(() => other.ids.length).toBe(4);
  stuck.taker.gone();
  await expect.poll(() => other.ids.length).toBe(12);
});

test('a port that is taken is refused', async () => {
  spread = spreadConnections();
  const port = await spread.listen(address);
  const second = spreadConnections();
  await expect(second.listen({ ...address, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
