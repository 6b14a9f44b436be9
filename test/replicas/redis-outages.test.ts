// A Redis that is restarted, stands still, loses everything or fails at times while replicas write and read streams.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  commandRedis,
  ownRedis,
  withoutOwnRedis,
  withoutPostgres,
} from '../../packages/server/src/testing/services.ts';
import { partOf, roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import type { ServiceInstance } from '../../tools/services/instance.ts';
import { allRecords } from '../ledger/administrator.ts';
import { type Drop, type Received, readDropped } from '../resume/dropped-connection.ts';
import { codeOf, createLabClient, idOf } from '../resume/lab-client.ts';
import { readEvents } from '../resume/numbered-events.ts';
import { postChat } from '../resume/read-routes.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { createMemoryProbe, type MemoryProbe } from '../support/server-memory.ts';
import { until } from '../support/until.ts';
import { bodyOf, type Drip, textOf } from './dripping-upstream.ts';
import { readToItsEnd } from './read-to-its-end.ts';
import { type ReplicatedService, startReplicatedService } from './replicated-service.ts';
import { saidText } from './returning-client.ts';

const without = withoutPostgres ?? withoutOwnRedis;

const atEnd: (() => Promise<void> | void)[] = [];
let service: ReplicatedService;
let redis: ServiceInstance;
let proxy: FaultProxy;
const probes: MemoryProbe[] = [];
let apiKey: string;
beforeAll(async () => {
  if (without !== undefined) return;
  const keep = (work: () => Promise<void> | void) => atEnd.push(work);
  redis = await ownRedis(keep);
  proxy = await startFaultProxy(redis.port);
  keep(() => proxy.close());
  keep(() => {
    for (const probe of probes) probe.close();
  });
  service = await startReplicatedService(keep, {
    redisUrl: `redis://127.0.0.1:${proxy.port}`,
    env(number) {
      // A socket of its own for each start.
      probes[number]?.close();
      const probe = createMemoryProbe();
      probes[number] = probe;
      return probe.env;
    },
    config: {
      limits: { max_streams: 10_000, requests_per_minute: 1_000_000, on_store_failure: 'share', replicas: 3 },
      stream: { retention: '60s', grace: '2s' },
    },
  });
  apiKey = service.replica(0).apiKey;
});
afterAll(async () => {
  for (const work of atEnd.toReversed()) await work();
});

interface Outage {
  readonly name: string;
  /** Breaks Redis; resolves once it is whole again. `during` is called while it does not answer. */
  play(during: () => Promise<void>): Promise<void>;
  /** How long it lasts, without `during`. */
  readonly lastsMs: number;
  /** Whether streams may survive it. */
  readonly gentle?: boolean;
  /** Whether Redis has nothing any more after it. */
  readonly empties?: boolean;
}

const frozen = (lastsMs: number): Outage => ({
  name: `stands still for ${lastsMs / 1_000} s`,
  lastsMs,
  async play(during) {
    redis.freeze();
    try {
      await Promise.all([sleep(lastsMs), sleep(1_000).then(during)]);
    } finally {
      redis.thaw();
    }
  },
});

const failing = (every: number, how: 'reset' | 'torn'): Outage => ({
  name: `loses its connection with every ${every}th read or write (${how})`,
  lastsMs: 4_000,
  gentle: true,
  async play() {
    proxy.plan({ every, how, operations: ['read', 'write'] });
    await sleep(4_000);
    expect(proxy.counted().failed).toBeGreaterThan(0);
    proxy.plan(undefined);
  },
});

const outages: readonly Outage[] = [
  {
    name: 'is restarted empty',
    empties: true,
    lastsMs: 2_000,
    async play(during) {
      await redis.kill();
      await Promise.all([sleep(2_000), sleep(1_000).then(during)]);
      await redis.start();
    },
  },
  frozen(5_000),
  ...(roundsOf(1, 0) === 1 ? [frozen(30_000)] : []),
  {
    name: 'loses everything at once (FLUSHALL)',
    empties: true,
    lastsMs: 0,
    async play() {
      await commandRedis(redis.url, 'FLUSHALL');
      await sleep(1_000);
    },
  },
  {
    name: 'is full',
    lastsMs: 2_000,
    async play(during) {
      await commandRedis(redis.url, 'CONFIG', 'SET', 'maxmemory', '1');
      try {
        await Promise.all([sleep(2_000), sleep(1_000).then(during)]);
      } finally {
        await commandRedis(redis.url, 'CONFIG', 'SET', 'maxmemory', '0');
      }
    },
  },
  failing(50, 'reset'),
  ...(roundsOf(1, 0) === 1 ? [failing(7, 'reset'), failing(20, 'torn')] : []),
];

const kept = { 'Tailrace-Resumable': 'true' };
const width = roundsOf(60, 12);

/** A resumable stream, or an ordinary one, begun on one replica. */
function post(
  replica: number,
  drip: Drip,
  headers: Readonly<Record<string, string>>,
  drop?: Drop,
): Promise<Received> {
  const { port } = service.replica(replica);
  return readDropped({ port, bytes: postChat(apiKey, bodyOf(drip), headers), drop });
}

/** The payloads of a stream whose events lose their numbers with the journal. */
function payloadsOf({ response }: Received): readonly string[] {
  return [...(response?.body.toString('latin1') ?? '').matchAll(/^data: (.*)$/gm)].map(
    ([, data = '']) => data,
  );
}

/** While Redis is away: what needs it is refused on each replica, and nothing else. */
async function expectRefusals(name: string, ids: readonly string[]): Promise<void> {
  for (const number of [0, 1, 2]) {
    const short = { name: `${name} during ${number}`, pieces: 3, everyMs: 20 };
    const client = createLabClient(service.replica(number), 'none');
    const refused = [
      await post(number, short, kept),
      await post(number, short, { 'Idempotency-Key': short.name }),
      await client.events(ids[number] ?? '', 1),
      await client.events(ids[(number + 1) % 3] ?? '', 1),
    ];
    for (const one of refused) {
      expect(codeOf(one)).toEqual([503, 'storage_unavailable']);
      expect(Number(one.response?.header('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    const ordinary = await post(number, short, {});
    expect([ordinary.response?.status, saidText(payloadsOf(ordinary))]).toEqual([200, textOf(short)]);
    expect(service.upstream.asked(short.name)).toBe(1);
  }
}

/** Of the records of these completions, one each. */
async function statusesOf(ids: readonly string[]): Promise<readonly string[]> {
  let rows: Awaited<ReturnType<typeof allRecords>> = [];
  await until('the records', 20_000, async () => {
    rows = (await allRecords(service.replica(0))).filter(({ id }) => ids.includes(id));
    return (rows.length >= ids.length && rows.every(({ status }) => status !== 'open')) || undefined;
  }).catch((error: unknown) => {
    throw new Error(`${error}: ${JSON.stringify(rows)} of ${ids}`);
  });
  return rows.map(({ status }) => status);
}

/** New streams can be kept, and read on another replica, without a restart. */
async function untilItWorks(name: string): Promise<number> {
  const beganMs = performance.now();
  for (const number of [0, 1, 2]) {
    await until(`replica ${number} to keep streams again`, 20_000, async () => {
      const drip = { name: `${name} after ${number}`, pieces: 3, everyMs: 20 };
      const received = await post(number, drip, kept);
      const id = received.response?.header('tailrace-completion-id');
      const { events } = readEvents(received.response?.body.toString('latin1') ?? '');
      if (id === undefined || events.at(-1)?.payload !== '[DONE]') return undefined;
      const { port } = service.replica((number + 1) % 3);
      // The other one may not have noticed yet that Redis answers.
      const elsewhere = await readToItsEnd({ port, apiKey, id }, 0).catch(() => undefined);
      if (elsewhere === undefined) return undefined;
      expect(elsewhere.events).toEqual(events);
      return true;
    });
  }
  return Math.round(performance.now() - beganMs);
}

describe.skipIf(without !== undefined)(
  `a Redis that fails${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    test.each(partOf(outages, 2))(
      'while it $name: each stream reaches its own client whole, and replicas recover',
      {
        timeout: 180_000,
      },
      async ({ name, play, lastsMs, gentle, empties }) => {
        const before = await post(1, { name: `${name} before`, pieces: 3, everyMs: 10 }, kept);
        const drips = Array.from({ length: width }, (_, index) => ({
          ...{ name: `${name} ${index}`, pieces: 30 + Math.ceil(lastsMs / 100), everyMs: 100 },
        }));
        const ids = drips.map(() => '');
        const own = drips.map((drip, index) =>
          readDropped({
            port: service.replica(index % 3).port,
            bytes: postChat(apiKey, bodyOf(drip), kept),
            drop: undefined,
            onHead: (head) => {
              ids[index] = head.header('tailrace-completion-id') ?? '';
            },
          }),
        );
        await until('all heads', 20_000, () => (ids.every((id) => id !== '') ? true : undefined));
        const followers = ids.map((id, index) =>
          createLabClient(service.replica((index + 1) % 3), 'none').events(id, 0),
        );
        // Their clients leave while Redis is whole, and do not come back.
        const left = [0, 1, 2].map((number) => ({
          name: `${name} left ${number}`,
          pieces: 10_000,
          everyMs: 50,
        }));
        const leaving = await Promise.all(
          left.map((drip, number) =>
            until(`${drip.name} to begin`, 20_000, async () => {
              const one = await post(number, drip, kept, { how: 'close', afterBytes: 1_500, afterMs: 0 });
              // A busy machine holds Redis up at times: then a stream does not begin.
              return one.response?.status === 200 ? one : undefined;
            }),
          ),
        );
        await sleep(500);
        await play(() => expectRefusals(name, ids));
        const recoveredMs = await untilItWorks(name);

        let lost = 0;
        for (const [index, drip] of drips.entries()) {
          const received = await (own[index] as Promise<Received>);
          const payloads = payloadsOf(received);
          expect([received.ended, received.response?.complete]).toEqual(['end', true]);
          expect(saidText(payloads)).toBe(textOf(drip));
          expect(payloads.at(-1)).toBe('[DONE]');
          const { events: numbered } = readEvents(received.response?.body.toString('latin1') ?? '');
          expect(numbered).toEqual(numbered.map((_, at) => ({ number: at + 1, payload: payloads[at] })));
          expect(service.upstream.asked(drip.name)).toBe(1);
          const isLost = numbered.length < payloads.length;
          if (isLost) lost += 1;
          // A follower has the beginning, and hears why there is no more.
          const follower = await (followers[index] as Promise<Received>);
          const { events, rest } = readEvents(follower.response?.body.toString('latin1') ?? '');
          expect(events.map(({ payload }) => payload)).toEqual(payloads.slice(0, events.length));
          if (isLost) expect(codeOf(follower)[1] ?? rest).toContain('storage_unavailable');
          else expect([events.length, rest]).toEqual([payloads.length, '']);
          // Later readers on any replica get the whole stream or none of it.
          for (const number of [0, 1, 2]) {
            const later = await createLabClient(service.replica(number), 'none').events(ids[index] ?? '', 0);
            if (isLost) expect(codeOf(later)).toEqual([503, 'storage_unavailable']);
            else expect(payloadsOf(later)).toEqual(payloads);
          }
        }
        if (!gentle) expect(lost).toBe(width);
        // One that had ended before is as Redis has it.
        const again = await createLabClient(service.replica(2), 'none').events(idOf(before), 0);
        if (empties) expect(codeOf(again)).toEqual([404, 'completion_not_found']);
        else expect(payloadsOf(again)).toEqual(payloadsOf(before));
        expect(await statusesOf(ids)).toEqual(ids.map(() => 'completed'));
        // The grace time of those without a reader is over, whatever became of their journal.
        expect(await statusesOf(leaving.map(idOf))).toEqual(leaving.map(() => 'abandoned'));
        await until('the upstream to be left', 20_000, () => service.upstream.running() === 0 || undefined);
        console.log(JSON.stringify({ redis: name, streams: width, lost, recovered_after_ms: recoveredMs }));
      },
    );

    test('a replica can be restarted while Redis stands still', { timeout: 120_000 }, async () => {
      const long = { name: 'over a restart', pieces: 40, everyMs: 50 };
      const own = post(2, long, kept);
      await sleep(500);
      redis.freeze();
      try {
        const leaving = service.replica(2);
        const exit = leaving.expectExit();
        leaving.signal('SIGTERM');
        const received = await own;
        expect([saidText(payloadsOf(received)), payloadsOf(received).at(-1)]).toEqual([
          textOf(long),
          '[DONE]',
        ]);
        expect(await exit).toEqual({ code: 0, signal: null });
        await service.startAgain(2);
        const short = { name: 'started without Redis', pieces: 3, everyMs: 20 };
        const ordinary = await post(2, short, {});
        expect([ordinary.response?.status, saidText(payloadsOf(ordinary))]).toEqual([200, textOf(short)]);
        expect(codeOf(await post(2, short, kept))).toEqual([503, 'storage_unavailable']);
      } finally {
        redis.thaw();
      }
      await untilItWorks('after the restart');
    });

    test('outages leave nothing behind in the memory of the replicas', { timeout: 300_000 }, async () => {
      let streams = 0;
      const round = async (): Promise<void> => {
        const reading = Array.from({ length: 3 * 40 }, (_, index) => {
          streams += 1;
          return post(index % 3, { name: `round ${streams}`, pieces: 20, everyMs: 60 }, kept);
        });
        await sleep(400);
        await redis.kill();
        await sleep(500);
        await redis.start();
        const ended = await Promise.all(reading);
        // A busy machine holds Redis up at times: then a stream does not begin.
        const begun = ended.filter((one) => codeOf(one)[1] !== 'storage_unavailable');
        expect(new Set(begun.map((one) => payloadsOf(one).at(-1)))).toEqual(new Set(['[DONE]']));
        await untilItWorks(`round of ${streams}`);
      };
      const held = () => Promise.all(probes.map((probe) => probe.held()));
      for (let warm = 0; warm < 2; warm += 1) await round();
      // What has just ended is let go within some seconds.
      await sleep(12_000);
      const before = await held();
      const rounds = roundsOf(30, 3);
      for (let count = 0; count < rounds; count += 1) await round();
      const grown = await until('no replica to hold more than before', 30_000, async () => {
        const more = (await held()).map(({ heldBytes, descriptors }, number) => ({
          bytes: heldBytes - (before[number]?.heldBytes ?? 0),
          descriptors: descriptors - (before[number]?.descriptors ?? 0),
        }));
        const isEvery = more.every(({ bytes, descriptors }) => bytes < 2 * 1024 ** 2 && descriptors <= 8);
        return isEvery ? more : undefined;
      });
      console.log(JSON.stringify({ rounds, streams, grown }));
    });
  },
);
