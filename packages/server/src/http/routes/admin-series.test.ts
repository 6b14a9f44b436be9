import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';

let app: TestApp;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-series-'));
  const script = join(folder, 'answers.yaml');
  await writeFile(
    script,
    `
answers:
  - when: {model: well}
    steps: [{text: [a, b, c, d, e]}, {usage: {prompt_tokens: 60, completion_tokens: 5}}]
  - when: {model: sick}
    steps: [{fail: {code: upstream_refused, message: Not today.}}]
  - when: {model: torn}
    steps: [{text: [a, b, c]}, {fail: {code: upstream_cut, message: The end.}}]
  - when: {model: paused}
    steps: [{text: [a]}, hang]
  - when: {model: slow}
    steps: [hang]
`,
  );
  app = await startTestApp({
    config: `
upstreams: {lab: {kind: scripted, script: "${script}"}}
models:
  good: {targets: [{upstream: lab, model: well}], price: {input: 1, output: 10}}
  twice: {targets: [{upstream: lab, model: sick}, {upstream: lab, model: well, priority: 1, takeover: replay}]}
  mended: {targets: [{upstream: lab, model: torn}, {upstream: lab, model: well, priority: 1, takeover: replay}]}
  late: {targets: [{upstream: lab, model: slow}, {upstream: lab, model: well, priority: 1}], timeouts: {hedge_after: 10ms}}
  ill: {targets: [{upstream: lab, model: sick}]}
  paused: {targets: [{upstream: lab, model: paused}]}
  silent: {targets: [{upstream: lab, model: slow}]}
breaker: {failures: 2}
retry: {per_target: 1}
stream: {grace: 300ms}
`,
    files: { [script]: '' },
  });
});
afterEach(async () => {
  await app.stop();
  await rm(folder, { recursive: true });
});

async function complete(model: string, more: object = {}, key = testKey): Promise<number> {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ model, stream: true, temperature: 0, messages: [{ role: 'user', content: 'Count.' }] },
      ...more,
    }),
  });
  await response.text();
  return response.status;
}

interface Series {
  readonly name: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
}
interface Answer {
  readonly data: readonly Series[];
  readonly step_seconds: number;
  readonly since: number;
  readonly error?: { readonly code: string; readonly param: string; readonly message: string };
}

async function series(query = ''): Promise<Answer> {
  const response = await fetch(`${app.url}/admin/v1/series${query}`, {
    headers: { authorization: `Bearer ${testAdminKey}` },
  });
  return (await response.json()) as Answer;
}

/** The last values of series by their names and labels, when `requests` have been counted to their end. */
async function lastValues(requests: number): Promise<Readonly<Record<string, number | undefined>>> {
  const count = () => app.logged().filter(({ route }) => route === '/v1/chat/completions').length;
  await expect.poll(count).toBe(requests);
  await app.endStep();
  const { data } = await series();
  return Object.fromEntries(
    data.map(({ name, labels, points }) => [[name, ...Object.values(labels)].join(' '), points.at(-1)?.[1]]),
  );
}

test('a step has the requests that began and ended in it, by status and by code, with tokens and spend', async () => {
  expect(await complete('good')).toBe(200);
  expect(await complete('good', { stream: false })).toBe(200);
  expect(await complete('nobody')).toBe(404);
  expect(await complete('good', {}, 'wrong')).toBe(401);
  expect(await lastValues(4)).toMatchObject({
    streams_live: 0,
    requests_started: 4,
    'requests_ended completed': 2,
    'requests_ended refused': 2,
    'request_errors model_not_found': 1,
    'request_errors invalid_api_key': 1,
    prompt_tokens: 12,
    completion_tokens: 1,
    spend: 2 * (60 + 50),
    'ttft 0.5': expect.any(Number),
    'gap 0.99': expect.any(Number),
    memory: expect.any(Number),
    'target_breaker lab well': 0,
    'target_attempts lab well': 2,
    'target_failures lab well': 0,
  });
  expect(await lastValues(4)).toMatchObject({
    ...{ requests_started: 0, 'requests_ended completed': 0, spend: 0, 'target_attempts lab well': 0 },
  });
});

test('each target has its breaker, its attempts and failures, and how often it was a hedge or took over', async () => {
  expect(await complete('twice')).toBe(200);
  expect(await complete('ill')).toBe(502);
  expect(await complete('mended')).toBe(200);
  expect(await complete('late')).toBe(200);
  expect(await lastValues(4)).toMatchObject({
    'requests_ended completed': 3,
    'requests_ended failed': 1,
    'request_errors upstream_refused': 1,
    'target_breaker lab sick': 2,
    'target_attempts lab sick': 2,
    'target_failures lab sick': 2,
    'target_attempts lab torn': 1,
    'target_failures lab torn': 1,
    'target_attempts lab slow': 1,
    'target_failures lab slow': 0,
    'target_breaker lab well': 0,
    'target_attempts lab well': 3,
    'target_takeovers lab well': 1,
    'target_hedges lab well': 1,
    'target_failovers lab well': 1,
    'target_failovers lab sick': 0,
  });
});

