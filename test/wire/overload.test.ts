// A server whose event loop is late: it refuses new completions, and the running ones continue.

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { untilLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { ask, expectRefusal, labServer, startChat } from './wire-client.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** Stops the process for 600 ms of each 650: that delays its event loop as too much work would. */
async function delayLoop(running: TestServer, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    running.signal('SIGSTOP');
    await delay(600);
    running.signal('SIGCONT');
    await delay(50);
  }
}

test('a late event loop refuses new completions, not running ones, until it is in time again', async () => {
  const running = await startServer(labServer({ server: { shed: { loop_delay: '200ms' } } }));
  server = running;
  await using stream = await startChat(running, { model: 'lab/steady', stream: true });
  await untilLive(running, 1);
  await delayLoop(running, 3);

  await using refused = await startChat(running, { model: 'lab/plain' });
  const refusal = await refused.response();
  expectRefusal(refusal, 503, 'overloaded');
  expect(refusal.header('retry-after')).toBe('2');
  expect((await ask(running, { path: '/livez' })).status).toBe(200);
  expect((await ask(running, { path: '/readyz' })).status).toBe(200);
  expect(expectTrueStream((await stream.response()).body).complete).toBe(true);

  await until('completions to be accepted again', 20_000, () =>
    running.logs().includes('new completions are accepted again') ? true : undefined,
  );
  await using accepted = await startChat(running, { model: 'lab/plain' });
  expect((await accepted.response()).status).toBe(200);
  expect(running.logs().match(/new completions are refused/g)).toHaveLength(1);
  expect(running.logs()).toMatch(/the event loop is \d+ ms late/);
});
