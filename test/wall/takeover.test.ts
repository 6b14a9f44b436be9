import { checkStream, type StreamSummary } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { estimatePromptTokens } from '../../packages/server/src/domain/estimate-tokens.ts';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';
import { type CuttingUpstream, startCuttingUpstream } from '../support/cutting-upstream.ts';
import { inParallel } from '../support/in-parallel.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { askRelay, type ChatMessage, liveRuns } from './ask-relay.ts';
import { type CutCase, cutCases, type Due, stopsAcross } from './cuts.ts';

/*
 * Streams that are cut and taken over, at random places that are the same in every run. What the client
 * reads is compared with the undisturbed answer, byte for byte.
 */

const atOnce = 24;
const patienceMs = 30_000;

let wall: Wall;
let cutting: CuttingUpstream;
let server: TestServer;

const acrossTheJoint = stopsAcross(60);

beforeAll(async () => {
  wall = createWall();
  const wallPort = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  cutting = await startCuttingUpstream();
  cutting.origin = { port: wallPort, apiKey: 'wall' };
  const upstream = (port: number, more: ConfigTree = {}): ConfigTree => ({
    kind: 'openai',
    base_url: `http://127.0.0.1:${port}/v1`,
    api_key: 'wall',
    ...more,
  });
  const modelOf = (takeover: string, faulty: ConfigTree): ConfigTree => ({
    targets: [
      { ...faulty, takeover },
      { upstream: 'spare', model: 'wall/healthy', priority: 1, takeover },
    ],
  });
  const models = [
    ...cutCases.map(({ id, takeover, fault }) => [id, modelOf(takeover, { upstream: 'wall', model: fault })]),
    ...acrossTheJoint.map(({ id, takeover, fault }) => [
      id,
      modelOf(takeover, { upstream: 'cutting', model: fault }),
    ]),
  ];
  server = await startServer({
    model: 'none',
    config: {
      upstreams: {
        wall: upstream(wallPort),
        cutting: upstream(cutting.port),
        // Its preset says that it continues a prefix.
        spare: upstream(wallPort, { preset: 'vllm' }),
      },
      models: Object.fromEntries(models),
      timeouts: { connect: '2s', first_token: '5s', stall: '1s', total: '60s' },
      retry: { backoff: '10ms' },
      breaker: { failures: 10_000 },
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await wall.close();
  await cutting.close();
});

describe('an answer that is cut and taken over equals the undisturbed one', () => {
  test('500 cuts, by replay and by prefix, some with max_tokens and stop strings', async () => {
    expect(await exceptions(cutCases)).toEqual([]);
    // Each was cut, and the spare upstream took all of them over.
    expect(wall.stats().requests['healthy']).toBeGreaterThanOrEqual(cutCases.length);
  });

  test('a stop string that begins in one answer and ends in the other is found', async () => {
    expect(await exceptions(acrossTheJoint)).toEqual([]);
    expect(cutting.cuts()).toBe(acrossTheJoint.length);
  });

  test('nothing is left running', async () => {
    expect(await liveRuns(server)).toEqual([]);
    expect(wall.stats().in_flight).toBe(0);
  });
});

/** What is wrong with the answers, one entry each. */
async function exceptions(cases: readonly CutCase[]): Promise<unknown[]> {
  const found = await inParallel(cases, atOnce, async ({ id, fault, takeover, asks, due }) => {
    const response = await askRelay(server, { model: id, stream: true, temperature: 0, ...asks }, patienceMs);
    const { violations, summary } = checkStream(response?.body ?? Buffer.alloc(0), { choices: 1 });
    const wrong = differences(summary, due, estimateOf(asks.messages));
    if (response?.complete === true && violations.length === 0 && wrong.length === 0) return [];
    return [{ fault, takeover, asks, complete: response?.complete, violations, wrong }];
  });
  return found.flat();
}

/** What the server counts for a prompt where the target that stopped had not reported it. */
function estimateOf(messages: readonly ChatMessage[]): number {
  const asked = messages.map(({ content }) => ({ role: 'user', content }) as const);
  return estimatePromptTokens({ messages: asked, tools: [], responseFormat: { type: 'text' }, rest: {} });
}

function differences({ choices, usage, error }: StreamSummary, due: Due, estimate: number): unknown[] {
  const [choice] = choices;
  const said: Due = {
    text: choice?.content ?? '',
    finish: choice?.finishReason ?? 'none',
    promptTokens: usage?.prompt_tokens ?? -1,
    completionTokens: usage?.completion_tokens ?? -1,
  };
  const estimated = { ...due, promptTokens: estimate };
  if ([due, estimated].some((right) => JSON.stringify(said) === JSON.stringify(right))) return [];
  return [{ said, due, error }];
}
