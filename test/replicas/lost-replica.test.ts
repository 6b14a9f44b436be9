// A replica that is killed, or stands still, while others follow its streams.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withoutPostgres, withoutRedis } from '../../packages/server/src/testing/services.ts';
import { allRecords } from '../ledger/administrator.ts';
import { type Received, readDropped } from '../resume/dropped-connection.ts';
import { durableRoutes } from '../resume/durable-routes.ts';
import { codeOf, createLabClient, eventsOf, idOf } from '../resume/lab-client.ts';
import { type NumberedEvent, readEvents } from '../resume/numbered-events.ts';
import { postChat } from '../resume/read-routes.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { untilNoneLive } from '../support/live-streams.ts';
import { until } from '../support/until.ts';
import { bodyOf } from './dripping-upstream.ts';
import { type Followed, readToItsEnd } from './read-to-its-end.ts';
import { type ReplicatedService, startReplicatedService } from './replicated-service.ts';

const without = withoutPostgres ?? withoutRedis;

const atEnd: (() => Promise<void> | void)[] = [];
let service: ReplicatedService;
let apiKey: string;
beforeEach(async () => {
  if (without !== undefined) return;
  service = await startReplicatedService((work) => atEnd.push(work));
  apiKey = service.replica(0).apiKey;
});
afterEach(async () => {
  for (const work of atEnd.splice(0).toReversed()) await work();
});

/** An endless stream that runs on one replica, with its client. */
interface Running {
  readonly name: string;
  readonly id: string;
  readonly requestId: string;
  /** Resolves when the client's connection has ended. */
  readonly client: Promise<Received>;
}

const headersOf = (name: string) => ({ 'Idempotency-Key': name, 'Tailrace-Resumable': 'true' });

function post(replica: number, name: string, headers = {}, onHead?: (head: RawResponse) => void) {
  const bytes = postChat(apiKey, endless(name), { ...headersOf(name), ...headers });
  const sent = { port: service.replica(replica).port, bytes, drop: undefined };
  return readDropped(onHead === undefined ? sent : { ...sent, onHead });
}

function endless(name: string): string {
  return bodyOf({ name, pieces: 100_000, everyMs: 50 });
}

async function begin(replica: number, name: string): Promise<Running> {
  const head = Promise.withResolvers<RawResponse>();
  const client = post(replica, name, {}, head.resolve);
  const answered = await head.promise;
  return {
    ...{ name, client },
    id: answered.header('tailrace-completion-id') ?? '',
    requestId: answered.header('x-request-id') ?? '',
  };
}

const bodyless = { name: 'bodyless', pieces: 100_000, everyMs: 50 };

/** Readers of a stream on the other replicas, by each route. */
function followOn(others: readonly number[], { id, name }: Running): readonly Promise<Followed>[] {
  return others.flatMap((number) => {
    const on = { port: service.replica(number).port, apiKey, id };
    return [
      readToItsEnd(on, 0),
      ...durableRoutes.map((route) => readToItsEnd(on, 0, route)),
      post(number, name).then((received) => ({ events: eventsOf(received), endedMs: performance.now() })),
    ];
  });
}

/** The streams end on the others as those of a replica that is gone: once, for all readers, with one record each. */
async function expectCut(
  streams: readonly Running[],
  following: readonly (readonly Promise<Followed>[])[],
  sinceMs: number,
): Promise<{ readonly all: readonly (readonly NumberedEvent[])[]; readonly withinMs: number }> {
  const read = await Promise.all(following.map((readers) => Promise.all(readers)));
  const all = read.map(([first]) => first?.events ?? []);
  for (const [index, readers] of read.entries()) {
    const events = all[index] ?? [];
    expect(events.map(({ number }) => number)).toEqual(events.map((_, at) => at + 1));
    expect(JSON.parse(events.at(-1)?.payload ?? '')).toMatchObject({
      error: { code: 'upstream_cut', request_id: streams[index]?.requestId },
    });
    for (const one of readers) expect(one.events).toEqual(events);
  }
  const withinMs = Math.round(Math.max(...read.flat().map(({ endedMs }) => endedMs)) - sinceMs);
  // The contract says 10 s; a machine under test is busy.
  expect(withinMs).toBeLessThan(20_000);
  return { all, withinMs };
}

async function recordsOf(replica: number, streams: readonly Running[]) {
  const ids = streams.map(({ id }) => id);
  return await until('the records to be closed', 40_000, async () => {
    const rows = (await allRecords(service.replica(replica))).filter(({ id }) => ids.includes(id));
    return rows.length > 0 && rows.every(({ status }) => status !== 'open') ? rows : undefined;
  });
}

