// The same request, with its idempotency key, on several replicas.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  ownPostgres,
  withoutOwnPostgres,
  withoutPostgres,
  withoutRedis,
} from '../../packages/server/src/testing/services.ts';
import { partOf, roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { allRecords, makeKey } from '../ledger/administrator.ts';
import { type Received, readDropped } from '../resume/dropped-connection.ts';
import { codeOf, idOf } from '../resume/lab-client.ts';
import { readEvents } from '../resume/numbered-events.ts';
import { postChat } from '../resume/read-routes.ts';
import { untilLive } from '../support/live-streams.ts';
import { until } from '../support/until.ts';
import { bodyOf, type Drip, textOf } from './dripping-upstream.ts';
import { type ReplicatedService, type ServiceOptions, startReplicatedService } from './replicated-service.ts';
import { saidText } from './returning-client.ts';

const without = withoutPostgres ?? withoutRedis;

const atEnd: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const work of atEnd.splice(0).toReversed()) await work();
});

const start = (options?: ServiceOptions): Promise<ReplicatedService> =>
  startReplicatedService((work) => atEnd.push(work), options);

interface Repeated {
  readonly drip: Drip;
  readonly key: string;
  readonly stream: boolean;
  readonly apiKey: string;
}

function post(
  { port }: { readonly port: number },
  { drip, key, stream, apiKey }: Repeated,
): Promise<Received> {
  const kept = stream ? { 'Tailrace-Resumable': 'true' } : {};
  const bytes = postChat(apiKey, bodyOf(drip, { stream }), { 'Idempotency-Key': key, ...kept });
  return readDropped({ port, bytes, drop: undefined });
}

const bodyOfAnswer = ({ response }: Received): string => response?.body.toString('latin1') ?? '';
const isReplayed = ({ response }: Received): boolean => response?.header('idempotent-replayed') === 'true';
const textOfStream = (received: Received): string =>
  saidText(readEvents(bodyOfAnswer(received)).events.map(({ payload }) => payload));
const textOfJson = (received: Received): unknown =>
  (JSON.parse(bodyOfAnswer(received)) as { choices?: { message?: { content?: string } }[] }).choices?.[0]
    ?.message?.content;

