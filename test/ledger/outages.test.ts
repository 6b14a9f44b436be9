// A store that is away: running streams do not notice it, new requests are admitted and recorded later, each once.

import { spawnSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  ownPostgres,
  ownRedis,
  withoutOwnPostgres,
  withoutOwnRedis,
} from '../../packages/server/src/testing/services.ts';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { type LivezWatch, watchLivez } from '../support/livez-watch.ts';
import { createLoopProbe, type LoopProbe } from '../support/loop-probe.ts';
import { createScratch } from '../support/scratch.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { allRecords, type MadeKey, makeKey } from './administrator.ts';
import { askAtOnce } from './at-once.ts';
import { askOnce, type Load, type Seen, startLoad } from './load.ts';
import { type Stores, storesServer } from './stores-server.ts';

const outageMs = roundsOf(60_000, 3_000);
/** Between two pieces of a stream that sends one each 100 ms. Loose: the cores are shared. */
const mostGapMs = 1_500;
/** The event loop of the server during an outage, at the 99th percentile: 20 ms. `npm test` also runs on busy machines. */
const mostLoopP99Ms = roundsOf(20, 250);

const atEnd: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const work of atEnd.splice(0).toReversed()) await work();
});

interface Running {
  readonly server: TestServer;
  readonly dataDir: string;
  readonly probe: LoopProbe;
  readonly livez: LivezWatch;
  readonly bounded: MadeKey;
  readonly free: MadeKey;
}

async function start(stores: Stores, config: ConfigTree = {}): Promise<Running> {
  const scratch = createScratch('outage');
  const probe = createLoopProbe();
  const given = storesServer(stores, config);
  const server = await startServer({ ...given, dataDir: scratch.path, env: { ...given.env, ...probe.env } });
  const livez = watchLivez(server.port);
  atEnd.push(
    () => scratch.remove(),
    () => probe.close(),
    () => server.stop(),
    () => livez.close(),
  );
  const bounded = await makeKey(server, { budget: { tokens: 100_000_000, period: 'total' } });
  const free = await makeKey(server, { owner: 'second', requests_per_minute: 100_000 });
  return { server, dataDir: scratch.path, probe, livez, bounded, free };
}

function loadOf({ server, free }: Running): Load {
  return startLoad({
    clients: 4,
    seed: 1,
    baseUrl: () => server.baseUrl,
    make: (random) => ({
      key: free.key,
      model: random() < 0.5 ? 'lab/short' : 'lab/long',
      stream: random() < 0.5,
    }),
  });
}

