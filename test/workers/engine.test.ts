// One engine for all workers.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { askAtOnce } from '../ledger/at-once.ts';
import { liveStreams, untilNoneLive } from '../support/live-streams.ts';
import { childrenOf } from '../support/processes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { byWorker, linesOf, untilWorkers, workersOf } from './running-workers.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    model: 'random',
    sequences: 4,
    config: { logging: { level: 'debug' } },
    flags: ['--workers', '2'],
  });
});
afterAll(() => server.stop());

const body = (fields = {}) => ({
  ...{ model: 'random', stream: true, max_tokens: 40, ...fields },
  messages: [{ role: 'user', content: 'Say something.' }],
});
const asked = (count: number, fields = {}) =>
  askAtOnce({ ports: [server.port], count, key: server.apiKey, body: body(fields) });

/** The processes of the engine: the children that are no workers. */
function engines(): number[] {
  const workers = workersOf(server);
  return childrenOf(server.pid).filter((child) => !workers.includes(child));
}

test('the model is loaded once, and all workers have its answers', async () => {
  expect(engines()).toHaveLength(1);
  const { answers } = await asked(12);
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
  for (const { ended } of answers) await ended;
  await until('twelve lines', 20_000, () => (completed().length === 12 ? true : undefined));
  expect(byWorker(completed()).size).toBe(2);
  expect(linesOf(server, 'model loaded')).toHaveLength(1);
});

test('a worker that is killed gives its places in the engine back', async () => {
  const { answers } = await asked(4, { max_tokens: 400 });
  const [victim = 0] = workersOf(server);
  process.kill(victim, 'SIGKILL');
  for (const { leave } of answers) leave();
  await untilNoneLive(server);
  await untilWorkers(server, 2);
  const again = await asked(4);
  for (const { ended } of again.answers) await ended;
  expect(again.answers.map(({ status }) => status)).toEqual(Array(4).fill(200));
  expect(engines()).toHaveLength(1);
});

test('an engine that is killed is loaded again for all workers, and none of them ends', async () => {
  const [engine = 0] = engines();
  const workers = workersOf(server);
  process.kill(engine, 'SIGKILL');
  await until('another engine', 20_000, () => {
    const [next] = engines();
    return next !== undefined && next !== engine ? true : undefined;
  });
  await until('the service to be ready', 20_000, async () =>
    (await fetch(`${server.baseUrl}/readyz`)).status === 200 ? true : undefined,
  );
  const { answers } = await asked(6);
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
  for (const { ended } of answers) await ended;
  expect(workersOf(server)).toEqual(workers);
  expect(await liveStreams(server)).toEqual([]);
});

function completed() {
  return linesOf(server, 'request').filter(
    ({ route, outcome }) => route === '/v1/chat/completions' && outcome === 'completed',
  );
}
