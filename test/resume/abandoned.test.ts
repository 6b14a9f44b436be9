// Readers of resumable streams that never come back.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { createDice } from '../../packages/server/src/upstreams/testing/dice.ts';
import { allRecords } from '../ledger/administrator.ts';
import { inParallel } from '../support/in-parallel.ts';
import { liveStreams, untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createMemoryProbe, type MemoryProbe } from '../support/server-memory.ts';
import { until } from '../support/until.ts';
import { labServer } from '../wire/wire-client.ts';
import type { Drop } from './dropped-connection.ts';
import { codeOf, createLabClient, dropAfter, eventsOf, idOf } from './lab-client.ts';

let server: TestServer;
let probe: MemoryProbe;
beforeAll(async () => {
  probe = createMemoryProbe();
  const stream = { grace: '500ms', retention: '2s' };
  server = await startServer({ ...labServer({ stream }), env: probe.env });
});
afterAll(async () => {
  await server?.stop();
  probe?.close();
});

const goneAfterMs = 500 + 2_000;
const recordsOf = async (id: string) => (await allRecords(server)).filter((one) => one.id === id);

test('a stream without a reader is stopped after the grace time, settled, and gone after its retention', async () => {
  const client = createLabClient(server, 'endless');
  const cut = await client.post({}, dropAfter(2_000));
  const id = idOf(cut);
  expect(await liveStreams(server)).toHaveLength(1);
  await untilNoneLive(server);
  const [record, ...more] = await until('the record', 20_000, async () => {
    const rows = await recordsOf(id);
    return rows[0]?.status === 'open' ? undefined : rows;
  });
  expect([record?.status, more]).toEqual(['abandoned', []]);
  const kept = await client.events(id, 0);
  const events = eventsOf(kept);
  expect(codeOf(kept)).toEqual([200, 'completion_cancelled']);
  expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1));
  // What the client had is the beginning of what is kept, and what it cost counts all of it.
  expect(events.slice(0, eventsOf(cut).length)).toEqual(eventsOf(cut));
  expect(record?.completion_tokens).toBeGreaterThan(0);
  expect((await client.events(id, events.length)).response?.status).toBe(204);
  await until('the stream to be gone', 20_000, async () =>
    codeOf(await client.events(id, 0))[0] === 404 ? true : undefined,
  );
});

test('a reader that comes back within the grace time, again and again, keeps the stream alive', async () => {
  const client = createLabClient(server, 'steady');
  let had = eventsOf(await client.post({}, dropAfter(1_200))).length;
  const [live] = await liveStreams(server);
  for (let round = 0; round < 12 && had < 20; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    // Too few bytes for an event at times: then no new number arrives.
    had += eventsOf(await client.events(live?.id ?? '', had, dropAfter(900))).length;
  }
  const rest = eventsOf(await client.events(live?.id ?? '', had));
  expect(rest.at(-1)?.payload).toBe('[DONE]');
  expect(rest[0]?.number).toBe(had + 1);
});

test('short resumable streams leave nothing behind, whether they are read or not', {
  timeout: 1_200_000,
}, async () => {
  const client = createLabClient(server, 'plain');
  const dice = createDice(1);
  const play = async (count: number): Promise<void> => {
    const drops = Array.from({ length: count }, () =>
      dice.chance(0.5) ? dropOf(dice.below(2_500)) : undefined,
    );
    await inParallel(drops, 64, (drop) => client.post({}, drop));
    await untilNoneLive(server, 20_000);
    await new Promise((resolve) => setTimeout(resolve, goneAfterMs + 500));
  };
  await play(1_000);
  const before = await probe.held();
  const count = roundsOf(100_000, 2_000);
  await play(count);
  const after = await probe.held();
  const grown = after.heldBytes - before.heldBytes;
  process.stdout.write(
    `\n${JSON.stringify({ streams: count, heldBefore: before.heldBytes, grown, perStream: grown / count })}\n`,
  );
  // An array or a table may have doubled. One stream that is kept, without its events, has over a kilobyte.
  expect(grown).toBeLessThan(2 * 1024 ** 2);
  expect(after.resources['Timeout'] ?? 0).toBeLessThanOrEqual((before.resources['Timeout'] ?? 0) + 2);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 8);
});

function dropOf(afterBytes: number): Drop {
  return { how: 'reset', afterBytes, afterMs: 2 };
}
