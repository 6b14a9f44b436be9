/** What an answer costs that two models produced, over the real routing and runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { costOf, type PricedApp, startPricedApp } from './testing/priced-app.ts';

let app: PricedApp;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-prices-'));
});
afterEach(async () => {
  await app.stop();
  await rm(folder, { recursive: true });
});

/** A model whose answer is cut after three tokens, and its fallback with the whole answer. */
async function start(cut: string, whole: string, takeover: string): Promise<void> {
  // The configuration has its files in memory, and upstreams read theirs from the disk.
  const [one, two] = [join(folder, 'one.yaml'), join(folder, 'two.yaml')];
  await writeFile(one, `answers: [{steps: [${cut}]}]`);
  await writeFile(two, `answers: [{steps: [${whole}]}]`);
  app = await startPricedApp({
    config: `
upstreams: {one: {kind: scripted, script: "${one}"}, two: {kind: scripted, script: "${two}"}}
models:
  dear: {fallbacks: [cheap], targets: [{upstream: one, model: m}]}
  cheap: {targets: [{upstream: two, model: m, takeover: ${takeover}}]}
retry: {per_target: 1}
`,
    files: { [one]: '', [two]: '' },
  });
}

const prices = {
  dear: { input: '1', output: '10', request: '0.001', above: [{ tokens: 50, output: '20' }] },
  cheap: { input: '100', output: '1000', above: [{ tokens: 100, output: '1' }] },
};
const request = { model: 'dear', temperature: 0, messages: [{ role: 'user', content: 'Count.' }] };

test('a replay is charged the prompt at the first price, and each delivered token at its own', async () => {
  await start(
    '{text: [a, b, c]}, {fail: {code: upstream_cut}}',
    '{text: [a, b, c, d, e]}, {usage: {prompt_tokens: 60, completion_tokens: 5}}',
    'replay',
  );
  const outcome = await app.ask({ ...request, stream: true });
  expect(outcome.attempts).toMatchObject([
    { model: 'dear', outcome: 'failed', deliveredTokens: 3 },
    { model: 'cheap', outcome: 'served', deliveredTokens: 2 },
  ]);
  expect(costOf(outcome, prices)).toBe(1_000 + 60 * 1 + 3 * 20 + 2 * 1_000);
  expect(await app.records()).toMatchObject([
    {
      target: 'two/m',
      takeovers: 1,
      attemptLog: [
        { target: 'one/m', mode: 'first', outcome: 'failed', code: 'upstream_cut', delivered_tokens: 3 },
        { target: 'two/m', mode: 'replay', outcome: 'served', delivered_tokens: 2 },
      ],
    },
  ]);
  const [cut, replay] = outcome.attempts;
  // Each begins after the one before has ended, and has an end.
  expect(cut?.startedMs).toBeLessThanOrEqual((cut?.startedMs ?? 0) + (cut?.durationMs ?? -1));
  expect((cut?.startedMs ?? 0) + (cut?.durationMs ?? 0)).toBeLessThanOrEqual(replay?.startedMs ?? -1);
  expect(replay?.durationMs).toBeGreaterThanOrEqual(0);
  await expect.poll(app.logged).toContainEqual(expect.objectContaining({ target: 'two/m' }));
  expect(costOf(outcome, { ...prices, dear: undefined })).toBe(2 * 1_000);
  expect(costOf(outcome, { ...prices, cheap: undefined })).toBe(1_000 + 60 * 1 + 3 * 20);
});

test('an answer without streaming fails over as a whole, and only the model that answered is charged', async () => {
  await start(
    '{text: [a, b, c]}, {fail: {code: upstream_cut}}',
    '{text: [a, b, c, d, e]}, {usage: {prompt_tokens: 60, completion_tokens: 5}}',
    'replay',
  );
  const outcome = await app.ask(request);
  expect(outcome.attempts.map(({ deliveredTokens }) => deliveredTokens)).toEqual([0, 5]);
  expect(costOf(outcome, prices)).toBe(60 * 100 + 5 * 1_000);
});
