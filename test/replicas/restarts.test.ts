// Replicas that are restarted one after the other, as by a deployment, while clients read resumable streams.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { withoutPostgres, withoutRedis } from '../../packages/server/src/testing/services.ts';
import { roundsOf, seedOf } from '../../packages/server/src/testing/suite-part.ts';
import { createDice } from '../../packages/server/src/upstreams/testing/dice.ts';
import { allRecords } from '../ledger/administrator.ts';
import { readDropped } from '../resume/dropped-connection.ts';
import { durableRoutes } from '../resume/durable-routes.ts';
import { createLabClient, eventsOf } from '../resume/lab-client.ts';
import { readEvents } from '../resume/numbered-events.ts';
import { postChat, readRoutes } from '../resume/read-routes.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { untilLive } from '../support/live-streams.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ask } from '../wire/wire-client.ts';
import { bodyOf, type Drip, textOf } from './dripping-upstream.ts';
import { readToItsEnd } from './read-to-its-end.ts';
import { type ReplicatedService, startReplicatedService } from './replicated-service.ts';
import { type ReadStream, readReturning, saidText } from './returning-client.ts';

const without = withoutPostgres ?? withoutRedis;

const atEnd: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const work of atEnd.splice(0).toReversed()) await work();
});

const start = (config = {}): Promise<ReplicatedService> =>
  startReplicatedService((work) => atEnd.push(work), { config });

/** Streams that run at the same time. */
const width = roundsOf(500, 24);

/** Asks a replica to end; resolves when it has, with how long it was ready after that and how it ended. */
async function restart(service: ReplicatedService, number: number) {
  const leaving = service.replica(number);
  const ended = leaving.expectExit();
  const askedMs = performance.now();
  leaving.signal('SIGTERM');
  await until('the replica not to be ready', 20_000, async () =>
    (await ask(leaving, { path: '/readyz' })).status === 503 ? true : undefined,
  );
  const notReadyAfterMs = Math.round(performance.now() - askedMs);
  const exit = await ended;
  const drainedMs = Math.round(performance.now() - askedMs);
  await service.startAgain(number);
  return { notReadyAfterMs, drainedMs, exit };
}