interface Outage {
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

/** Requests before, during and after an outage, and a stream that runs through all of it. */
async function passThrough(running: Running, what: string, outage: Outage): Promise<readonly Seen[]> {
  const { server, probe, livez, bounded, free } = running;
  const leaving = new AbortController();
  const { baseUrl } = server;
  const lasting = askOnce({
    baseUrl,
    key: free.key,
    model: 'lab/lasting',
    stream: true,
    leaving: leaving.signal,
  });
  const load = loadOf(running);
  await delay(500);
  await probe.read();
  await livez.look();
  const beganMs = performance.now();
  await outage.begin();
  // The first request that meets the outage waits for the store, at most a second.
  await until('a request that was admitted without the store', 20_000, () =>
    load.seen.some(({ whole, lastByteMs, headMs }) => whole && lastByteMs - headMs > beganMs)
      ? true
      : undefined,
  );
  await delay(1_500);
  const refused = await askOnce({ baseUrl, key: bounded.key, model: 'lab/short', stream: false });
  await delay(Math.max(0, outageMs - (performance.now() - beganMs)));
  const loop = await probe.read();
  await outage.end();
  const endedMs = performance.now();
  // By itself.
  const backMs = await until('a request with a budget to be admitted', 30_000, async () => {
    const one = await askOnce({ baseUrl, key: bounded.key, model: 'lab/short', stream: false });
    return one.whole ? performance.now() - endedMs : undefined;
  });
  leaving.abort();
  await load.stop();
  const stream = await lasting;
  const { longestMs, failed } = await livez.look();
  const during = load.seen.filter(({ lastByteMs }) => lastByteMs > beganMs && lastByteMs < endedMs);
  console.log(
    JSON.stringify({
      outage: what,
      during: during.length,
      whole: during.filter(({ whole }) => whole).length,
      longest_head_ms: Math.round(Math.max(...during.map(({ headMs }) => headMs))),
      longest_gap_ms: Math.round(stream.longestGapMs),
      livez_longest_ms: Math.round(longestMs),
      loop: {
        p99_ms: loop.p99Ms,
        max_ms: Math.round(loop.maxMs),
        resident_mib: Math.round(loop.residentMiB),
      },
      back_after_ms: Math.round(backMs),
    }),
  );
  expect(stream).toMatchObject({ status: 200, code: undefined, left: true });
  expect(stream.longestGapMs).toBeLessThan(mostGapMs);
  expect(loop.p99Ms).toBeLessThan(mostLoopP99Ms);
  expect(refused).toMatchObject({ status: 503, code: 'storage_unavailable' });
  expect(failed).toBe(0);
  return [...load.seen, stream];
}

/** All requests were answered whole, and each has one record. */
async function expectRecordedOnce(server: TestServer, seen: readonly Seen[]): Promise<void> {
  const rows = await until('all records to be stored', 20_000, async () => {
    const found = await allRecords(server);
    const ids = new Set(found.filter(({ status }) => status !== 'open').map(({ id }) => id));
    return seen.every(({ id }) => id === undefined || ids.has(id)) ? found : undefined;
  });
  expect(seen.filter(({ whole, left }) => !whole && !left)).toEqual([]);
  const byId = Map.groupBy(rows, ({ id }) => id);
  expect([...byId.values()].filter((same) => same.length > 1)).toEqual([]);
  const wrong = seen.filter(({ id, whole }) => whole && byId.get(id ?? '')?.[0]?.status !== 'completed');
  expect(wrong).toEqual([]);
}

/** SIGTERM while the store is away; then the store comes back, and the next server stores what has waited. */
async function expectDrained(running: Running, stores: Stores, outage: Outage): Promise<void> {
  const { server, dataDir } = running;
  const load = loadOf(running);
  await delay(300);
  await outage.begin();
  await delay(1_500);
  await load.stop();
  const beganMs = performance.now();
  const exit = server.expectExit();
  server.signal('SIGTERM');
  await until('the server to end', 30_000, async () =>
    Promise.race([exit.then(() => true), delay(5)]).then((done) => done ?? undefined),
  );
  console.log(JSON.stringify({ drained_in_ms: Math.round(performance.now() - beganMs) }));
  expect(await exit).toEqual({ code: 0, signal: null });
  await outage.end();
  const next = await startServer({ ...storesServer(stores), dataDir });
  atEnd.push(() => next.stop());
  await expectRecordedOnce(next, load.seen);
}

function lockOf(dataDir: string): Outage {
  const database = new DatabaseSync(`${dataDir}/tailrace.sqlite`, { timeout: 5_000 });
  onTestFinished(() => {
    if (database.isOpen) database.close();
  });
  return {
    begin: () => database.exec('BEGIN IMMEDIATE'),
    end: () => {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

describe('the SQLite database is locked by another process', () => {
  test('requests are recorded when it is free', async () => {
    const running = await start({});
    const seen = await passThrough(running, 'sqlite locked', lockOf(running.dataDir));
    await expectRecordedOnce(running.server, seen);
  });

  test('and SIGTERM ends the server, which loses nothing', async () => {
    const running = await start({});
    await expectDrained(running, {}, lockOf(running.dataDir));
  });
});

const withoutLimit = spawnSync('prlimit', ['--version']).status === 0 ? undefined : 'no prlimit here';

describe('the disk is full', () => {
  const title =
    withoutLimit ??
    'running streams end whole and are recorded; new requests are refused until there is room';
  test.skipIf(withoutLimit !== undefined)(title, async () => {
    const running = await start({});
    const { server, livez, free, probe } = running;
    const { baseUrl } = server;
    const fileSize = (soft: string): void => {
      const set = spawnSync('prlimit', ['--pid', String(server.pid), `--fsize=${soft}:unlimited`]);
      if (set.status !== 0) throw new Error(set.stderr.toString());
    };
    const asked = { baseUrl, key: free.key, stream: true };
    const before = Array.from({ length: 8 }, () => askOnce({ ...asked, model: 'lab/slow' }));
    await delay(400);
    await probe.read();
    // No file may grow: neither the database nor the spool.
    fileSize('1');
    const refused = await until('a request to be refused', 20_000, async () => {
      const one = await askOnce({ ...asked, model: 'lab/short' });
      return one.status === 200 ? undefined : one;
    });
    expect(refused).toMatchObject({ status: 503, code: 'storage_unavailable' });
    const seen = await Promise.all(before);
    const loop = await probe.read();
    const longestGapMs = Math.max(...seen.map((one) => one.longestGapMs));
    console.log(
      JSON.stringify({
        outage: 'disk full',
        longest_gap_ms: Math.round(longestGapMs),
        loop: { p99_ms: loop.p99Ms, max_ms: Math.round(loop.maxMs) },
      }),
    );
    expect(seen.map(({ whole }) => whole)).not.toContain(false);
    expect(longestGapMs).toBeLessThan(mostGapMs);
    expect(loop.p99Ms).toBeLessThan(mostLoopP99Ms);
    expect((await livez.look()).failed).toBe(0);
    fileSize('unlimited');
    await until('requests to be admitted again', 20_000, async () =>
      (await askOnce({ ...asked, model: 'lab/short' })).whole ? true : undefined,
    );
    await expectRecordedOnce(server, seen);
    expect(await allRecords(server, 'status=open')).toEqual([]);
  });
});

describe.skipIf(withoutOwnPostgres !== undefined)(`PostgreSQL is away${skipped(withoutOwnPostgres)}`, () => {
  test('frozen, and then gone: requests are recorded when it is back', async () => {
    const postgres = await ownPostgres(onTestFinished);
    const running = await start({ databaseUrl: postgres.url });
    const frozen = await passThrough(running, 'postgresql frozen', {
      begin: postgres.freeze,
      end: postgres.thaw,
    });
    await expectRecordedOnce(running.server, frozen);
    const gone = await passThrough(running, 'postgresql gone', { begin: postgres.kill, end: postgres.start });
    await expectRecordedOnce(running.server, gone);
  });

  test.each(['frozen', 'gone'] as const)('%s: SIGTERM ends the server, which loses nothing', async (how) => {
    const postgres = await ownPostgres(onTestFinished);
    const stores = { databaseUrl: postgres.url };
    const running = await start(stores);
    const outage =
      how === 'frozen'
        ? { begin: postgres.freeze, end: postgres.thaw }
        : { begin: postgres.kill, end: postgres.start };
    await expectDrained(running, stores, outage);
  });
});

describe.skipIf(withoutOwnRedis !== undefined)(`Redis is away${skipped(withoutOwnRedis)}`, () => {
  test.each(['frozen', 'gone'] as const)(
    '%s: deny refuses at once, running streams continue and keep their places',
    async (how) => {
      const redis = await ownRedis(onTestFinished);
      const { server, free, livez, probe } = await start({ redisUrl: redis.url });
      const { baseUrl } = server;
      const bounded = await makeKey(server, { max_streams: 2 });
      const leaving = new AbortController();
      const asked = { baseUrl, key: free.key, model: 'lab/short', stream: false };
      const last = {
        ...asked,
        key: bounded.key,
        model: 'lab/lasting',
        stream: true,
        leaving: leaving.signal,
      };
      const lasting = askOnce(last);
      await delay(500);
      await probe.read();
      const beganMs = performance.now();
      if (how === 'frozen') redis.freeze();
      else await redis.kill();
      const refused: Seen[] = [];
      for (let count = 0; count < 20; count += 1) refused.push(await askOnce(asked));
      await delay(Math.max(0, roundsOf(outageMs, 0) - (performance.now() - beganMs)));
      const loop = await probe.read();
      if (how === 'frozen') redis.thaw();
      else await redis.start();
      await until('requests to be admitted again', 20_000, async () =>
        (await askOnce(asked)).whole ? true : undefined,
      );
      // Also a Redis that is empty now knows of the stream: one place is left.
      const more = await askAtOnce({
        ports: [server.port],
        count: 4,
        key: bounded.key,
        body: { model: 'lab/lasting', stream: true },
      });
      for (const one of more.answers) one.leave();
      leaving.abort();
      const stream = await lasting;
      const heads = refused.map(({ headMs }) => headMs).toSorted((a, b) => a - b);
      console.log(
        JSON.stringify({
          redis: how,
          refused_in_ms: { first: refused[0]?.headMs, median: heads[10], worst: heads.at(-1) },
          loop: { p99_ms: loop.p99Ms, max_ms: Math.round(loop.maxMs) },
        }),
      );
      for (const one of refused) expect(one).toMatchObject({ status: 503, code: 'storage_unavailable' });
      // 50 ms, and what two busy cores add.
      expect(heads[10]).toBeLessThan(50);
      expect(stream).toMatchObject({ status: 200, code: undefined });
      expect(stream.longestGapMs).toBeLessThan(mostGapMs);
      expect(loop.p99Ms).toBeLessThan(mostLoopP99Ms);
      expect((await livez.look()).failed).toBe(0);
      expect(more.answers.map(({ status }) => status).toSorted()).toEqual([200, 429, 429, 429]);
      await expectRecordedOnce(server, [stream]);
    },
  );

  test('share: this replica admits its part of the limit, and no more', async () => {
    const redis = await ownRedis(onTestFinished);
    const running = await start(
      { redisUrl: redis.url },
      { limits: { on_store_failure: 'share', replicas: 2 } },
    );
    const { server } = running;
    const limited = await makeKey(server, { requests_per_minute: 20 });
    const asked = { baseUrl: server.baseUrl, key: limited.key, model: 'lab/short', stream: false };
    await redis.kill();
    const answers = await Promise.all(Array.from({ length: 30 }, () => askOnce(asked)));
    const byStatus = Map.groupBy(answers, ({ status }) => status);
    expect(byStatus.get(200)?.length).toBe(10);
    expect(byStatus.get(429)?.length).toBe(20);
    await redis.start();
  });
});

function skipped(why: string | undefined): string {
  return why === undefined ? '' : ` (skipped: ${why})`;
}
