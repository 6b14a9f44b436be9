// kill -9 at random moments under load: every answered request has one record, and no reservation is left.

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';
import { postgresFor, withoutPostgres } from '../../packages/server/src/testing/services.ts';
import { roundsOf, seedOf } from '../../packages/server/src/testing/suite-part.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { allRecords, type MadeKey, makeKey, ownUsage, type RecordRow } from './administrator.ts';
import { type Asked, askOnce, type Seen, startLoad } from './load.ts';
import { storesServer } from './stores-server.ts';

/** On each store. */
const kills = roundsOf(200, 4);
const seed = seedOf();
/**
 * What has happened so long before a kill has reached the thread of the ledger, and the store: settling and progress do not
 * wait for them. On two busy cores.
 */
const momentMs = 500;
const budgetTokens = 100_000_000;

const scratches: Scratch[] = [];
const servers: TestServer[] = [];
const atEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const scratch of scratches.splice(0)) scratch.remove();
});
afterAll(async () => {
  for (const work of atEnd) await work();
});

async function start(dataDir: string, databaseUrl: string | undefined): Promise<TestServer> {
  const server = await startServer({ ...storesServer({ databaseUrl }), dataDir });
  servers.push(server);
  return server;
}

interface Killed {
  readonly seen: readonly Seen[];
  readonly killedAtMs: readonly number[];
  /** Until the server listens: of the first start, and of those after a kill. */
  readonly firstStartMs: number;
  readonly startMs: readonly number[];
  readonly keys: readonly [MadeKey, MadeKey];
  readonly last: TestServer;
}

/** Kills and restarts the server `kills` times while clients ask it; the result's server lives. */
async function killUnderLoad(databaseUrl: string | undefined): Promise<Killed> {
  const scratch = createScratch('kill');
  scratches.push(scratch);
  const random = seededRandom(seed + 1000);
  const killedAtMs: number[] = [];
  const startMs: number[] = [];
  const firstBeganMs = performance.now();
  let server = await start(scratch.path, databaseUrl);
  const firstStartMs = performance.now() - firstBeganMs;
  const keys = [
    await makeKey(server, { name: 'bounded', budget: { tokens: budgetTokens, period: 'total' } }),
    await makeKey(server, { name: 'free', owner: 'second' }),
  ] as const;
  let living: string | undefined = server.baseUrl;
  const load = startLoad({
    clients: 16,
    seed,
    baseUrl: () => living,
    make: (chance) => requestOf(keys, chance),
  });
  for (let count = 0; count < kills; count += 1) {
    await delay(150 + random() * 900);
    // No request begins behind the time that is noted.
    living = undefined;
    killedAtMs.push(performance.now());
    await server.kill();
    await server.stop();
    const beganMs = performance.now();
    server = await start(scratch.path, databaseUrl);
    startMs.push(performance.now() - beganMs);
    living = server.baseUrl;
  }
  await delay(700);
  await load.stop();
  return { seen: load.seen, killedAtMs, firstStartMs, startMs, keys, last: server };
}

function requestOf(keys: Killed['keys'], random: () => number): Omit<Asked, 'baseUrl'> {
  const models = ['short', 'long', 'long', 'slow'];
  return {
    key: random() < 0.6 ? keys[0].key : keys[1].key,
    model: `lab/${models[Math.floor(random() * models.length)] ?? 'short'}`,
    stream: random() < 0.7,
    ...(random() < 0.1 ? { leavesAfterMs: 20 + random() * 200 } : {}),
  };
}

/** What is wrong with the record of an answer, in words. */
function faultOf(one: Seen, rows: readonly RecordRow[], killedAtMs: readonly number[]): string | undefined {
  const { id, whole, left, begunMs, firstOutputMs, lastByteMs } = one;
  if (rows.length !== 1) return `${rows.length} records of ${id}`;
  const status = rows[0]?.status ?? 'open';
  // The kill of the server that answered it. Its last bytes may be read after that: they were in the socket.
  const killedMs = killedAtMs.find((atMs) => atMs > begunMs) ?? Infinity;
  if (status === 'open') return `${id} is open`;
  if (whole)
    return killedMs - lastByteMs > momentMs && status !== 'completed' ? `whole ${id}: ${status}` : undefined;
  if (left) return undefined;
  const outputMs = firstOutputMs ?? Infinity;
  return killedMs - outputMs > momentMs && status !== 'cut' ? `torn ${id}: ${status}` : undefined;
}

