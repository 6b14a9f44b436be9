// Replays of fifty megabytes to readers of every pace.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilLive, untilNoneLive } from '../support/live-streams.ts';
import { residentBytes, watchPeak } from '../support/processes.ts';
import { connect, requestBytes } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ask } from '../wire/wire-client.ts';
import { codeOf, createLabClient, dropAfter } from './lab-client.ts';

const mebibyte = 1024 ** 2;
const eventCount = 50_000;
/** Events of a kilobyte, as fast as they are taken: nothing holds a kept stream back. */
const flood = [
  { repeat: { times: eventCount, steps: [{ text: ['x'.repeat(1_000)] }] } },
  { finish: 'length' },
];

let server: TestServer;
let id: string;
beforeAll(async () => {
  server = await startServer({
    model: 'none',
    files: { 'answers.yaml': { answers: [{ steps: [{ text: ['a'] }, { wait: '300ms' }, ...flood] }] } },
    config: {
      upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
      models: { 'lab/flood': { targets: [{ upstream: 'lab', model: 'flood' }] } },
      stream: { journal: { per_stream: '96MiB', total: '200MiB' } },
      timeouts: { client_write: '3s' },
    },
  });
  void createLabClient(server, 'flood').post({}, dropAfter(300));
  const [live] = await untilLive(server, 1);
  id = live?.id ?? '';
  await untilNoneLive(server, 60_000);
});
afterAll(async () => {
  await server?.stop();
});

const eventsRequest = (after: number) =>
  requestBytes({
    path: `/v1/chat/completions/${id}/events?after=${after}`,
    headers: { Authorization: `Bearer ${server.apiKey}`, Connection: 'close' },
  });

/** Reads the whole answer, and waits at each megabyte; the hash is that of everything behind the head. */
async function readAll(
  after: number,
  pauseMs: number,
): Promise<{ readonly hash: string; readonly bytes: number }> {
  await using connection = await connect(server.port);
  const hash = createHash('md5');
  let taken = 0;
  let bytes = 0;
  connection.send(eventsRequest(after));
  await until('the replay to end', 120_000, async () => {
    const reads = connection.reads();
    for (; taken < reads.length; taken += 1) {
      const read = reads[taken] ?? Buffer.alloc(0);
      // The head has its own request id, and comes with the first event.
      const body = taken === 0 ? read.subarray(read.indexOf('\r\n\r\n') + 4) : read;
      hash.update(body);
      bytes += body.length;
    }
    if (pauseMs > 0) {
      connection.pause();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      connection.resume();
    }
    return connection.closed();
  });
  expect(connection.closed()).toBe('end');
  return { hash: hash.digest('hex'), bytes };
}

describe('a replay of fifty megabytes', () => {
  test('comes in pieces, as its readers take it, and delays no other answer for long', {
    timeout: 300_000,
  }, async () => {
    const first = await readAll(0, 0);
    expect(first.bytes).toBeGreaterThan(50 * mebibyte);
    const before = residentBytes(server.pid);
    const peak = watchPeak(server.pid);
    const [slow, ...others] = await Promise.all([
      readAll(0, 100),
      ...[0, 0, 20].map((pauseMs) => readAll(0, pauseMs)),
      ...Array.from({ length: 20 }, () => untilAnswered()),
    ]);
    expect(slow).toEqual(first);
    for (const one of others.slice(0, 3)) expect(one).toEqual(first);
    const grown = Math.round(peak() / mebibyte);
    process.stdout.write(
      `\n${JSON.stringify({ residentMiB: Math.round(before / mebibyte), grownMiB: grown })}\n`,
    );
    // Four answers of 60 MB each. Each reader may hold what one piece has; garbage is collected at times only.
    expect(grown).toBeLessThan(80);
  });

  test('to readers that take nothing costs next to no memory, and they are given up', async () => {
    const peak = watchPeak(server.pid);
    const idle = await Promise.all(Array.from({ length: 30 }, () => connect(server.port)));
    try {
      for (const connection of idle) {
        connection.pause();
        connection.send(eventsRequest(0));
      }
      await until('the answers to have begun', 20_000, async () =>
        (await untilAnswered()) ? true : undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      for (const connection of idle) connection.resume();
      for (const connection of idle) await connection.untilClosed();
      expect(idle.every((connection) => !connection.received().includes('[DONE]'))).toBe(true);
      expect(peak() / mebibyte).toBeLessThan(80);
    } finally {
      for (const connection of idle) connection.destroy();
    }
  });

  test('is gone where newer streams need its place', async () => {
    for (let round = 0; round < 3; round += 1) {
      void createLabClient(server, 'flood').post({}, dropAfter(300));
      await untilLive(server, 1);
      await untilNoneLive(server, 60_000);
    }
    expect(codeOf(await createLabClient(server, 'flood').events(id, 0))).toEqual([
      404,
      'completion_not_found',
    ]);
  });
});

async function untilAnswered(): Promise<boolean> {
  return (await ask(server, { path: '/livez' })).status === 200;
}
