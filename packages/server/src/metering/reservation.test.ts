/** What the admission of a request reserves (contract, section 5), over the real routes, plans and prices. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { estimatePromptTokens } from '../domain/estimate-tokens.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../testing/start-app.ts';
import { createChatSurface } from '../wire/chat/surface.ts';

let app: TestApp;
let folder: string;
let dollarKey: string;
/** What each request has reserved, in order. */
const reserved: Reserved[] = [];

interface Reserved {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly promptMicroUsd: number;
  readonly completionMicroUsd: number;
}

const untilEnough = 512;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-reserved-'));
  const script = join(folder, 'short.yaml');
  await writeFile(script, 'answers: [{steps: [{text: [a, b, c, d]}, {finish: stop}]}]');
  app = await startTestApp({
    files: { [script]: '' },
    config: `
upstreams: {lab: {kind: scripted, script: "${script}"}}
models:
  chat:
    aliases: [alias]
    price: {input: 1, output: 2}
    targets: [{upstream: lab, model: a}]
  small: {context: 100, targets: [{upstream: lab, model: b}]}
  small-with-large: {context: 100, fallbacks: [chat], targets: [{upstream: lab, model: b}]}
  cheap-with-dear: {price: {input: 1, output: 2}, fallbacks: [dear], targets: [{upstream: lab, model: c}]}
  dear: {price: {input: 10, output: 20, cache_write: 40, request: 0.5}, targets: [{upstream: lab, model: d}]}
  half: {fallbacks: [chat, dear], targets: [{upstream: lab, model: e}]}
`,
  });
  const { ledger } = app.ledger;
  const admit = ledger.admit.bind(ledger);
  vi.spyOn(ledger, 'admit').mockImplementation((asked) => {
    reserved.push(asked.intent.reserved);
    return admit(asked);
  });
  const made = await fetch(`${app.url}/admin/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testAdminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ budget: { usd: 100, period: 'total' } }),
  });
  dollarKey = ((await made.json()) as { key: string }).key;
});

afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true });
});

const messages = [{ role: 'user', content: 'Hello there, how are you?' }];
const promptTokens = (() => {
  const asked = createChatSurface({ usageChunk: 'inline' }).decode({ model: 'm', messages }, {});
  if (!asked.ok) throw new Error(asked.failure.message);
  return estimatePromptTokens(asked.value.request);
})();

async function reservedBy(fields: object, key = testKey): Promise<Reserved> {
  const answer = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'chat', messages, ...fields }),
  });
  expect([answer.status, await answer.text()]).toEqual([200, expect.anything()]);
  const last = reserved.at(-1);
  if (last === undefined) throw new Error('nothing was reserved');
  expect(last.promptTokens).toBe(promptTokens);
  return last;
}

it.each<[object, number]>([
  [{}, untilEnough],
  [{ max_tokens: 100 }, 100],
  [{ max_completion_tokens: 90 }, 90],
  [{ max_tokens: 100, max_completion_tokens: 90 }, 90],
  [{ max_tokens: 80, max_completion_tokens: 90 }, 90],
  [{ max_tokens: 80, max_completion_tokens: null }, 80],
  [{ max_tokens: null, max_completion_tokens: 90 }, 90],
  [{ max_tokens: -1, max_completion_tokens: 90 }, 90],
  [{ max_tokens: 80, max_completion_tokens: -1 }, 80],
  [{ max_tokens: -1 }, untilEnough],
  [{ max_tokens: 100_000 }, untilEnough],
  [{ max_tokens: 100, n: 3 }, 300],
  [{ n: 2 }, 2 * untilEnough],
])('%j reserves %i tokens for the answer', async (fields, completionTokens) => {
  expect((await reservedBy(fields)).completionTokens).toBe(completionTokens);
});

it('reserves no more than the context leaves, for each choice', async () => {
  const left = 100 - promptTokens;
  expect((await reservedBy({ model: 'small' })).completionTokens).toBe(left);
  expect((await reservedBy({ model: 'small', max_tokens: 500, n: 2 })).completionTokens).toBe(2 * left);
  expect((await reservedBy({ model: 'small', max_tokens: 5 })).completionTokens).toBe(5);
});

it('goes by the largest context of the plan, as a fallback may answer', async () => {
  expect((await reservedBy({ model: 'small-with-large' })).completionTokens).toBe(untilEnough);
});

it('reserves the cost at the dearest target of the plan under a budget in dollars, fallbacks included', async () => {
  const cheap = await reservedBy({ max_tokens: 10 }, dollarKey);
  expect(cheap).toMatchObject({ promptMicroUsd: promptTokens, completionMicroUsd: 20 });
  const dear = { promptMicroUsd: 500_000 + 40 * promptTokens, completionMicroUsd: 200 };
  expect(await reservedBy({ model: 'cheap-with-dear', max_tokens: 10 }, dollarKey)).toMatchObject(dear);
  // The model's own target has no price, so it is no part of the plan.
  expect(await reservedBy({ model: 'half', max_tokens: 10 }, dollarKey)).toMatchObject(dear);
});

it('goes by the last answers of the model, whatever name they were asked for by', async () => {
  for (let answers = 0; answers < 15; answers += 1) {
    await reservedBy({ model: 'alias' });
    await reservedBy({ model: 'dear' });
    await reservedBy({ model: 'chat' });
  }
  expect((await reservedBy({ model: 'alias' })).completionTokens).toBe(4);
  expect((await reservedBy({ model: 'chat', n: 3 })).completionTokens).toBe(12);
  expect((await reservedBy({ model: 'chat', max_completion_tokens: 3 })).completionTokens).toBe(3);
});
