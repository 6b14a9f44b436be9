// Resumable streams when their server ends, in order and by a kill.

import { afterEach, describe, expect, test } from 'vitest';
import { allRecords } from '../ledger/administrator.ts';
import { untilLive } from '../support/live-streams.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ask, labServer } from '../wire/wire-client.ts';
import { codeOf, createLabClient, dropAfter, eventsOf, idOf } from './lab-client.ts';

let server: TestServer | undefined;
let scratch: Scratch | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
  scratch?.remove();
  scratch = undefined;
});

async function started(config = {}): Promise<TestServer> {
  server = await startServer(labServer(config));
  return server;
}

async function sigterm(running: TestServer): Promise<void> {
  running.signal('SIGTERM');
  await until('the server not to be ready', 20_000, async () =>
    (await ask(running, { path: '/readyz' })).status === 503 ? true : undefined,
  );
}

describe('while a server drains', () => {
  test('a resumable stream runs on, can be picked up again, and no new one begins', async () => {
    const running = await started();
    const client = createLabClient(running, 'steady');
    const keyed = { 'Idempotency-Key': 'drained' };
    const undisturbed = client.post(keyed);
    await untilLive(running, 1);
    const exit = running.expectExit();
    await sigterm(running);
    expect(codeOf(await client.post())).toEqual([503, 'draining']);
    expect(codeOf(await client.post({ 'Idempotency-Key': 'another' }))).toEqual([503, 'draining']);
    // The same request attaches, from its beginning and from where it was cut.
    const cut = await client.post(keyed, dropAfter(1_800));
    const had = eventsOf(cut);
    expect(had.length).toBeGreaterThan(0);
    const rest = await Promise.all([
      client.events(idOf(cut), had.length),
      client.post({ ...keyed, 'Last-Event-ID': `${had.length}` }),
    ]);
    const whole = eventsOf(await undisturbed);
    expect(whole.at(-1)?.payload).toBe('[DONE]');
    for (const one of rest) expect([...had, ...eventsOf(one)]).toEqual(whole);
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  test('a stream whose only reader has left runs on, and one that comes back has it whole', async () => {
    const running = await started();
    const client = createLabClient(running, 'steady');
    const cut = await client.post({}, dropAfter(1_500));
    const exit = running.expectExit();
    await sigterm(running);
    const had = eventsOf(cut);
    const events = [...had, ...eventsOf(await client.events(idOf(cut), had.length))];
    expect(events.at(-1)?.payload).toBe('[DONE]');
    expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1));
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  test('a stream that outlasts the drain ends for all its readers in the numbered error event', async () => {
    const running = await started({ timeouts: { drain: '1s' } });
    const client = createLabClient(running, 'endless');
    const first = client.post();
    const [live] = await untilLive(running, 1);
    const others = Array.from({ length: 200 }, () => client.events(live?.id ?? '', 0));
    const exit = running.expectExit();
    await sigterm(running);
    const late = client.events(live?.id ?? '', 3);
    const all = await Promise.all([first, ...others]);
    const events = eventsOf(await first);
    const last = events.at(-1);
    expect(last?.number).toBe(events.length);
    expect(JSON.parse(last?.payload ?? '')).toMatchObject({ error: { code: 'draining' } });
    for (const one of all) expect(eventsOf(one)).toEqual(events);
    expect(eventsOf(await late)).toEqual(events.slice(3));
    expect(all.map(({ ended }) => ended)).toEqual(all.map(() => 'end'));
    expect(await exit).toEqual({ code: 0, signal: null });
  });
});

test('after a kill -9, a client that comes back to the next process gets 404, and its request has one record', async () => {
  scratch = createScratch('killed');
  const options = { ...labServer(), dataDir: scratch.path };
  const first = await startServer(options);
  const client = createLabClient(first, 'endless');
  const cut = await client.post({ 'Idempotency-Key': 'killed' }, dropAfter(3_000));
  const broken = client.events(idOf(cut), 0);
  await untilLive(first, 1);
  // The intent has reached the spool, and the output the progress.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await first.kill();
  expect((await broken).response?.complete).toBe(false);
  await first.stop();
  server = await startServer(options);
  const again = createLabClient(server, 'endless');
  const id = idOf(cut);
  expect(codeOf(await again.events(id, 2))).toEqual([404, 'completion_not_found']);
  const posted = await again.post({ 'Idempotency-Key': 'killed', 'Last-Event-ID': '2' });
  expect(codeOf(posted)).toEqual([404, 'completion_not_found']);
  const running = server;
  const records = await until('the record of the killed process', 25_000, async () => {
    const rows = await allRecords(running);
    return rows.every(({ status }) => status !== 'open') && rows.length > 0 ? rows : undefined;
  });
  expect(records).toMatchObject([{ id, status: 'cut' }]);
  expect(records[0]?.completion_tokens).toBeGreaterThan(0);
});
