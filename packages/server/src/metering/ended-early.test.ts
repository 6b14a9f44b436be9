/** What is recorded of an answer that its client ended, that was cut or that ran out of time, streamed or not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Run } from '../relay/run.ts';
import type { UsageRecord } from '../storage/records.ts';
import { startTestApp, type TestApp, testKey } from '../testing/start-app.ts';

let app: TestApp;
let folder: string;
/** Every run that was started, in order. */
const started: Run[] = [];

const begins = '{text: [a, b, c]}';
/** By model and upstream, the steps of its answers. */
const scripts = {
  hanging: `[${begins}, hang]`,
  counted: `[{usage: {prompt_tokens: 40, completion_tokens: 0, cached_tokens: 30}}, ${begins}, hang]`,
  silent: '[hang]',
  torn: `[${begins}, {fail: {code: upstream_cut}}]`,
  short: `[{text: [x]}, {finish: stop}, {usage: {prompt_tokens: 7, completion_tokens: 1}}]`,
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-ended-'));
  const files: Record<string, string> = {};
  for (const [name, steps] of Object.entries(scripts)) {
    // The configuration has its files in memory, and upstreams read theirs from the disk.
    const path = join(folder, `${name}.yaml`);
    await writeFile(path, `answers: [{steps: ${steps}}]`);
    files[path] = '';
  }
  const upstreams = Object.keys(scripts).map(
    (name) => `  ${name}: {kind: scripted, script: "${join(folder, `${name}.yaml`)}"}`,
  );
  const price = 'price: {input: 1, output: 100, cached: 0.1}';
  app = await startTestApp({
    files,
    config: `
upstreams:
${upstreams.join('\n')}
models:
  hanging: {${price}, targets: [{upstream: hanging, model: m}]}
  counted: {${price}, targets: [{upstream: counted, model: m}]}
  silent: {${price}, targets: [{upstream: silent, model: m}]}
  torn: {${price}, targets: [{upstream: torn, model: m, takeover: none}]}
  late: {${price}, targets: [{upstream: hanging, model: m}], timeouts: {total: 700ms}}
  fallen: {price: {input: 7, output: 7000}, fallbacks: [hanging], targets: [{upstream: torn, model: m, takeover: none}]}
  short: {targets: [{upstream: short, model: m}]}
retry: {per_target: 1}
breaker: {failures: 10000}
`,
  });
  const { runs } = app;
  const add = runs.add.bind(runs);
  runs.add = (run) => {
    started.push(run);
    add(run);
  };
});

afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true });
});

function ask(model: string, stream: boolean, signal?: AbortSignal): Promise<Response> {
  return fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Hello there' }] }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function recordOf(id: string): Promise<UsageRecord> {
  let record: UsageRecord | undefined;
  const settled = async () => {
    const { data } = await app.ledger.store.records({ limit: 100 });
    record = data.find((one) => one.id === id && one.status !== 'open');
    return record?.id;
  };
  await expect.poll(settled).toBe(id);
  if (record === undefined) throw new Error('no record');
  return record;
}

type Ending = 'cancelled' | 'abandoned' | 'by itself';

/** Asks for the model, ends the answer so when its target has said all that it says, and waits for its record. */
async function end(model: string, stream: boolean, ending: Ending): Promise<UsageRecord> {
  const client = new AbortController();
  const before = started.length;
  const answered = ask(model, stream, client.signal)
    .then((answer) => answer.text())
    .catch(() => 'gone');
  await expect.poll(() => started.length).toBe(before + 1);
  const run = started[before];
  if (run === undefined) throw new Error('no run');
  // Another request takes the same steps: when its answer is there, the first one has taken them.
  for (let round = 0; round < 3; round += 1) await (await ask('short', false)).text();
  if (ending === 'cancelled') run.stop({ type: 'cancelled' });
  if (ending === 'abandoned') client.abort();
  await answered;
  return recordOf(run.id);
}

describe.each([
  ['streamed', true],
  ['not streamed', false],
])('an answer that is %s', (_, stream) => {
  it.each(['cancelled', 'abandoned'] as const)('records what was produced where it is %s', async (ending) => {
    const record = await end('hanging', stream, ending);
    expect(record).toMatchObject({
      status: ending,
      target: 'hanging/m',
      servedModel: 'hanging',
      completionTokens: 3,
      estimated: true,
      attemptLog: [{ outcome: 'aborted', completion_tokens: 3, estimated: true }],
    });
    expect(record.promptTokens).toBeGreaterThan(0);
    expect(record.costMicroUsd).toBe(record.promptTokens + 3 * 100);
  });

  it.each(['cancelled', 'abandoned'] as const)(
    'takes the prompt as it was counted where it is %s',
    async (ending) => {
      const record = await end('counted', stream, ending);
      expect(record).toMatchObject({
        status: ending,
        promptTokens: 40,
        cachedTokens: 30,
        completionTokens: 3,
        costMicroUsd: 10 * 1 + 3 + 3 * 100,
      });
    },
  );

  it.each(['cancelled', 'abandoned'] as const)(
    'costs nothing where it is %s before any output',
    async (ending) => {
      expect(await end('silent', stream, ending)).toMatchObject({
        status: ending,
        promptTokens: 0,
        completionTokens: 0,
        costMicroUsd: 0,
        attemptLog: [{ outcome: 'aborted', completion_tokens: 0 }],
      });
    },
  );
});

it('an answer that is cut or late is charged where its output was delivered, and its tokens are in its attempts', async () => {
  for (const [model, outcome] of [
    ['torn', 'failed'],
    ['late', 'aborted'],
  ] as const) {
    const streamed = await end(model, true, 'by itself');
    expect(streamed).toMatchObject({
      status: 'cut',
      completionTokens: 3,
      attemptLog: [{ outcome, completion_tokens: 3 }],
    });
    expect(streamed.costMicroUsd).toBe(streamed.promptTokens + 3 * 100);
    const whole = await end(model, false, 'by itself');
    expect(whole).toMatchObject({
      status: 'failed',
      promptTokens: 0,
      completionTokens: 0,
      costMicroUsd: 0,
      attemptLog: [{ outcome, completion_tokens: 3, estimated: true }],
    });
  }
});

it('an answer that fails over with partial output, and is then cancelled, costs what the fallback produced', async () => {
  const record = await end('fallen', false, 'cancelled');
  expect(record).toMatchObject({
    status: 'cancelled',
    model: 'fallen',
    servedModel: 'hanging',
    target: 'hanging/m',
    completionTokens: 3,
    attemptLog: [
      { target: 'torn/m', outcome: 'failed', completion_tokens: 3 },
      { target: 'hanging/m', outcome: 'aborted', completion_tokens: 3 },
    ],
  });
  expect(record.costMicroUsd).toBe(record.promptTokens + 3 * 100);
});