describe.skipIf(without !== undefined)(
  `a replica that is lost${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    test('one that is killed: its streams end in one and the same error event for all, and each has one record', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `killed ${index}`);
      const streams = await Promise.all(names.map((name) => begin(0, name)));
      // Nobody follows these when their replica dies.
      const alone = await Promise.all(['alone 1', 'alone 2'].map((name) => begin(0, name)));
      const following = streams.map((stream) => followOn([1, 2], stream));
      // Each has a follower, and the store has the progress.
      await sleep(2_000);
      const killedMs = performance.now();
      await service.replica(0).kill();
      const { all, withinMs } = await expectCut(streams, following, killedMs);
      const onOther = createLabClient(service.replica(1), 'none');
      for (const [index, { client, name, id }] of streams.entries()) {
        const events = all[index] ?? [];
        // Nothing that the client of the dead replica has is missing elsewhere.
        const had = readEvents((await client).response?.body.toString('latin1') ?? '').events;
        expect(had.length).toBeGreaterThan(0);
        expect(events.slice(0, had.length)).toEqual(had);
        const routes = [undefined, ...durableRoutes];
        for (const route of routes) {
          const on = { port: service.replica(2).port, apiKey, id };
          expect((await readToItsEnd(on, had.length, route)).events).toEqual(events.slice(had.length));
        }
        expect(eventsOf(await post(2, name, { 'Last-Event-ID': `${had.length}` }))).toEqual(
          events.slice(had.length),
        );
        // The same request again does not run anew, and a client that has everything gets nothing.
        const repeated = await post(1, name);
        expect([idOf(repeated), eventsOf(repeated)]).toEqual([id, events]);
        expect(codeOf(await onOther.events(id, events.length))[0]).toBe(204);
        expect(service.upstream.asked(name)).toBe(1);
      }
      for (const { id, requestId } of alone) {
        const { events } = await readToItsEnd({ port: service.replica(1).port, apiKey, id }, 0);
        expect(JSON.parse(events.at(-1)?.payload ?? '')).toMatchObject({
          error: { code: 'upstream_cut', request_id: requestId },
        });
      }
      const records = await recordsOf(1, [...streams, ...alone]);
      expect(records.map(({ status }) => status)).toEqual([...streams, ...alone].map(() => 'cut'));
      for (const { completion_tokens } of records) expect(completion_tokens).toBeGreaterThan(0);
      expect(service.upstream.running()).toBe(0);
      console.log(JSON.stringify({ killed: streams.length, last_follower_ended_after_ms: withinMs }));
    });

    test('one that stands still for 15 s: its runs end fenced, with the ending that the others have', async () => {
      const streams = await Promise.all(['still 1', 'still 2', 'still 3'].map((name) => begin(0, name)));
      const following = streams.map((stream) => followOn([1, 2], stream));
      // Two clients wait for one answer that does not stream.
      const asked = postChat(apiKey, bodyOf(bodyless, { stream: false }), { 'Idempotency-Key': 'bodyless' });
      const waiting = [0, 1].map((number) =>
        readDropped({ port: service.replica(number).port, bytes: asked, drop: undefined }),
      );
      await sleep(2_000);
      const frozen = service.replica(0);
      const frozenMs = performance.now();
      frozen.signal('SIGSTOP');
      const thawed = sleep(15_000).then(() => frozen.signal('SIGCONT'));
      const { all, withinMs } = await expectCut(streams, following, frozenMs);
      await thawed;
      for (const [index, { client, name, id }] of streams.entries()) {
        const own = await client;
        expect(own.ended).toBe('end');
        expect(eventsOf(own)).toEqual(all[index]);
        for (const number of [0, 1, 2]) {
          const on = { port: service.replica(number).port, apiKey, id };
          expect((await readToItsEnd(on, 0)).events).toEqual(all[index]);
          expect(eventsOf(await post(number, name))).toEqual(all[index]);
        }
        expect(service.upstream.asked(name)).toBe(1);
      }
      for (const one of await Promise.all(waiting)) expect(codeOf(one)).toEqual([502, 'upstream_cut']);
      expect(service.upstream.asked('bodyless')).toBe(1);
      await untilNoneLive(frozen);
      await until('the upstream to be left', 20_000, () =>
        service.upstream.running() === 0 ? true : undefined,
      );
      const records = await recordsOf(1, streams);
      expect(records.map(({ status }) => status)).toEqual(['cut', 'cut', 'cut']);
      console.log(JSON.stringify({ stopped: streams.length, last_follower_ended_after_ms: withinMs }));
      // It serves on.
      const next = await begin(0, 'next');
      const reader = readToItsEnd({ port: service.replica(1).port, apiKey, id: next.id }, 0);
      await createLabClient(frozen, 'none').events(next.id, 0, { how: 'close', afterBytes: 500, afterMs: 0 });
      await fetch(`${frozen.baseUrl}/v1/chat/completions/${next.id}/cancel`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}` },
      });
      expect((await reader).events.at(-1)?.payload).toContain('completion_cancelled');
    });
  },
);
