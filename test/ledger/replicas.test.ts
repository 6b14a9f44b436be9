// Three servers on one Redis and one PostgreSQL: together they admit what the limits allow, and not more.

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  postgresFor,
  redisFor,
  withoutPostgres,
  withoutRedis,
} from '../../packages/server/src/testing/services.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { administer, allRecords, type MadeKey, makeKey } from './administrator.ts';
import { askOnce, type Seen } from './load.ts';
import { storesServer } from './stores-server.ts';

const missing = withoutPostgres ?? withoutRedis;
const atEnd: (() => Promise<void>)[] = [];
let replicas: readonly TestServer[] = [];
const first = (): TestServer => {
  const [server] = replicas;
  if (server === undefined) throw new Error('no replica runs');
  return server;
};

beforeAll(async () => {
  if (missing !== undefined) return;
  const databaseUrl = await postgresFor((work) => atEnd.push(work));
  const redisUrl = await redisFor((work) => atEnd.push(work));
  // All at once: each brings the schema forward.
  const stores = storesServer({ databaseUrl, redisUrl });
  replicas = await Promise.all([startServer(stores), startServer(stores), startServer(stores)]);
});
afterAll(async () => {
  for (const server of replicas) await server.stop();
  for (const work of atEnd) await work();
});

/** A key that every replica knows: a change arrives within a second. */
async function keyOfAll(fields: Readonly<Record<string, unknown>>): Promise<MadeKey> {
  const made = await makeKey(first(), fields);
  await delay(1_500);
  return made;
}

describe.skipIf(missing !== undefined)(
  `three replicas${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    test('admit exactly 100 of 600 requests at once with a limit of 100 a minute', async () => {
      const { id, key } = await keyOfAll({ requests_per_minute: 100 });
      const beganMs = performance.now();
      const asking = Array.from({ length: 600 }, (_, at) => {
        const { baseUrl } = replicas[at % 3] ?? first();
        return askOnce({ baseUrl, key, model: 'lab/short', stream: at % 2 === 0 });
      });
      const answers = await Promise.all(asking);
      const lastDecisionMs = Math.max(...answers.map(({ headMs }) => headMs));
      const byStatus = Map.groupBy(answers, ({ status }) => status);
      const passed = byStatus.get(200)?.length ?? 0;
      console.log(JSON.stringify({ passed, of: 600, ms: Math.round(performance.now() - beganMs) }));
      // The limit fills up again by one each 600 ms, while the last ones wait for their turn.
      expect(passed).toBeGreaterThanOrEqual(100);
      expect(passed).toBeLessThanOrEqual(100 + Math.floor(lastDecisionMs / 600));
      expect(byStatus.get(429)?.length).toBe(600 - passed);
      await until('a record of each', 10_000, async () => {
        const rows = await allRecords(first(), `key_id=${id}`);
        return rows.length === passed && rows.every(({ status }) => status === 'completed')
          ? true
          : undefined;
      });
    });

    test('admit exactly the allowed number of streams, and those of a killed one are free after 10 s', async () => {
      const { id, key } = await keyOfAll({ max_streams: 9 });
      const leaving = new AbortController();
      const asked = { key, model: 'lab/lasting', stream: true, leaving: leaving.signal };
      const ended: Seen[] = [];
      const open = (server: TestServer): Promise<void> =>
        askOnce({ ...asked, baseUrl: server.baseUrl }).then((one) => void ended.push(one));
      const asking = Array.from({ length: 30 }, (_, at) => open(replicas[at % 3] ?? first()));
      await until('21 refusals', 20_000, () => (ended.length >= 21 ? true : undefined));
      await delay(500);
      expect(ended.map(({ status }) => status)).toEqual(Array.from({ length: 21 }, () => 429));

      const [dies] = replicas.slice(2);
      if (dies === undefined) throw new Error('no third replica');
      const { data } = (await administer(dies, 'streams')) as { readonly data: readonly unknown[] };
      const killedAtMs = performance.now();
      await dies.kill();
      // One place is enough to see it; then the next ones.
      const short = { key, model: 'lab/short', stream: false, baseUrl: first().baseUrl };
      if (data.length > 0) {
        const freeAfterMs = await until('a place of the killed replica', 20_000, async () =>
          (await askOnce(short)).whole ? performance.now() - killedAtMs : undefined,
        );
        console.log(
          JSON.stringify({ streams_of_the_killed: data.length, free_after_ms: Math.round(freeAfterMs) }),
        );
        expect(freeAfterMs).toBeGreaterThan(7_500);
        expect(freeAfterMs).toBeLessThan(15_000);
      }
      const again = Array.from({ length: data.length + 5 }, () => open(first()));
      await until('five refusals', 20_000, () => (ended.length >= 21 + data.length + 5 ? true : undefined));
      await delay(300);
      expect(ended.filter(({ status }) => status === 429)).toHaveLength(26);
      await until('the records of the killed replica', 20_000, async () => {
        const rows = await allRecords(first(), `key_id=${id}&status=cut`);
        return rows.length === data.length ? true : undefined;
      });
      leaving.abort();
      await Promise.all([...asking, ...again]);
    });
  },
);
