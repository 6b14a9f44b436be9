// Clients that do not read, read late, or never finish their request.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partOf } from '../../packages/server/src/testing/suite-part.ts';
import { liveStreams, untilLive, untilNoneLive } from '../support/live-streams.ts';
import { residentBytes } from '../support/processes.ts';
import { connect } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { chatBytes, labServer, startChat } from './wire-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer(labServer({ timeouts: { client_write: '1s' } }));
});
afterAll(async () => {
  await server?.stop();
});

describe('a client that does not read', () => {
  test('is closed after the write stall, and its stream with it', async () => {
    await using connection = await startChat(server, { model: 'lab/flood', stream: true });
    connection.pause();
    await untilLive(server, 1);
    await untilNoneLive(server, 15_000);
    connection.resume();
    // The part that was sent is delivered, and does not look like a whole answer.
    await connection.untilClosed();
    expect(connection.received().toString('latin1')).not.toContain('[DONE]');
    expect(connection.responses()[0]?.complete).toBe(false);
  });

  test.runIf(process.platform === 'linux')('costs no memory to speak of, not even as a crowd', async () => {
    const before = residentBytes(server.pid);
    const crowd = await Promise.all(
      Array.from({ length: 10 }, () => startChat(server, { model: 'lab/flood', stream: true })),
    );
    try {
      for (const connection of crowd) connection.pause();
      await untilLive(server, crowd.length);
      let peak = before;
      await until('the stalled streams to end', 20_000, async () => {
        peak = Math.max(peak, residentBytes(server.pid));
        return (await liveStreams(server)).length === 0 ? true : undefined;
      });
      // Each may hold an event and a socket's buffer; without back-pressure it would be forty megabytes each.
      expect(peak - before).toBeLessThan(120 * 1024 * 1024);
    } finally {
      for (const connection of crowd) connection.destroy();
    }
  });
});

test('a client that reads with long pauses gets everything', async () => {
  await using connection = await connect(server.port);
  const headers = { Connection: 'close' };
  connection.send(chatBytes(server, { model: 'lab/burst', stream: true }, { headers }));
  for (let pause = 0; pause < 6; pause += 1) {
    connection.pause();
    await sleep(300);
    connection.resume();
    await sleep(20);
  }
  // Waiting for the end of the connection is cheaper than parsing twelve megabytes again and again.
  expect(await connection.untilClosed()).toBe('end');
  const { complete, choices } = expectTrueStream(connection.responses()[0]?.body ?? Buffer.alloc(0));
  expect(complete).toBe(true);
  expect(choices[0]?.content.length).toBe(12_000_000);
});

test('many slow clients do not delay a quick one', async () => {
  const crowd = await Promise.all(
    Array.from({ length: 10 }, () => startChat(server, { model: 'lab/flood', stream: true })),
  );
  try {
    for (const connection of crowd) connection.pause();
    await untilLive(server, crowd.length);
    await using quick = await startChat(server, { model: 'lab/plain', stream: true });
    expect(expectTrueStream((await quick.response()).body).complete).toBe(true);
  } finally {
    for (const connection of crowd) connection.destroy();
    await untilNoneLive(server);
  }
});

// Twenty seconds. With shorter times malformed-requests.test.ts has this in process.
test.each(partOf(['20 s'], 0))('a request whose headers never end is given up after %s', async () => {
  await using connection = await connect(server.port);
  const whole = chatBytes(server, { model: 'lab/plain' });
  connection.send(whole.subarray(0, whole.indexOf('\r\n\r\n') - 5));
  await connection.untilClosed(60_000);
  const statuses = connection.responses().map(({ status }) => status);
  expect(statuses.filter((status) => status !== 408)).toEqual([]);
});
