import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { makePlan, type Plan } from './plan.ts';
import { type RunResult, runProbes } from './run-probes.ts';
import { readEndpoint } from './wire/endpoint.ts';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the JSON that was posted. */
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Ran {
  readonly plan: Plan;
  readonly result: RunResult;
  readonly asked: readonly Asked[];
  readonly url: string;
}

/** Runs the probes of one rule against a server. */
async function runAgainst(
  answer: (asked: Asked, response: ServerResponse) => void,
  { only, model, maxRequests }: { only: string; model?: string; maxRequests?: number },
): Promise<Ran> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, fields: body.startsWith('{') ? JSON.parse(body) : {} };
    asked.push(one);
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const endpoint = readEndpoint(url);
  const planned = makePlan({ only: [only], maxRequests, needsModel: model === undefined });
  if (endpoint === undefined || !planned.ok) throw new Error('no plan');
  const result = await runProbes(planned.plan, {
    endpoint,
    model,
    headers: {},
    timeoutMs: 60_000,
    concurrency: 1,
    signal: new AbortController().signal,
  });
  return { plan: planned.plan, result, asked, url };
}

function reply(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

test.each([
  ['whole-content-type', 'plain'],
  ['http-1.0', 'http-1.0'],
])('a model that refuses max_tokens is learnt, also with --only %s', async (only, probe) => {
  const { plan, result, asked } = await runAgainst(
    ({ fields }, response) => {
      const param = ['max_tokens', 'temperature'].find((name) => name in fields);
      if (param === undefined) reply(response, 200, { id: 'x' });
      else reply(response, 400, { error: { message: 'no', param } });
    },
    { only, model: 'o1', maxRequests: 6 },
  );
  expect(plan.requests + plan.again).toBeLessThanOrEqual(6);
  const recording = result.ok ? result.recording : new Map();
  expect(recording.get(probe)?.response?.status).toBe(200);
  expect(recording.get(`${probe}/max_tokens`)?.response?.status).toBe(400);
  expect(asked.at(-1)?.fields).toHaveProperty('max_completion_tokens');
  expect(recording.size).toBe(asked.length);
});

test.each([
  ['Retry-After', 429, { 'retry-after': '0' }],
  ['retry-after-ms', 503, { 'retry-after-ms': '1' }],
])('a refusal that says %s is asked again, and stays in the recording', async (_what, status, headers) => {
  let refusals = 2;
  const { result, asked } = await runAgainst(
    (_asked, response) => {
      refusals -= 1;
      if (refusals >= 0) reply(response, status, { error: { message: 'later' } }, headers);
      else reply(response, 200, { id: 'x' });
    },
    { only: 'http-1.0', model: 'm' },
  );
  expect(asked.length).toBe(3);
  const statuses = result.ok && [...result.recording].map(([name, one]) => [name, one.response?.status]);
  expect(statuses).toEqual([
    ['http-1.0/waited', status],
    ['http-1.0/waited-2', status],
    ['http-1.0', 200],
  ]);
});

test('no more is sent again than the plan says, and a wait of minutes is not waited for', async () => {
  const refuse = (after: string) => (_asked: Asked, response: ServerResponse) =>
    reply(response, 429, { error: { message: 'later' } }, { 'retry-after': after });
  const { plan, asked } = await runAgainst(refuse('0'), {
    only: 'http-1.0',
    model: 'm',
    maxRequests: 5,
  });
  expect(asked.length).toBe(plan.requests + plan.again);
  expect((await runAgainst(refuse('600'), { only: 'http-1.0', model: 'm' })).asked.length).toBe(1);
});

test.each([
  ['the list of models', undefined],
  ['a completion', 'm'],
])('a redirect of %s is named, with the URL to give, and not followed', async (_what, model) => {
  const { result, asked, url } = await runAgainst(
    (one, response) =>
      response.writeHead(308, { location: `https://api.example.org/llm${one.url}?x=1` }).end(),
    { only: 'whole-content-type', ...(model === undefined ? {} : { model }) },
  );
  expect(asked.length).toBe(1);
  expect(result).toMatchObject({ ok: false });
  expect(!result.ok && result.problem).toMatch(
    / is redirected with status 308 to .*: give https:\/\/api\.example\.org\/llm\/v1$/,
  );
  expect(url).toContain('127.0.0.1');
});

test('a redirect to a page of another kind asks for the URL of the API', async () => {
  const { result } = await runAgainst(
    (_asked, response) => response.writeHead(302, { location: '/login' }).end(),
    { only: 'whole-content-type', model: 'm' },
  );
  expect(!result.ok && result.problem).toMatch(/\/login: give the URL of the API itself$/);
});
