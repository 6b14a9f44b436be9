import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';

let app: TestApp;
let folder: string;
let script: string;

const answers = `
answers:
  - when: {model: well}
    steps: [{text: [a, b, c, d, e]}, {usage: {prompt_tokens: 60, completion_tokens: 5, cached_tokens: 20, reasoning_tokens: 2}}]
  - when: {model: sick}
    steps: [{fail: {code: upstream_refused, message: Not today.}}]
  - when: {model: torn}
    steps: [{text: [a, b, c]}, {fail: {code: upstream_cut, message: The end.}}]
  - when: {model: slow}
    steps: [hang]
`;
const config = (more = '') => `
upstreams: {lab: {kind: scripted, script: "${script}"}}
models:
  good: {aliases: [fine], targets: [{upstream: lab, model: well}], price: {input: 1, output: 10}}
  twice: {targets: [{upstream: lab, model: sick}, {upstream: lab, model: well, priority: 1, takeover: replay}]}
  mended: {targets: [{upstream: lab, model: torn}, {upstream: lab, model: well, priority: 1, takeover: replay}]}
  late: {targets: [{upstream: lab, model: slow}, {upstream: lab, model: well, priority: 1}], timeouts: {hedge_after: 10ms}}
breaker: {failures: 2}
retry: {per_target: 1}
${more}
`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-metrics-'));
  script = join(folder, 'answers.yaml');
  await writeFile(script, answers);
  app = await startTestApp({ config: config(), files: { [script]: '' } });
});
afterEach(async () => {
  await app.stop();
  await rm(folder, { recursive: true });
});

async function complete(model: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      ...{ model, stream: true, temperature: 0 },
      messages: [{ role: 'user', content: 'Count.' }],
    }),
  });
  await response.text();
  return response;
}

async function scrape(init: RequestInit = {}): Promise<readonly string[]> {
  const response = await fetch(`${app.url}/metrics`, init);
  return (await response.text()).split('\n');
}

/** The samples as an object; of histograms only the counts and sums. */
async function samples(): Promise<Readonly<Record<string, number>>> {
  const lines = (await scrape()).filter(
    (line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'),
  );
  return Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  );
}

test('a request is in the metrics of its model: its outcome, tokens, dollars and times', async () => {
  await complete('fine');
  const model = '{model="good"}';
  await expect.poll(samples).toMatchObject({
    tailrace_requests_started_total: 1,
    'tailrace_requests_total{model="good",outcome="completed"}': 1,
    'tailrace_http_requests_total{route="/v1/chat/completions",status="200"}': 1,
    [`tailrace_prompt_tokens_total${model}`]: 60,
    [`tailrace_completion_tokens_total${model}`]: 5,
    [`tailrace_cached_tokens_total${model}`]: 20,
    [`tailrace_reasoning_tokens_total${model}`]: 2,
    [`tailrace_spend_dollars_total${model}`]: 0.00011,
    [`tailrace_ttft_seconds_count${model}`]: 1,
    tailrace_overhead_seconds_count: 1,
    tailrace_admission_seconds_count: 1,
    'tailrace_admissions_total{result="admitted"}': 1,
    tailrace_request_duration_seconds_count: 1,
    tailrace_streams_live: 0,
    [`tailrace_build_info{version="0.0.0-test",node="${process.versions.node}"}`]: 1,
  });
});

test('attempts say why a target was asked, what became of it, and with which code it failed', async () => {
  for (const model of ['twice', 'mended', 'late']) await complete(model);
  await expect.poll(samples).toMatchObject({
    'tailrace_attempts_total{target="lab/sick",mode="first",outcome="failed"}': 1,
    'tailrace_attempt_failures_total{target="lab/sick",code="upstream_refused"}': 1,
    'tailrace_attempts_total{target="lab/torn",mode="first",outcome="failed"}': 1,
    'tailrace_attempt_failures_total{target="lab/torn",code="upstream_cut"}': 1,
    'tailrace_attempts_total{target="lab/slow",mode="first",outcome="lost"}': 1,
    'tailrace_attempts_total{target="lab/well",mode="failover",outcome="served"}': 1,
    'tailrace_attempts_total{target="lab/well",mode="replay",outcome="served"}': 1,
    'tailrace_attempts_total{target="lab/well",mode="hedge",outcome="served"}': 1,
    'tailrace_target_first_output_seconds_count{target="lab/well"}': 3,
    'tailrace_target_breaker_state{target="lab/well"}': 0,
  });
});

test('an open breaker, a kept stream that is read again, the journal and the store are seen', async () => {
  await complete('twice');
  await complete('twice');
  const begun = await complete('good', { 'tailrace-resumable': 'true' });
  const id = begun.headers.get('tailrace-completion-id');
  const again = await fetch(`${app.url}/v1/chat/completions/${id}/events?after=2`, {
    headers: { authorization: `Bearer ${testKey}` },
  });
  await again.text();
  const after = await samples();
  expect(after).toMatchObject({
    'tailrace_target_breaker_state{target="lab/sick"}': 2,
    'tailrace_resumes_total{way="events"}': 1,
    tailrace_journal_up: 1,
    'tailrace_journal_streams{state="ended"}': 1,
    'tailrace_journal_evictions_total{what="streams"}': 0,
    tailrace_storage_up: 1,
    tailrace_limiter_up: 1,
  });
  expect(after['tailrace_journal_bytes']).toBeGreaterThan(0);
  expect(after['tailrace_spool_bytes']).toBeGreaterThanOrEqual(0);
});

test('a flood of names that clients make up adds no more than a label', async () => {
  await complete('good');
  await complete('no-model-at-all');
  await fetch(`${app.url}/no-path-at-all`);
  await expect.poll(samples).toMatchObject({
    'tailrace_requests_total{model="other",outcome="refused"}': 1,
    'tailrace_http_requests_total{route="unknown",status="404"}': 1,
  });
  const before = Object.keys(await samples());
  for (let i = 0; i < 60; i += 1) {
    const name = `made-up-${i}`;
    await complete(name, { 'x-request-id': name, 'tailrace-tags': `${name}=${name}` });
    await fetch(`${app.url}/${name}`, { method: i % 2 === 0 ? 'GET' : 'DELETE' });
    await fetch(`${app.url}/v1/models/${name}`, { headers: { authorization: `Bearer ${testKey}` } });
    await fetch(`${app.url}/v1/chat/completions/${name}/events`, {
      headers: { authorization: `Bearer ${name}` },
    });
  }
  const after = Object.keys(await samples());
  expect(after.filter((name) => name.includes('made-up'))).toEqual([]);
  // Those of the three routes and answers that did not occur before.
  expect(after.length - before.length).toBeLessThan(6);
});

test('Prometheus gets OpenMetrics where it asks for it', async () => {
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
  const open = await fetch(`${app.url}/metrics`, { headers: { accept } });
  expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect((await open.text()).endsWith('\n# EOF\n')).toBe(true);
  const plain = await fetch(`${app.url}/metrics?module=any`);
  expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
});

test('where the configuration says so, only an admin key reads them', async () => {
  await app.stop();
  app = await startTestApp({ config: config('telemetry: {metrics: admin}'), files: { [script]: '' } });
  const status = async (key?: string) =>
    (
      await fetch(
        `${app.url}/metrics`,
        key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } },
      )
    ).status;
  expect([await status(), await status(testKey), await status(testAdminKey)]).toEqual([401, 403, 200]);
});

test('the scrape of a server that drains is answered', async () => {
  app.drain();
  expect(await scrape()).toContain('tailrace_streams_live 0');
});
