import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';
import {
  type FaultPlan,
  type FaultProxy,
  type SocketOperation,
  socketOperations,
  startFaultProxy,
} from '../support/fault-proxy.ts';
import { inParallel } from '../support/in-parallel.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { createMemoryProbe, type Held, type MemoryProbe } from '../support/server-memory.ts';
import { until } from '../support/until.ts';
import { askRelay, liveRuns } from './ask-relay.ts';
import { healthyCase } from './healthy-case.ts';
import { judgeObject, judgeStream, truthsOf, type Verdict } from './judge.ts';
import { type ClientRecord, disagreements } from './settled.ts';

/*
 * Every n-th socket operation between the server and its upstream fails, for every n (up to 70 in `npm test`, up to 200 in the
 * soak); then between client and server. In every case each request ends, whole or with an error, and nothing is left behind.
 */

const models = ['alone', 'second', 'replay', 'prefix'] as const;
const patienceMs = 20_000;
const mostHeapGrowthBytes = 4 * 1024 * 1024;

let wall: Wall;
let upstreamSide: FaultProxy;
let clientSide: FaultProxy;
let server: TestServer;
let probe: MemoryProbe;
let before: Held;
let asked = 0;
const records: ClientRecord[] = [];

beforeAll(async () => {
  wall = createWall();
  const wallPort = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  upstreamSide = await startFaultProxy(wallPort);
  clientSide = await startFaultProxy();
  probe = createMemoryProbe();
  const target = (priority: number, takeover = 'none'): ConfigTree => ({
    ...{ upstream: 'wall', model: 'wall/healthy', priority, takeover },
  });
  const pair = (takeover: string): ConfigTree => ({
    targets: [target(0, takeover), { ...target(1, takeover), upstream: 'other' }],
  });
  const upstream = {
    kind: 'openai',
    preset: 'vllm',
    base_url: `http://127.0.0.1:${upstreamSide.port}/v1`,
    api_key: 'wall',
  };
  server = await startServer({
    model: 'none',
    env: probe.env,
    config: {
      upstreams: { wall: upstream, other: upstream },
      models: {
        alone: { targets: [target(0)] },
        second: pair('none'),
        replay: pair('replay'),
        prefix: pair('prefix'),
      },
      timeouts: { connect: '2s', first_token: '5s', stall: '2s', total: '60s' },
      retry: { backoff: '5ms' },
      breaker: { failures: 10_000, window: '1s' },
    },
  });
  clientSide.target = server.port;
  // Compiles code and fills pools and caches: the memory after these requests is the memory that may be held.
  for (let round = 0; round < 4; round += 1) await askAll(server.port);
  before = await held();
});
afterEach(() => {
  upstreamSide.plan(undefined);
  clientSide.plan(undefined);
});
afterAll(async () => {
  await server?.stop();
  await Promise.all([wall.close(), upstreamSide.close(), clientSide.close()]);
  probe.close();
});

describe('where every n-th socket operation to the upstream fails', () => {
  test.each<[string, readonly SocketOperation[], FaultPlan['how'], number]>([
    ['any operation is reset', socketOperations, 'reset', roundsOf(200, 40)],
    ['any operation is torn', socketOperations, 'torn', roundsOf(100, 20)],
    ['connections are reset', ['connect'], 'reset', 12],
    ['writes are reset', ['write'], 'reset', 12],
    ['writes are torn', ['write'], 'torn', 12],
  ])('%s: every answer is whole or says why not', async (_, operations, how, most) => {
    let failed = 0;
    for (let every = 1; every <= most; every += 1) {
      upstreamSide.drop();
      upstreamSide.plan({ every, operations, how });
      const lies = (await askAll(server.port)).flatMap((verdict) =>
        verdict === undefined ? ['the connection ended without an answer'] : verdict.lies,
      );
      expect(lies, `every ${every}`).toEqual([]);
      failed += upstreamSide.counted().failed;
    }
    // Otherwise this has tested nothing.
    expect(failed).toBeGreaterThan(most / 2);
  });

  test('each request has a log line that agrees with what its client got', () => {
    expect(records.length).toBeGreaterThan(roundsOf(2_500, 600));
    expect(disagreements(records, server.logs())).toEqual([]);
    const kinds = new Set(records.map(({ verdict }) => verdict.outcome.kind));
    expect(kinds).toEqual(new Set(['whole', 'error-event', 'http-error']));
  });
});

describe('where every n-th socket operation of the client fails', () => {
  test.each<[FaultPlan['how']]>([['reset'], ['torn']])(
    'by %s: no answer passes for more than it is',
    async (how) => {
      const most = roundsOf(60, 20);
      let failed = 0;
      for (let every = 1; every <= most; every += 1) {
        clientSide.plan({ every, operations: socketOperations, how });
        const verdicts = await askAll(clientSide.port);
        // A lost connection may cut an answer, and a cut answer must not look whole.
        const lies = verdicts.flatMap((verdict) =>
          verdict === undefined || verdict.lies.includes(cutShort) ? [] : verdict.lies,
        );
        expect(lies, `every ${every}`).toEqual([]);
        failed += clientSide.counted().failed;
      }
      expect(failed).toBeGreaterThan(most);
    },
  );
});

test('afterwards the server holds no more than before', async () => {
  expect(await liveRuns(server)).toEqual([]);
  const after = await held();
  expect(after.resources).toEqual(before.resources);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
  expect(after.heldBytes - before.heldBytes).toBeLessThan(mostHeapGrowthBytes);
});

const cutShort = 'the body was cut without a word';

/** Each model, streaming and not, side by side. Undefined where the connection ended before a head. */
async function askAll(port: number): Promise<(Verdict | undefined)[]> {
  const cases = models.flatMap((model) => [true, false].map((stream) => ({ model, stream })));
  return await inParallel(cases, cases.length, async ({ model, stream }) => {
    asked += 1;
    const messages = [{ role: 'user', content: `Sockets ${asked % 500}` }];
    const fields = { model, stream, messages, temperature: 0 };
    const response = await askRelay({ ...server, port }, fields, patienceMs);
    if (response === undefined) return undefined;
    if (!stream && !response.complete) return { ...cut };
    const verdict = (stream ? judgeStream : judgeObject)(response, truthsOf(healthyCase, messages));
    const requestId = response.header('x-request-id') ?? '';
    records.push({ requestId, status: response.status, verdict });
    return verdict;
  });
}

/** An answer that stopped before its length. */
const cut: Verdict = { outcome: { kind: 'whole' }, lies: [cutShort], begun: true, usage: undefined };

/** Counted after idle connections have closed: they are kept for a while for the next request. */
async function held(): Promise<Held> {
  upstreamSide.plan(undefined);
  await until('every connection to be given up', 20_000, () =>
    wall.stats().connections_open + upstreamSide.open() + clientSide.open() === 0 ? true : undefined,
  );
  return probe.held();
}