test('a request whose client has left a run that continues has ended with the run, once', async () => {
  const left = new AbortController();
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      ...{
        authorization: `Bearer ${testKey}`,
        'content-type': 'application/json',
        'tailrace-resumable': 'true',
      },
    },
    body: JSON.stringify({ model: 'paused', stream: true, messages: [{ role: 'user', content: 'Hi.' }] }),
    signal: left.signal,
  });
  await response.body?.getReader().read();
  left.abort();
  expect(await lastValues(1)).toMatchObject({ requests_started: 1, streams_live: 1 });
  expect((await series('?names=requests_ended')).data).toEqual([]);
  await expect.poll(() => app.runs.size).toBe(0);
  expect(await lastValues(1)).toMatchObject({ requests_started: 0, 'requests_ended abandoned': 1 });
});

test('what runs at the end of a step is seen there', async () => {
  const left = new AbortController();
  const asked = fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'silent', stream: true, messages: [{ role: 'user', content: 'Hi.' }] }),
    signal: left.signal,
  }).catch(() => {});
  await expect.poll(() => app.runs.list()[0]?.target).toBe('lab/slow');
  expect(await lastValues(0)).toMatchObject({ streams_live: 1, 'target_in_flight lab slow': 1 });
  left.abort();
  await asked;
  expect(await lastValues(1)).toMatchObject({ streams_live: 0, 'requests_ended abandoned': 1 });
});

test('names and a time choose among the series, and each says its unit', async () => {
  await app.endStep();
  await app.endStep();
  const all = await series();
  expect(all).toMatchObject({ step_seconds: 10, since: expect.any(Number) });
  const points = all.data.find(({ name }) => name === 'spend')?.points ?? [];
  const [first = 0, second = 0] = points.map(([time]) => time);
  expect(second - first).toBe(10);
  for (const since of [String(second), new Date(second * 1_000).toISOString()]) {
    expect(await series(`?names=spend,%20streams_live&since=${since}`)).toEqual({
      data: [
        { name: 'spend', unit: 'micro_usd', labels: {}, points: [[second, 0]] },
        { name: 'streams_live', unit: 'streams', labels: {}, points: [[second, 0]] },
      ],
      ...{ step_seconds: 10, since: second },
    });
  }
});

test('longer steps have fewer points, with all that was counted in them', async () => {
  const before = await series('?names=requests_started');
  expect(await complete('good')).toBe(200);
  await lastValues(1);
  expect(await complete('good')).toBe(200);
  await lastValues(2);
  const { data, step_seconds } = await series('?names=requests_started&step=1h');
  expect(before.step_seconds).toBe(10);
  expect(step_seconds).toBe(3_600);
  const points = data[0]?.points ?? [];
  expect(points.length).toBeLessThan(3);
  expect(points.reduce((sum, [, value]) => sum + value, 0)).toBe(2);
  expect(points.map(([time]) => time % 3_600)).toEqual(points.map(() => 0));
});

test('a question for more than a million points is refused with what to ask for instead', async () => {
  const times = Float64Array.from({ length: 8_640 }, (_, index) => index * 10);
  const values = new Float32Array(8_640);
  const one = { name: 'spend', labels: {}, values } as const;
  const large = await startTestApp({
    config: '',
    series: { read: () => ({ times, series: Array(120).fill(one) }) },
  });
  try {
    const response = await fetch(`${large.url}/admin/v1/series`, {
      headers: { authorization: `Bearer ${testAdminKey}` },
    });
    expect(await response.json()).toMatchObject({
      error: {
        code: 'invalid_value',
        param: 'since',
        message: expect.stringMatching(/1036800 points.*fewer "names"/),
      },
    });
  } finally {
    await large.stop();
  }
});

test.each([
  [
    'names=spend,strems_live',
    'names',
    /"strems_live" \(did you mean "streams_live"\?\); expected some of streams_live, /,
  ],
  ['names=spend,', 'names', /has ""; expected some of/],
  ['step=15s', 'step', /is "15s"; expected a multiple of 10s up to 24h, such as 5m/],
  ['step=2d', 'step', /up to 24h/],
  ['since=1764331200000', 'since', /Unix seconds/],
  ['since=yesterday', 'since', /is "yesterday"; expected the time of a point \(Unix seconds\)/],
])('%s is refused', async (query, param, message) => {
  const { error } = await series(`?${query}`);
  expect(error).toMatchObject({ code: 'invalid_value', param, message: expect.stringMatching(message) });
});

test('answers are made one after the other', async () => {
  let reading = 0;
  let most = 0;
  const busy = await startTestApp({
    config: '{}',
    series: {
      async read() {
        reading += 1;
        most = Math.max(most, reading);
        await new Promise((resolve) => setTimeout(resolve, 20));
        reading -= 1;
        return { times: new Float64Array(), series: [] };
      },
    },
  });
  try {
    const asked = Array.from({ length: 5 }, () =>
      fetch(`${busy.url}/admin/v1/series`, { headers: { authorization: `Bearer ${testAdminKey}` } }),
    );
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(most).toBe(1);
  } finally {
    await busy.stop();
  }
});
