// What a client does with a stream on a replica that does not run it: cancel, delete, read by its signed address, leave it alone.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withoutPostgres, withoutRedis } from '../../packages/server/src/testing/services.ts';
import { allRecords } from '../ledger/administrator.ts';
import { type Drop, type Received, readDropped } from '../resume/dropped-connection.ts';
import { durableRoutes } from '../resume/durable-routes.ts';
import { codeOf, eventsOf, idOf } from '../resume/lab-client.ts';
import { postChat, readRoutes } from '../resume/read-routes.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { liveStreams, untilLive, untilNoneLive } from '../support/live-streams.ts';
import { connect, requestBytes } from '../support/raw-connection.ts';
import { until } from '../support/until.ts';
import { bodyOf, textOf } from './dripping-upstream.ts';
import { readToItsEnd } from './read-to-its-end.ts';
import { type ReplicatedService, startReplicatedService } from './replicated-service.ts';
import { saidText } from './returning-client.ts';

const without = withoutPostgres ?? withoutRedis;

const atEnd: (() => Promise<void> | void)[] = [];
let service: ReplicatedService;
let apiKey: string;
beforeEach(async () => {
  if (without !== undefined) return;
  service = await startReplicatedService((work) => atEnd.push(work), {
    config: { stream: { grace: '2s' } },
  });
  apiKey = service.replica(0).apiKey;
});
afterEach(async () => {
  for (const work of atEnd.splice(0).toReversed()) await work();
});

const endless = { name: 'endless', pieces: 100_000, everyMs: 30 };
const short = { name: 'short', pieces: 10, everyMs: 30 };
const kept = { 'Tailrace-Resumable': 'true' };

/** Begins a stream on replica 0; resolves with its head. */
async function begin(drip = endless, drop?: Drop) {
  const head = Promise.withResolvers<RawResponse>();
  const client = readDropped({
    port: service.replica(0).port,
    bytes: postChat(apiKey, bodyOf(drip), kept),
    drop,
    onHead: head.resolve,
  });
  const answered = await head.promise;
  const id = answered.header('tailrace-completion-id') ?? '';
  return { client, id, url: new URL(answered.header('tailrace-stream-url') ?? '') };
}

const readers = (id: string) =>
  [1, 2].flatMap((number) => {
    const on = { port: service.replica(number).port, apiKey, id };
    return [readToItsEnd(on, 0), ...durableRoutes.map((route) => readToItsEnd(on, 0, route))];
  });

/** Reads a stream on a replica until the connection is dropped. */
function readOn(number: number, id: string, drop?: Drop): Promise<Received> {
  const [route] = readRoutes;
  const bytes = route?.request({ apiKey, id, after: 0, body: '', idempotencyKey: undefined });
  return readDropped({ port: service.replica(number).port, bytes: bytes ?? Buffer.alloc(0), drop });
}

/** `key`: undefined for a request that the signature of its address stands for. */
async function send(number: number, method: string, path: string, key: string | undefined = apiKey) {
  await using connection = await connect(service.replica(number).port, [method]);
  const headers = key === '' ? {} : { Authorization: `Bearer ${key}` };
  connection.send(requestBytes({ method, path, headers: { ...headers, 'Content-Length': '0' } }));
  return await connection.response();
}

async function statusesOf(id: string): Promise<string[]> {
  return await until('its record', 20_000, async () => {
    const rows = (await allRecords(service.replica(1))).filter((row) => row.id === id);
    return rows.length > 0 && rows.every(({ status }) => status !== 'open')
      ? rows.map(({ status }) => status)
      : undefined;
  });
}

const nothingRuns = () =>
  until('the upstream to be left', 20_000, () => (service.upstream.running() === 0 ? true : undefined));

/** The events of a stream that was cancelled, as its own client has them; all other readers must have the same. */
async function expectCancelled(
  client: Promise<Received>,
  others: readonly ReturnType<typeof readToItsEnd>[],
) {
  const events = eventsOf(await client);
  expect(events.at(-1)?.number).toBe(events.length);
  expect(JSON.parse(events.at(-1)?.payload ?? '')).toMatchObject({ error: { code: 'completion_cancelled' } });
  for (const one of await Promise.all(others)) expect(one.events).toEqual(events);
  return events;
}

