// The fault wall, judged directly and behind Tailrace: what is broken at the wall is found there, and does not come through.

import { checkEndpoint, makePlan, type RuleResult, readEndpoint } from '@tailrace/conformance';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, testKey } from '../../packages/server/src/testing/start-app.ts';
import { createWall, type Wall } from '../../packages/server/src/wall/wall.ts';

/** A fault, and the rules of OpenAI's form that it breaks at the wall itself; behind Tailrace the answer has to be whole. */
const faults: Readonly<Record<string, readonly string[]>> = {
  bom: ['bom'],
  'wrong-content-type': ['stream-content-type'],
  'missing-usage': ['usage-streamed'],
  'usage-early': ['usage-once'],
  'plain-heartbeats:word': ['data-json'],
  'json-no-object:number': ['data-json'],
};

/** Torn streams: directly they look whole to a client, behind Tailrace they end in the error event. */
const torn: Readonly<Record<string, readonly string[]>> = {
  'cut-fin:3': ['finish', 'done'],
  'cut-rst:3': ['body-whole'],
};

let wall: Wall;
let wallUrl: string;
let app: TestApp;

beforeAll(async () => {
  wall = createWall({
    onBug: (error) => {
      throw error;
    },
  });
  const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  wallUrl = `http://127.0.0.1:${port}/v1`;
  const names = ['healthy', ...Object.keys(faults), ...Object.keys(torn)];
  const models = names.map((name) => `  "${name}": {targets: [{upstream: wall, model: "wall/${name}"}]}\n`);
  app = await startTestApp({
    config: `upstreams:\n  wall: {kind: openai, base_url: "${wallUrl}"}\nretry: {per_target: 1, total: 1}\nmodels:\n${models.join('')}`,
  });
});

afterAll(async () => {
  await app?.stop();
  await wall?.close();
});

/** The rules on the form of an answer: whether a model calls tools or writes JSON is not what a fault of the wall is about. */
const form = ['framing', 'chunks', 'endings', 'usage', 'stream-content-type', 'caching', 'compression'];

async function judge(url: string, model: string, key?: string): Promise<readonly RuleResult[]> {
  const planned = makePlan({ only: form, needsModel: false });
  const endpoint = readEndpoint(url);
  if (!planned.ok || endpoint === undefined) throw new Error('no plan');
  const only = ['plain', 'stream', 'stream-with-usage', 'length'];
  const plan = { ...planned.plan, probes: planned.plan.probes.filter(({ name }) => only.includes(name)) };
  const { signal } = new AbortController();
  const options = { endpoint, model, key, headers: {}, timeoutMs: 60_000, concurrency: 1, signal };
  const result = await checkEndpoint(plan, options);
  if (!result.ok) throw new Error(result.problem);
  return result.report.results;
}

function broken(results: readonly RuleResult[], set: 'openai' | 'tailrace'): readonly string[] {
  return results
    .filter((one) => one.set === set && (one.verdict === 'fail' || one.verdict === 'warn'))
    .map(({ id }) => id.slice(set.length + 1));
}

test('healthy: the wall breaks no rule of OpenAI’s form, and Tailrace none at all', async () => {
  expect(broken(await judge(wallUrl, 'wall/healthy'), 'openai').filter((id) => id !== 'caching')).toEqual([]);
  const through = await judge(`${app.url}/v1`, 'healthy', testKey);
  expect([broken(through, 'openai'), broken(through, 'tailrace')]).toEqual([[], []]);
});

test.each(Object.entries(faults))('%s: found at the wall, healed by Tailrace', async (fault, rules) => {
  expect(broken(await judge(wallUrl, `wall/${fault}`), 'openai')).toEqual(expect.arrayContaining([...rules]));
  const through = await judge(`${app.url}/v1`, fault, testKey);
  expect([broken(through, 'openai'), broken(through, 'tailrace')]).toEqual([[], []]);
});

test.each(Object.entries(torn))('%s: found at the wall, said by Tailrace', async (fault, rules) => {
  expect(broken(await judge(wallUrl, `wall/${fault}`), 'openai')).toEqual(expect.arrayContaining([...rules]));
  const through = await judge(`${app.url}/v1`, fault, testKey);
  // Asked without a stream, a torn answer is an error: what a whole answer has is then not judged.
  expect([broken(through, 'openai'), broken(through, 'tailrace')]).toEqual([[], []]);
});