function expectOneRecordEach({ seen, killedAtMs }: Killed, rows: readonly RecordRow[]): void {
  const byId = Map.groupBy(rows, ({ id }) => id);
  expect([...byId].filter(([, same]) => same.length > 1).map(([id]) => id)).toEqual([]);
  const answered = seen.filter(({ id }) => id !== undefined);
  const faults = answered.map((one) => faultOf(one, byId.get(one.id ?? '') ?? [], killedAtMs));
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
}

async function expectNothingReserved({ keys, last }: Killed, rows: readonly RecordRow[]): Promise<void> {
  const [bounded] = keys;
  const own = rows.filter(({ key_id }) => key_id === bounded.id);
  const tokens = own.reduce((sum, row) => sum + row.prompt_tokens + row.completion_tokens, 0);
  const usage = await ownUsage(last, bounded.key);
  expect(usage.budget).toMatchObject({ limit: budgetTokens, reserved: 0, spent: tokens });
  expect(usage).toMatchObject({ requests: own.length });
  const again = await askOnce({ baseUrl: last.baseUrl, key: bounded.key, model: 'lab/short', stream: false });
  expect(again.whole).toBe(true);
}

function report(
  store: string,
  { seen, firstStartMs, startMs, killedAtMs }: Killed,
  rows: readonly RecordRow[],
): void {
  const counts = Object.fromEntries(
    [...Map.groupBy(rows, ({ status }) => status)].map(([status, same]) => [status, same.length]),
  );
  const sorted = startMs.toSorted((a, b) => a - b).map(Math.round);
  const refused = Map.groupBy(
    seen.filter(({ status }) => status !== undefined && status !== 200),
    ({ status, code }) => `${status} ${code}`,
  );
  console.log(
    JSON.stringify({
      store,
      kills: killedAtMs.length,
      asked: seen.length,
      whole: seen.filter(({ whole }) => whole).length,
      records: counts,
      refused: Object.fromEntries([...refused].map(([what, some]) => [what, some.length])),
      start_ms: {
        first: Math.round(firstStartMs),
        median: sorted[Math.floor(sorted.length / 2)],
        worst: sorted.at(-1),
      },
    }),
  );
}

describe('kill -9 under load', () => {
  test('on SQLite, every answered request has one record, and nothing stays reserved', async () => {
    const killed = await killUnderLoad(undefined);
    const rows = await allRecords(killed.last);
    report('sqlite', killed, rows);
    expectOneRecordEach(killed, rows);
    await expectNothingReserved(killed, rows);
  });

  const title =
    withoutPostgres === undefined
      ? 'on PostgreSQL too, beside a living replica, whose requests stay open'
      : `on PostgreSQL (skipped: ${withoutPostgres})`;
  test.skipIf(withoutPostgres !== undefined)(title, async () => {
    const databaseUrl = await postgresFor((work) => atEnd.push(work));
    const scratch = createScratch('living');
    scratches.push(scratch);
    const beside = await start(scratch.path, databaseUrl);
    const leaving = new AbortController();
    const lasting = askOnce({
      baseUrl: beside.baseUrl,
      key: beside.apiKey,
      model: 'lab/lasting',
      stream: true,
      leaving: leaving.signal,
    });
    const killed = await killUnderLoad(databaseUrl);
    const open = await until('the records of killed processes to be closed', 25_000, async () => {
      const found = await allRecords(killed.last, 'status=open');
      return found.length <= 1 ? found : undefined;
    });
    expect(open.map(({ model }) => model)).toEqual(['lab/lasting']);
    leaving.abort();
    const seenBeside = await lasting;
    expect(seenBeside.id).toBe(open[0]?.id);
    await until('the record of the lasting stream', 20_000, async () =>
      (await allRecords(killed.last, 'status=open')).length === 0 ? true : undefined,
    );
    const rows = await allRecords(killed.last);
    report('postgresql', killed, rows);
    expectOneRecordEach(killed, rows);
    expect(rows.filter(({ id }) => id === seenBeside.id)).toMatchObject([{ status: 'abandoned' }]);
    await expectNothingReserved(killed, rows);
  });
});