describe.skipIf(without !== undefined)(
  `from a replica that does not run it${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    test('a stream is cancelled: its readers on all replicas get the same ending', async () => {
      const { client, id } = await begin();
      const following = readers(id);
      await sleep(1_000);
      const path = `/v1/chat/completions/${id}/cancel`;
      const askedMs = performance.now();
      const answer = await send(1, 'POST', path);
      const answeredMs = Math.round(performance.now() - askedMs);
      expect(JSON.parse(answer.body.toString())).toEqual({ id, status: 'cancelled' });
      await nothingRuns();
      const events = await expectCancelled(client, following);
      // Again, and by a reader that comes later, on each.
      for (const number of [0, 1, 2]) {
        expect((await send(number, 'POST', path)).status).toBe(200);
        const on = { port: service.replica(number).port, apiKey, id };
        expect((await readToItsEnd(on, 2)).events).toEqual(events.slice(2));
      }
      expect(await statusesOf(id)).toEqual(['cancelled']);
      console.log(JSON.stringify({ cancelled_elsewhere_within_ms: answeredMs }));
    });

    test('a stream that runs is deleted: it is cancelled and kept; one that has ended is gone everywhere', async () => {
      const { client, id } = await begin();
      const following = readers(id);
      await sleep(500);
      expect((await send(2, 'DELETE', `/v1/streams/${id}`)).status).toBe(204);
      await nothingRuns();
      const events = await expectCancelled(client, following);
      expect(await statusesOf(id)).toEqual(['cancelled']);
      const on = { port: service.replica(1).port, apiKey, id };
      expect((await readToItsEnd(on, 0)).events).toEqual(events);
      expect((await send(1, 'DELETE', `/v1/streams/${id}`)).status).toBe(204);
      for (const number of [0, 1, 2]) {
        expect((await send(number, 'GET', `/v1/streams/${id}?offset=-1`)).status).toBe(404);
        expect(codeOf(await readOn(number, id))).toEqual([404, 'completion_not_found']);
        expect((await send(number, 'DELETE', `/v1/streams/${id}`)).status).toBe(404);
      }
    });

    test('the signed address of a stream is good on each replica, for this stream only', async () => {
      const { client, id, url } = await begin(short);
      const whole = eventsOf(await client);
      expect(saidText(whole.map(({ payload }) => payload))).toBe(textOf(short));
      const running = await begin();
      for (const number of [0, 1, 2]) {
        const read = await send(number, 'GET', `${url.pathname}${url.search}&offset=-1`, '');
        expect(read.status).toBe(200);
        expect(read.header('stream-closed')).toBe('true');
        const messages = JSON.parse(read.body.toString()) as unknown[];
        expect(messages).toEqual(whole.slice(0, -1).map(({ payload }) => JSON.parse(payload)));
        const other = `/v1/streams/${running.id}${url.search}`;
        expect((await send(number, 'GET', `${other}&offset=-1`, '')).status).toBe(404);
        expect((await send(number, 'DELETE', other, '')).status).toBe(404);
        const wrong = url.search.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
        expect((await send(number, 'GET', `${url.pathname}${wrong}&offset=-1`, '')).status).toBe(404);
      }
      // It may cancel too, wherever it is sent.
      const { pathname, search } = running.url;
      expect((await send(2, 'DELETE', `${pathname}${search}`, '')).status).toBe(204);
      await expectCancelled(running.client, []);
      expect(await statusesOf(running.id)).toEqual(['cancelled']);
      expect(idOf(await client)).toBe(id);
    });

    test('a reader on another replica keeps a stream alive; it is stopped when the last one has left', async () => {
      const left: Drop = { how: 'close', afterBytes: 1_500, afterMs: 0 };
      const { client, id } = await begin(endless, left);
      // One reader after the other, each longer than the grace time.
      const readFor = async (number: number, ms: number): Promise<void> => {
        const [route] = readRoutes;
        await using connection = await connect(service.replica(number).port);
        const asked = { apiKey, id, after: 0, body: '', idempotencyKey: undefined };
        connection.send(route?.request(asked) ?? '');
        await sleep(ms);
        expect(connection.closed()).toBeUndefined();
      };
      await client;
      for (const number of [1, 2, 1]) {
        await readFor(number, 3_500);
        // And within the grace time between two of them.
        await sleep(500);
      }
      expect(await liveStreams(service.replica(0))).toHaveLength(1);
      await untilNoneLive(service.replica(0), 15_000);
      await nothingRuns();
      expect(await statusesOf(id)).toEqual(['abandoned']);
      const events = eventsOf(await readOn(2, id));
      expect(JSON.parse(events.at(-1)?.payload ?? '')).toMatchObject({
        error: { code: 'completion_cancelled' },
      });
      expect(service.upstream.asked(endless.name)).toBe(1);
    });

    test('readers on a replica that is killed count as gone after some seconds', async () => {
      const { client, id } = await begin(endless, { how: 'close', afterBytes: 1_500, afterMs: 0 });
      const following = readOn(2, id);
      await client;
      await sleep(3_000);
      await untilLive(service.replica(0), 1);
      const killedMs = performance.now();
      await service.replica(2).kill();
      await following;
      await untilNoneLive(service.replica(0), 30_000);
      console.log(JSON.stringify({ stopped_after_ms: Math.round(performance.now() - killedMs) }));
      expect(await statusesOf(id)).toEqual(['abandoned']);
    });
  },
);
