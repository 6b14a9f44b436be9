// Clients of resumable streams that lose their connections at random, and come back by every route.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partOf, roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { allRecords, type RecordRow } from '../ledger/administrator.ts';
import { inParallel } from '../support/in-parallel.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { messageFor, type PlannedUpstream, startPlannedUpstream } from './planned-upstream.ts';
import { readRoutes } from './read-routes.ts';
import { type PlayedCase, playCase } from './resumed-case.ts';
import { settings, startSetting } from './settings.ts';

/** The number of one stream that is to be played alone. */
const again = process.env['TAILRACE_RESUME'];
const all = Array.from({ length: 1_000 }, (_, index) => index + 1);
const played = again === undefined ? partOf(all, 60) : [Number(again)];
/** Streams that run at the same time; each has three readers or more. */
const width = 16;
const timeoutMs = roundsOf(1_800_000, 300_000);

const titled = settings.map((setting) => {
  const { name, without } = setting;
  return { ...setting, title: without === undefined ? name : `${name} (skipped: ${without})` };
});

describe.each(titled)('resumable streams $title', (setting) => {
  const atEnd: (() => Promise<void>)[] = [];
  let upstream: PlannedUpstream;
  let servers: readonly TestServer[] = [];
  beforeAll(async () => {
    if (setting.without !== undefined) return;
    upstream = await startPlannedUpstream();
    atEnd.push(() => upstream.close());
    const options = {
      upstreams: { lab: { kind: 'openai', base_url: upstream.baseUrl, api_key: 'none' } },
      models: { planned: { targets: [{ upstream: 'lab', model: 'm' }], price: { input: 3, output: 7 } } },
      // Comments stand between the events of streams that pause.
      config: { stream: { keepalive_after: '50ms', hold_head: '100ms', grace: '60s' } },
    };
    servers = await startSetting(setting, options, (work) => atEnd.push(work));
  });
  afterAll(async () => {
    for (const work of atEnd.toReversed()) await work();
  });

  test.skipIf(setting.without !== undefined)(
    'lose nothing, double nothing, and cost once, wherever their connections break',
    {
      timeout: timeoutMs,
    },
    async () => {
      const cases = await inParallel(played, width, (number) => playCase(number, servers));
      const records = await settledRecords(servers, 2 * played.length);
      const faults = cases.flatMap((one) =>
        [...one.faults, ...faultsOfRecords(one, records), ...faultsOfRuns(one, upstream)].map(
          (fault) => `TAILRACE_RESUME=${one.number} npm test -- resume/chaos\n  ${fault}`,
        ),
      );
      expect(faults).toEqual([]);
      expect(records).toHaveLength(2 * played.length);
      if (again === undefined) expectVariety(cases);
    },
  );
});

async function settledRecords([server]: readonly TestServer[], count: number): Promise<RecordRow[]> {
  if (server === undefined) throw new Error('a setting without a server');
  return await until('all records to be settled', 20_000, async () => {
    const rows = await allRecords(server);
    return rows.length >= count && rows.every(({ status }) => status !== 'open') ? rows : undefined;
  });
}

/** The stream that was resumed has one record, with the same figures as that of the ordinary stream. */
function faultsOfRecords(
  { plan, resumedId, ordinaryId }: PlayedCase,
  records: readonly RecordRow[],
): string[] {
  const [resumed, ...more] = records.filter(({ id }) => id === resumedId);
  const ordinary = records.find(({ id }) => id === ordinaryId);
  if (resumed === undefined || more.length > 0) return [`${more.length + 1} records of ${resumedId}`];
  const [one, other] = [resumed, ordinary].map((record) =>
    JSON.stringify([
      record?.status,
      record?.prompt_tokens,
      record?.completion_tokens,
      record?.cost_micro_usd,
    ]),
  );
  if (one !== other) return [`its record has ${one}, that of the ordinary stream ${other}`];
  const { usage } = plan;
  if (usage === undefined) return [];
  const { prompt, completion } = usage;
  const expected = JSON.stringify(['completed', prompt, completion, 3 * prompt + 7 * completion]);
  return one === expected ? [] : [`its record has ${one}, the upstream has said ${expected}`];
}

function faultsOfRuns({ number }: PlayedCase, upstream: PlannedUpstream): string[] {
  const runs = upstream.asked(messageFor(number, 'returned'));
  return runs === 1 ? [] : [`it was generated ${runs} times`];
}

/** Cases without drops, or without one of the routes, would prove little. */
function expectVariety(cases: readonly PlayedCase[]): void {
  const sum = (of: (one: PlayedCase) => number): number => cases.reduce((total, one) => total + of(one), 0);
  expect(sum(({ drops }) => drops)).toBeGreaterThan(played.length);
  expect(sum(({ comments }) => comments)).toBeGreaterThan(played.length / 2);
  for (const { name } of readRoutes) {
    expect(
      sum(({ resumed }) => resumed[name] ?? 0),
      name,
    ).toBeGreaterThan(played.length / 10);
  }
}
