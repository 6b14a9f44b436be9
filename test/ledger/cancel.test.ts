// Cancelling on a replica other than the one that runs the completion: with Redis, while Redis is away, and after a kill.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ownRedis,
  postgresFor,
  withoutOwnRedis,
  withoutPostgres,
} from '../../packages/server/src/testing/services.ts';
import type { ServiceInstance } from '../../tools/services/instance.ts';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import { createScratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { allRecords, makeKey } from './administrator.ts';
import { storesServer } from './stores-server.ts';

const why = withoutPostgres ?? withoutOwnRedis;

const atEnd: (() => Promise<void> | void)[] = [];
let redis: ServiceInstance;
let one: TestServer;
let other: TestServer;
let foreignKey: string;
beforeAll(async () => {
  if (why !== undefined) return;
  const keep = (work: () => Promise<void>) => atEnd.push(work);
  const databaseUrl = await postgresFor(keep);
  redis = await ownRedis(keep);
  const start = async (): Promise<TestServer> => {
    const scratch = createScratch('replica');
    atEnd.push(() => scratch.remove());
    const options = storesServer(
      { databaseUrl, redisUrl: redis.url },
      { limits: { on_store_failure: 'share' } },
    );
    const server = await startServer({ ...options, dataDir: scratch.path });
    atEnd.push(() => server.stop());
    return server;
  };
  [one, other] = await Promise.all([start(), start()]);
  foreignKey = (await makeKey(one, {})).key;
});
afterAll(async () => {
  for (const work of atEnd.toReversed()) await work();
});

interface Cancelled {
  readonly status: number;
  readonly body: {
    readonly id?: string;
    readonly status?: string;
    readonly error?: { readonly code: string };
  };
  readonly tookMs: number;
}

async function cancel(server: TestServer, id: string, key = server.apiKey): Promise<Cancelled> {
  const beganMs = performance.now();
  const response = await fetch(`${server.baseUrl}/v1/chat/completions/${id}/cancel`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  const body = (await response.json()) as Cancelled['body'];
  return { status: response.status, body, tookMs: Math.round(performance.now() - beganMs) };
}

/** A completion that runs on a server, and what its client gets in the end. */
async function running(server: TestServer, stream: boolean) {
  const answer = fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lab/lasting', stream, messages: [{ role: 'user', content: 'Hi' }] }),
  }).then(async (response) => ({ status: response.status, text: await response.text() }));
  // It may end with its server.
  answer.catch(() => {});
  const [live] = await untilLive(server, 1);
  const id = live?.id ?? '';
  return { id, answer };
}

const statusesOf = async (server: TestServer, id: string): Promise<string[]> =>
  (await allRecords(server)).filter((record) => record.id === id).map(({ status }) => status);

describe.skipIf(why !== undefined)(`two replicas${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  test.each([true, false])('a completion is cancelled on the other replica (stream: %s)', async (stream) => {
    const { id, answer } = await running(other, stream);
    await until('its progress in the store', 20_000, async () => {
      const open = await allRecords(one, 'status=open');
      return open.some((record) => record.id === id) ? true : undefined;
    });
    expect(await cancel(one, id, foreignKey)).toMatchObject({
      status: 404,
      body: { error: { code: 'completion_not_found' } },
    });
    const cancelled = await cancel(one, id);
    console.log(JSON.stringify({ cancelled_elsewhere_within_ms: cancelled.tookMs, stream }));
    expect(cancelled).toMatchObject({ status: 200, body: { id, status: 'cancelled' } });
    const { status, text } = await answer;
    expect(status).toBe(stream ? 200 : 409);
    expect(text).toContain('"code":"completion_cancelled"');
    expect(text).not.toContain('[DONE]');
    await untilNoneLive(other);
    // A repetition, on either: from the record.
    for (const server of [one, other]) {
      expect(await cancel(server, id)).toMatchObject({ status: 200, body: { id, status: 'cancelled' } });
      expect(await statusesOf(server, id)).toEqual(['cancelled']);
    }
  });

  test('many are cancelled at once on both replicas: each ends once, as its record says', async () => {
    const streams = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const server = index % 2 === 0 ? one : other;
        const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            model: 'lab/long',
            stream: true,
            messages: [{ role: 'user', content: 'Hi' }],
          }),
        });
        const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
        const first = (await reader?.read())?.value ?? '';
        const id = /"id":"([^"]+)"/.exec(first)?.[1] ?? '';
        const answers = await Promise.all([one, other, one].map((asked) => cancel(asked, id)));
        let text = first;
        for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
          text += next.value;
        return { id, text, answers };
      }),
    );
    for (const { id, text, answers } of streams) {
      const [record] = await statusesOf(one, id);
      expect(text.endsWith('data: [DONE]\n\n')).toBe(record === 'completed');
      expect(answers.map(({ status, body }) => [status, body.status])).toEqual([
        [200, record],
        [200, record],
        [200, record],
      ]);
    }
  });

  test('while Redis is away only the replica that runs it can cancel it; the other says that it does not know', async () => {
    const { id, answer } = await running(other, true);
    await redis.kill();
    try {
      const refused = await cancel(one, id);
      console.log(JSON.stringify({ refused_without_redis_within_ms: refused.tookMs }));
      expect(refused).toMatchObject({ status: 503, body: { error: { code: 'storage_unavailable' } } });
      expect(await cancel(one, id, foreignKey)).toMatchObject({ status: 404 });
      expect(await cancel(other, id)).toMatchObject({ status: 200, body: { id, status: 'cancelled' } });
      expect((await answer).text).toContain('completion_cancelled');
      // What has ended is known from the record.
      await until('its record in the store', 20_000, async () =>
        (await cancel(one, id)).body.status === 'cancelled' ? true : undefined,
      );
    } finally {
      await redis.start();
    }
    const next = await running(other, true);
    await until('the replicas to reach each other again', 20_000, async () =>
      (await cancel(one, next.id)).status === 200 ? true : undefined,
    );
    expect((await next.answer).text).toContain('completion_cancelled');
  });

  // Last: it kills one of them.
  test('a completion of a replica that was killed is not known until its record is closed', async () => {
    const { id } = await running(other, true);
    await until('its progress in the store', 20_000, async () => {
      const open = await allRecords(one, 'status=open');
      return open.some((record) => record.id === id && record.completion_tokens > 0) ? true : undefined;
    });
    await other.kill();
    const refused = await cancel(one, id);
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'storage_unavailable' } } });
    const known = await until('its record to be closed', 40_000, async () => {
      const cancelled = await cancel(one, id);
      return cancelled.status === 200 ? cancelled : undefined;
    });
    expect(known.body).toEqual({ id, status: 'cut' });
  });
});
