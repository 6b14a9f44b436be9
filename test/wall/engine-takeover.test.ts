import { type ChatCompletion, checkStream } from '@tailrace/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { type CuttingUpstream, startCuttingUpstream } from '../support/cutting-upstream.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { askRelay } from './ask-relay.ts';

/*
 * The real engine continues its own answers: its stream is cut on the way through another upstream, and the
 * joined text is compared with its undisturbed answer.
 */

const engineModel = 'smollm2-135m-instruct';
const cuts = roundsOf(40, 6);
const maxTokens = 24;
const patienceMs = 60_000;

const random = seededRandom(135);
const cases = Array.from({ length: cuts }, (_, index) => ({
  id: `cut/${index}`,
  after: 1 + Math.floor(random() * (maxTokens - 1)),
  messages: [{ role: 'user', content: `Write a sentence about the number ${index} and a water mill.` }],
}));

let cutting: CuttingUpstream;
let server: TestServer;

beforeAll(async () => {
  cutting = await startCuttingUpstream();
  const cut = { kind: 'openai', base_url: `http://127.0.0.1:${cutting.port}/v1`, api_key: 'cutting' };
  const models = cases.map(({ id, after }) => {
    const faulty = { upstream: 'cutting', model: `${after}:${engineModel}`, takeover: 'none' };
    return [id, { targets: [faulty, { engine: engineModel, priority: 1, takeover: 'prefix' }] }];
  });
  server = await startServer({
    model: 'default',
    sequences: 2,
    config: {
      upstreams: { cutting: cut },
      models: Object.fromEntries(models),
      breaker: { failures: 10_000 },
    },
  });
  cutting.origin = server;
});
afterAll(async () => {
  await server?.stop();
  await cutting.close();
});

test('answers of the engine, cut and continued by the engine, lose and repeat nothing', async () => {
  const exceptions: unknown[] = [];
  for (const { id, after, messages } of cases) {
    const asks = { messages, temperature: 0, max_tokens: maxTokens };
    const direct = await askRelay(server, { ...asks, model: engineModel }, patienceMs);
    const { choices, usage } = JSON.parse(direct?.body.toString() ?? '') as ChatCompletion;
    const due = choices[0]?.message.content ?? '';
    const response = await askRelay(server, { ...asks, model: id, stream: true }, patienceMs);
    const { violations, summary } = checkStream(response?.body ?? Buffer.alloc(0), { choices: 1 });
    const said = summary.choices[0]?.content ?? '';
    const same = choices[0]?.finish_reason === 'stop' ? said === due : agree(said, due);
    const [told, real] = [summary.usage?.completion_tokens ?? 0, usage?.completion_tokens ?? 0];
    const counted = told > 0 && told <= real;
    if (!same || !counted || violations.length > 0)
      exceptions.push({ after, said, due, told, real, violations });
  }
  expect(exceptions).toEqual([]);
  expect(cutting.cuts()).toBeGreaterThan(cuts / 2);
});

/**
 * Equal as far as the shorter one goes. Where the first target puts two tokens into one piece and is cut
 * before it reports its usage, the server cannot see that they were two: `max_tokens` is reduced by one only, and the
 * usage counts one only.
 */
function agree(said: string, due: string): boolean {
  return said !== '' && (said.startsWith(due) || due.startsWith(said));
}
