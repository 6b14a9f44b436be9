// A replica that dies while readers on the others follow its streams.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  postgresFor,
  redisFor,
  withoutPostgres,
  withoutRedis,
} from '../../packages/server/src/testing/services.ts';
import { allRecords } from '../ledger/administrator.ts';
import { labFiles, labModels, labUpstreams } from '../support/lab.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { codeOf, createLabClient, dropAfter, eventsOf, idOf } from './lab-client.ts';
import { startSetting } from './settings.ts';

const without = withoutPostgres ?? withoutRedis;
const atEnd: (() => Promise<void>)[] = [];
let servers: readonly TestServer[] = [];
beforeAll(async () => {
  if (without !== undefined) return;
  const setting = {
    ...{ name: 'two replicas that live and one that dies', replicas: 3, without },
    stores: async (end: Parameters<typeof redisFor>[0]) => ({
      TAILRACE_DATABASE_URL: await postgresFor(end),
      TAILRACE_REDIS_URL: await redisFor(end),
    }),
  };
  const options = { upstreams: labUpstreams, models: labModels, files: labFiles };
  servers = await startSetting(setting, options, (work) => atEnd.push(work));
});
afterAll(async () => {
  for (const work of atEnd.toReversed()) await work();
});

describe.skipIf(without !== undefined)(
  `a replica that is killed${without === undefined ? '' : ` (skipped: ${without})`}`,
  () => {
    const streams = 20;

    test('ends its streams in one and the same error event for all readers, and each has one record', async () => {
      const [dying, ...living] = servers;
      const [one, other] = living;
      if (dying === undefined || one === undefined || other === undefined) throw new Error('three replicas');
      const clients = [dying, one, other].map((server) => createLabClient(server, 'endless'));
      const [writing, here, there] = clients;
      if (writing === undefined || here === undefined || there === undefined)
        throw new Error('three clients');
      const keys = Array.from({ length: streams }, (_, index) => ({ 'Idempotency-Key': `dying ${index}` }));
      const begun = await Promise.all(keys.map((key) => writing.post(key, dropAfter(2_000))));
      const ids = begun.map(idOf);
      const had = begun.map((cut) => eventsOf(cut).length);
      const following = ids.map((id, index) => [
        here.events(id, 0),
        there.events(id, had[index] ?? 0),
        there.post({ ...keys[index], 'Last-Event-ID': '1' }),
      ]);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await dying.kill();
      for (const [index, readers] of (
        await Promise.all(following.map((all) => Promise.all(all)))
      ).entries()) {
        const [all, tail, again] = readers.map(eventsOf);
        const last = all?.at(-1);
        expect(last?.number).toBe(all?.length);
        expect(JSON.parse(last?.payload ?? '')).toMatchObject({ error: { code: 'upstream_cut' } });
        expect(tail).toEqual(all?.slice(had[index]));
        expect(again).toEqual(all?.slice(1));
        // One that comes later has the same, from each replica, and the same request again does not run anew.
        expect(eventsOf(await here.events(ids[index] ?? '', 2))).toEqual(all?.slice(2));
        const repeated = await there.post(keys[index]);
        expect([eventsOf(repeated), idOf(repeated)]).toEqual([all, ids[index]]);
        expect(codeOf(await there.events(ids[index] ?? '', last?.number ?? 0))[0]).toBe(204);
      }
      const records = await until('the records of the killed replica', 40_000, async () => {
        const rows = await allRecords(one);
        return rows.every(({ status }) => status !== 'open') ? rows : undefined;
      });
      expect(records.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      for (const { status, completion_tokens } of records) {
        expect(status).toBe('cut');
        expect(completion_tokens).toBeGreaterThan(0);
      }
    });
  },
);