describe.skipIf(without !== undefined)(
  `a repeated request${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    test('at the same moment on all replicas it runs once, and all have the same body; later ones too', {
      timeout: 120_000,
    }, async () => {
      const service = await start();
      const { apiKey } = service.replica(0);
      const count = roundsOf(200, 10);
      const ids: string[] = [];
      for (let number = 0; number < count; number += 1) {
        const drip = { name: `once ${number}`, pieces: 1 + (number % 5), everyMs: 15 };
        const asked = { drip, key: `key ${number}`, stream: number % 2 === 0, apiKey };
        const answers = await Promise.all(
          [0, 1, 2, 0, 1, 2].map((replica) => post(service.replica(replica), asked)),
        );
        const bodies = new Set(answers.map(bodyOfAnswer));
        expect([...new Set(answers.map(({ response }) => response?.status))]).toEqual([200]);
        expect(bodies.size).toBe(1);
        expect(new Set(answers.map(idOf)).size).toBe(1);
        expect(answers.filter((one) => !isReplayed(one))).toHaveLength(1);
        const [first] = answers as [Received];
        expect(asked.stream ? textOfStream(first) : textOfJson(first)).toBe(textOf(drip));
        // Replayed on each replica after the end.
        for (const replica of service.replicas()) {
          const again = await post(replica, asked);
          expect([again.response?.status, isReplayed(again), bodyOfAnswer(again)]).toEqual([
            ...[200, true, bodyOfAnswer(first)],
          ]);
          const other = await post(replica, { ...asked, drip: { ...drip, pieces: drip.pieces + 1 } });
          expect(codeOf(other)).toEqual([409, 'idempotency_key_reused']);
        }
        expect(service.upstream.asked(drip.name)).toBe(1);
        ids.push(idOf(first));
      }
      const records = await until('the records', 20_000, async () => {
        const rows = await allRecords(service.replica(1));
        return rows.length >= count && rows.every(({ status }) => status !== 'open') ? rows : undefined;
      });
      expect(records.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      expect(new Set(records.map(({ status }) => status))).toEqual(new Set(['completed']));
    });

    test('while one runs, another body is a conflict on each replica, and another API key is not concerned', async () => {
      const service = await start();
      const { apiKey } = service.replica(0);
      const drip = { name: 'running', pieces: 20, everyMs: 60 };
      const asked = { drip, key: 'shared', stream: true, apiKey };
      const running = post(service.replica(0), asked);
      await untilLive(service.replica(0), 1);
      const other = { ...asked, drip: { name: 'other', pieces: 1, everyMs: 1 } };
      for (const replica of service.replicas()) {
        expect(codeOf(await post(replica, other))).toEqual([409, 'idempotency_key_reused']);
        const { key } = await makeKey(replica, {});
        const foreign = await post(replica, { ...other, apiKey: key });
        expect([foreign.response?.status, isReplayed(foreign)]).toEqual([200, false]);
      }
      expect(service.upstream.asked('other')).toBe(3);
      expect(textOfStream(await running)).toBe(textOf(drip));
    });

    test('a request that has failed before output runs again under its key on another replica', async () => {
      const service = await start();
      const { apiKey } = service.replica(0);
      const asked = { drip: { name: 'later', pieces: 1, everyMs: 1 }, key: 'failed', stream: true, apiKey };
      const refused = { ...asked, apiKey: (await makeKey(service.replica(0), { max_streams: 1 })).key };
      const place = post(service.replica(0), {
        ...refused,
        key: 'place',
        drip: { name: 'place', pieces: 20, everyMs: 50 },
      });
      await untilLive(service.replica(0), 1);
      expect(codeOf(await post(service.replica(1), refused))).toEqual([429, 'rate_limit_exceeded']);
      await place;
      const again = await until('its place to be free', 20_000, async () => {
        const one = await post(service.replica(2), refused);
        return one.response?.status === 200 ? one : undefined;
      });
      expect([isReplayed(again), textOfStream(again)]).toEqual([false, textOf(asked.drip)]);
    });

    test.each(partOf([true, false], 1))(
      'a replica that is killed before any output does not keep its key: the request runs on another (stream: %s)',
      async (stream) => {
        const service = await start();
        const { apiKey } = service.replica(0);
        const drip = { name: 'silent', pieces: 3, everyMs: 10, silentMs: 3_000 };
        const asked = { drip, key: 'silent', stream, apiKey };
        const lost = post(service.replica(0), asked);
        await until(
          'the upstream to be asked',
          10_000,
          () => service.upstream.asked('silent') === 1 || undefined,
        );
        // Another client waits for the same answer elsewhere.
        const waiting = post(service.replica(1), asked);
        await sleep(500);
        const killedMs = performance.now();
        await service.replica(0).kill();
        expect((await lost).response?.complete).not.toBe(true);
        expect(codeOf(await waiting)[1]).toBe('upstream_cut');
        const runsAfterMs = Math.round(performance.now() - killedMs);
        const again = await post(service.replica(2), asked);
        expect([again.response?.status, isReplayed(again)]).toEqual([200, false]);
        expect(stream ? textOfStream(again) : textOfJson(again)).toBe(textOf(drip));
        expect(service.upstream.asked('silent')).toBe(2);
        console.log(JSON.stringify({ key_free_after_ms: runsAfterMs }));
      },
    );

    test.skipIf(withoutOwnPostgres !== undefined)(
      'a replica that is killed between the begin of a stream and its admission does not keep its key',
      async () => {
        const postgres = await ownPostgres((work) => atEnd.push(work));
        const service = await start({ databaseUrl: postgres.url });
        const budget = { tokens: 1_000_000, period: 'total' };
        const { key: apiKey } = await makeKey(service.replica(0), { budget });
        const drip = { name: 'never admitted', pieces: 3, everyMs: 10 };
        const asked = { drip, key: 'admission', stream: true, apiKey };
        // Every replica knows the key.
        for (const replica of service.replicas()) {
          const warm = { name: `warm ${replica.port}`, pieces: 1, everyMs: 1 };
          expect((await post(replica, { ...asked, drip: warm, key: warm.name })).response?.status).toBe(200);
        }
        postgres.freeze();
        let lost: Promise<Received>;
        try {
          lost = post(service.replica(0), asked);
          // Its begin takes a millisecond; its admission waits for the database.
          await sleep(300);
          await service.replica(0).kill();
        } finally {
          postgres.thaw();
        }
        expect((await lost).response).toBeUndefined();
        const killedMs = performance.now();
        const again = await until('the key to be free', 30_000, async () => {
          const one = await post(service.replica(1), asked);
          return one.response?.status === 200 ? one : undefined;
        });
        console.log(JSON.stringify({ key_free_after_ms: Math.round(performance.now() - killedMs) }));
        expect([isReplayed(again), textOfStream(again)]).toEqual([false, textOf(drip)]);
        expect(service.upstream.asked(drip.name)).toBe(1);
      },
    );
  },
);
