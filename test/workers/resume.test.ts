// Resumable streams of a service of several workers: each connection may meet another one.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { allRecords } from '../ledger/administrator.ts';
import { codeOf, createLabClient, dropAfter, eventsOf, idOf } from '../resume/lab-client.ts';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { labServer } from '../wire/wire-client.ts';
import { untilWorkers } from './running-workers.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function started(): Promise<TestServer> {
  server = await startServer({ ...labServer(), flags: ['--workers', '3'] });
  return server;
}

test('a stream that is picked up again and again through any worker is that of an undisturbed reader', async () => {
  const running = await started();
  const client = createLabClient(running, 'steady');
  const keyed = { 'Idempotency-Key': 'once' };
  const undisturbed = client.post(keyed);
  await untilLive(running, 1);
  const cut = await client.post(keyed, dropAfter(1_500));
  const had = eventsOf(cut);
  expect(had.length).toBeGreaterThan(0);
  const rests = await Promise.all([
    ...Array.from({ length: 6 }, () => client.events(idOf(cut), had.length)),
    client.post({ ...keyed, 'Last-Event-ID': `${had.length}` }),
  ]);
  const whole = eventsOf(await undisturbed);
  expect(whole.at(-1)?.payload).toBe('[DONE]');
  for (const rest of rests) expect([...had, ...eventsOf(rest)]).toEqual(whole);
  const late = await Promise.all(Array.from({ length: 6 }, () => client.events(idOf(cut), 0)));
  for (const one of late) expect(eventsOf(one)).toEqual(whole);
  expect(await allRecords(running)).toHaveLength(1);
});

test('equal requests at once through all workers begin one stream', async () => {
  const running = await started();
  const client = createLabClient(running, 'steady');
  const all = await Promise.all(
    Array.from({ length: 12 }, () => client.post({ 'Idempotency-Key': 'at once' })),
  );
  expect(new Set(all.map(idOf)).size).toBe(1);
  const [first] = all;
  if (first === undefined) throw new Error('there are twelve');
  for (const one of all) expect(eventsOf(one)).toEqual(eventsOf(first));
  expect(await allRecords(running)).toHaveLength(1);
});

test('when the worker of a stream is killed, its readers elsewhere get upstream_cut with the id of the request', async () => {
  const running = await started();
  const client = createLabClient(running, 'endless');
  // One of them runs it; nobody needs to know which.
  const own = client.post();
  const [live] = await untilLive(running, 1);
  const id = live?.id ?? '';
  const followers: ReturnType<typeof client.events>[] = [];
  const workers = await untilWorkers(running, 3);
  let isOver = false;
  void own.then(() => {
    isOver = true;
  });
  for (const victim of workers) {
    if (isOver) break;
    // Through every worker, also those that have taken the place of a killed one.
    followers.push(...Array.from({ length: 9 }, () => client.events(id, 0)));
    await sleep(300);
    process.kill(victim, 'SIGKILL');
    // Longer than the end of its own connection takes on a busy machine: else the workers of all followers would be killed too.
    await Promise.race([own, sleep(1_500)]);
  }
  // The connections of a worker that is killed are closed by the system, in the middle of an answer.
  const survivors = (await Promise.all(followers)).filter(({ response }) => response?.complete === true);
  expect(survivors.length).toBeGreaterThan(0);
  const [kept] = survivors;
  if (kept === undefined) throw new Error('none has survived');
  expect(codeOf(kept)).toEqual([200, 'upstream_cut']);
  const events = eventsOf(kept);
  expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1));
  const { request_id: requestId } = (
    JSON.parse(events.at(-1)?.payload ?? '{}') as { error: { request_id: string } }
  ).error;
  const [record] = await until('its record', 20_000, async () => {
    const rows = await allRecords(running);
    return rows.every(({ status }) => status === 'cut') ? rows : undefined;
  });
  expect(record).toMatchObject({ id, request_id: requestId });
  const late = await client.events(id, 0);
  expect(eventsOf(late)).toEqual(events);
});

test('a stream that has no reader through any worker is stopped after its grace', async () => {
  server = await startServer({
    ...labServer({ stream: { grace: '700ms' } }),
    flags: ['--workers', '2'],
  });
  const client = createLabClient(server, 'endless');
  const cut = await client.post({}, dropAfter(1_500));
  // A reader elsewhere keeps it alive longer than the grace.
  const second = await client.events(idOf(cut), 0, { how: 'reset', afterBytes: 30_000, afterMs: 0 });
  expect(eventsOf(second).length).toBeGreaterThan(eventsOf(cut).length);
  await untilNoneLive(server, 5_000);
  const [record] = await until('the record', 20_000, async () => {
    const rows = await allRecords(server as TestServer);
    return rows[0]?.status === 'open' ? undefined : rows;
  });
  expect(record?.status).toBe('abandoned');
});
