// Streams that say nothing for long: before their first event, and between two.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { allRecords } from '../ledger/administrator.ts';
import { untilLive } from '../support/live-streams.ts';
import { connect, requestBytes } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { chatBytes, labServer } from '../wire/wire-client.ts';
import { createLabClient, dropAfter, eventsOf, idOf } from './lab-client.ts';
import { readEvents } from './numbered-events.ts';

let server: TestServer;
beforeAll(async () => {
  // The times of a prompt that takes half a minute, a fiftieth of each.
  const stream = { keepalive_after: '100ms', hold_head: '150ms', grace: '2s' };
  server = await startServer(labServer({ stream }));
});
afterAll(async () => {
  await server?.stop();
});

test('a stream is picked up again before its first event, and shows meanwhile that it is alive', async () => {
  const client = createLabClient(server, 'later');
  const key = { 'Idempotency-Key': 'later' };
  // The first client loses its connection before it has a byte.
  const lost = await client.post(key, { how: 'reset', afterBytes: 0, afterMs: 50 });
  expect(lost.response).toBeUndefined();
  const [live] = await untilLive(server, 1);
  const id = live?.id ?? '';
  const waiting = [client.events(id, 0), client.post(key), client.post({ ...key, 'Last-Event-ID': '0' })];
  // It leaves when the head comes, and so comes back with the number that it had: none.
  const impatient = await client.events(id, 0, dropAfter(1));
  expect(eventsOf(impatient)).toEqual([]);
  const bodies = (await Promise.all([...waiting, client.events(id, 0)])).map(
    ({ response }) => response?.body.toString('latin1') ?? '',
  );
  for (const body of bodies) {
    const { events, comments, rest } = readEvents(body);
    expect(rest).toBe('');
    expect(comments).toBeGreaterThan(1);
    expect(body.startsWith(': keepalive\n')).toBe(true);
    expect(events.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(events).toEqual(readEvents(bodies[0] ?? '').events);
  }
  const records = await until('its record', 20_000, async () => {
    const rows = await allRecords(server);
    return rows.every(({ status }) => status !== 'open') ? rows : undefined;
  });
  expect(records).toMatchObject([{ id, status: 'completed' }]);
});

test('comments between two events end in one line feed, and a client that leaves among them misses nothing', async () => {
  const client = createLabClient(server, 'silent');
  const whole = client.post({ 'Idempotency-Key': 'silent' });
  const first = await client.post({ 'Idempotency-Key': 'silent' }, dropAfter(1_350));
  const id = idOf(first);
  let events = [...eventsOf(first)];
  for (let round = 0; round < 6; round += 1) {
    // Its head, and comments: rarely an event.
    events = [...events, ...eventsOf(await client.events(id, events.length, dropAfter(720 + 40 * round)))];
  }
  events = [...events, ...eventsOf(await client.events(id, events.length))];
  const body = (await whole).response?.body.toString('latin1') ?? '';
  expect(events).toEqual(readEvents(body).events);
  expect(readEvents(body)).toMatchObject({ rest: '' });
  expect(readEvents(body).comments).toBeGreaterThan(2);
});

test('a stream that is read again behind another answer on the same connection comes whole, behind it', async () => {
  const kept = await createLabClient(server, 'steady').post();
  const paced = chatBytes(server, { model: 'lab/silent', stream: true });
  const path = `/v1/chat/completions/${idOf(kept)}/events?after=2`;
  const again = requestBytes({ path, headers: { Authorization: `Bearer ${server.apiKey}` } });
  await using connection = await connect(server.port);
  connection.send(Buffer.concat([paced, again, again]));
  const [first, ...others] = await Promise.all([0, 1, 2].map((index) => connection.response(index)));
  expect(expectTrueStream(first?.body ?? Buffer.alloc(0)).complete).toBe(true);
  for (const { body } of others) {
    expect(readEvents(body.toString('latin1')).events).toEqual(eventsOf(kept).slice(2));
  }
});