describe.skipIf(without !== undefined)(
  `restarts of replicas${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    test('no stream is lost, doubled or charged twice while each replica is restarted in turn', {
      timeout: 600_000,
    }, async () => {
      const service = await start();
      const { balancer, upstream } = service;
      const { apiKey } = service.replica(0);
      const dice = createDice(seedOf());
      const drips: Drip[] = [];
      const read: ReadStream[] = [];
      let restarting = true;
      /** One client after the other, while replicas are restarted. */
      const worker = async (): Promise<void> => {
        while (restarting) {
          const number = drips.length + 1;
          const drip = { name: `s${number}`, pieces: 12 + dice.below(20), everyMs: 250 };
          drips.push(drip);
          const own = { drip, dice: createDice(number) };
          const one = await readReturning({
            ...own,
            port: balancer.port,
            apiKey,
            drops: 4,
            withinMs: 90_000,
          });
          read[number - 1] = one;
        }
      };
      const workers = Array.from({ length: width }, worker);
      await until('all streams to run', 60_000, () => (upstream.running() >= width ? true : undefined));
      const restarts = [];
      for (const number of [0, 1, 2]) restarts.push(await restart(service, number));
      restarting = false;
      await Promise.all(workers);

      const faults = read.flatMap((one, index) => [
        ...one.faults,
        ...(saidText(one.payloads) === textOf(drips[index] as Drip) && one.payloads.at(-1) === '[DONE]'
          ? []
          : [`${drips[index]?.name} has another text: ${one.payloads.slice(-2).join('\n')}`]),
        ...(upstream.asked(drips[index]?.name ?? '') === 1
          ? []
          : [`${drips[index]?.name} was generated ${upstream.asked(drips[index]?.name ?? '')} times`]),
      ]);
      expect(faults).toEqual([]);
      expect(read).toHaveLength(drips.length);
      expect(restarts.map(({ exit }) => exit)).toEqual([0, 1, 2].map(() => ({ code: 0, signal: null })));

      // Any replica has the same bytes for them, also for those of a replica that has ended.
      for (const [index, one] of read.slice(-20).entries()) {
        const client = createLabClient(service.replica(index % 3), 'none');
        const events = eventsOf(await client.events(one.id ?? '', 0));
        expect(events).toEqual(one.payloads.map((payload, at) => ({ number: at + 1, payload })));
      }
      const records = await until('all records', 30_000, async () => {
        const rows = await allRecords(service.replica(0));
        return rows.length >= read.length && rows.every(({ status }) => status !== 'open') ? rows : undefined;
      });
      expect(new Set(records.map(({ status }) => status))).toEqual(new Set(['completed']));
      expect(records.map(({ id }) => id).toSorted()).toEqual(read.map(({ id }) => id).toSorted());
      for (const { id, completion_tokens } of records) {
        const index = read.findIndex((one) => one.id === id);
        expect(completion_tokens).toBe(drips[index]?.pieces);
      }
      console.log(
        JSON.stringify({
          at_once: width,
          streams: read.length,
          lost_connections: read.reduce((sum, { lost }) => sum + lost, 0),
          refused: read.reduce((sum, one) => sum + (one.refused['draining'] ?? 0), 0),
          restarts: restarts.map(({ notReadyAfterMs, drainedMs }) => ({ notReadyAfterMs, drainedMs })),
        }),
      );
    });

    test('a stream that outlasts the drain ends on every replica in the same numbered error event', async () => {
      const service = await start({ timeouts: { drain: '1s' } });
      const { apiKey } = service.replica(0);
      for (const number of [0, 1, 2]) {
        const drip = { name: `endless ${number}`, pieces: 10_000, everyMs: 20 };
        const others = [1, 2].map((next) => service.replica((number + next) % 3));
        const body = bodyOf(drip);
        const key = { 'Idempotency-Key': drip.name, 'Tailrace-Resumable': 'true' };
        const post = (port: number) =>
          readDropped({ port, bytes: postChat(apiKey, body, key), drop: undefined });
        const first = post(service.replica(number).port);
        const [live] = await untilLive(service.replica(number), 1);
        const id = live?.id ?? '';
        const following = others.flatMap(({ port }) => [
          post(port),
          ...Array.from({ length: 10 }, () => readToItsEnd({ port, apiKey, id }, 0)),
          ...durableRoutes.map((route) => readToItsEnd({ port, apiKey, id }, 0, route)),
        ]);
        await sleep(500);
        const { exit } = await restart(service, number);
        const events = eventsOf(await first);
        const last = events.at(-1);
        expect(last?.number).toBe(events.length);
        expect(JSON.parse(last?.payload ?? '')).toMatchObject({ error: { code: 'draining' } });
        for (const one of await Promise.all(following)) {
          expect('events' in one ? one.events : eventsOf(one)).toEqual(events);
        }
        expect(exit).toEqual({ code: 0, signal: null });
        // A client that comes back has the same from the replica that was started again.
        const again = await readToItsEnd({ port: service.replica(number).port, apiKey, id }, 3);
        expect(again.events).toEqual(events.slice(3));
        expect(service.upstream.asked(drip.name)).toBe(1);
        const [record, ...more] = (await allRecords(others[0] as TestServer)).filter((row) => row.id === id);
        expect([record?.status, more]).toEqual(['cut', []]);
      }
    });

    test('readers on a draining replica of a stream that runs elsewhere lose their connection, and go on there', async () => {
      const service = await start({ timeouts: { drain: '2s' } });
      const { apiKey } = service.replica(0);
      const drip = { name: 'elsewhere', pieces: 10_000, everyMs: 20 };
      const kept = { 'Tailrace-Resumable': 'true', 'Idempotency-Key': drip.name };
      const bytes = postChat(apiKey, bodyOf(drip), kept);
      const own = readDropped({ port: service.replica(0).port, bytes, drop: undefined });
      const [live] = await untilLive(service.replica(0), 1);
      const id = live?.id ?? '';
      const { port } = service.replica(1);
      const known = { apiKey, body: bodyOf(drip), idempotencyKey: drip.name, id, after: 0 };
      const following = readRoutes
        .filter(({ name }) => !/catch-up|long-poll/.test(name))
        .flatMap(({ request, read }) => {
          const asked = request(known) ?? Buffer.alloc(0);
          // Over HTTP/1.0 a connection that is closed in order ends a whole body.
          const old = Buffer.from(asked.toString('latin1').replace(' HTTP/1.1', ' HTTP/1.0'), 'latin1');
          return [asked, old].map(async (one) => ({
            read: read ?? ((response: RawResponse) => readEvents(response.body.toString('latin1'))),
            received: await readDropped({ port, bytes: one, drop: undefined }),
          }));
        });
      await sleep(500);
      const { exit } = await restart(service, 1);
      expect(exit).toEqual({ code: 0, signal: null });
      const parts = await Promise.all(following);
      const path = `/v1/chat/completions/${id}/cancel`;
      const headers = { authorization: `Bearer ${apiKey}` };
      await fetch(service.replica(2).baseUrl + path, { method: 'POST', headers });
      const all = eventsOf(await own);
      expect(parts).toHaveLength(8);
      for (const { read, received } of parts) {
        expect(received.ended).toBe('reset');
        const had = received.response === undefined ? [] : read(received.response, 0).events;
        expect(had.length).toBeGreaterThan(10);
        const on = { port: service.replica(1).port, apiKey, id };
        expect([...had, ...(await readToItsEnd(on, had.length)).events]).toEqual(all);
      }
    });
  },
);
