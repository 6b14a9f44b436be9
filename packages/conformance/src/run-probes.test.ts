import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { makePlan } from './plan.ts';
import { runProbes } from './run-probes.ts';
import { readEndpoint } from './wire/endpoint.ts';

test('requests that are sent again for a reasoning model are in the plan and in the count', async () => {
  let sent = 0;
  const server = createServer(async (request, response) => {
    sent += 1;
    let body = '';
    for await (const piece of request) body += piece;
    const fields = JSON.parse(body);
    const param = ['max_tokens', 'temperature'].find((name) => name in fields);
    response.writeHead(param === undefined ? 200 : 400, { 'content-type': 'application/json' });
    response.end(JSON.stringify(param === undefined ? { id: 'x' } : { error: { message: 'no', param } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const endpoint = readEndpoint(`127.0.0.1:${port}`);
  const planned = makePlan({ only: ['whole-content-type'], maxRequests: 4, needsModel: false });
  if (endpoint === undefined || !planned.ok) throw new Error('no plan');
  const ran = await runProbes(planned.plan.probes, {
    endpoint,
    model: 'o1',
    headers: {},
    timeoutMs: 60_000,
    concurrency: 1,
    signal: new AbortController().signal,
  });
  expect([sent, planned.plan.requests, ran.ok && ran.recording.size]).toEqual([3, 3, 3]);
});
