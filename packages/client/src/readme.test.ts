import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Tailrace } from './index.ts';
import { type AccidentServer, startAccidentServer } from './testing/accident-server.ts';

const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

let server: AccidentServer;
beforeAll(async () => {
  server = await startAccidentServer();
});
afterAll(() => server.close());

/** The example under a heading. */
function exampleOf(heading: string): string {
  const [, code] = page.split(`## ${heading}\n`)[1]?.match(/```ts\n([\s\S]*?)```/) ?? [];
  if (code === undefined) throw new Error(`no example under ${heading}`);
  return code.replaceAll(/^import .*$/gm, '');
}

const chunk = (delta: object, reason: string | null = null) =>
  JSON.stringify({
    id: 'c',
    choices: [{ index: 0, delta, finish_reason: reason }],
    ...(reason === null ? {} : { usage: { total_tokens: 3 } }),
  });
const events = [chunk({ content: 'Good' }), chunk({ content: ' day' }), chunk({}, 'stop'), '[DONE]'];
const form = { lineEnd: '\n', comments: false, pieceBytes: 1_000 };

/** Runs an example with a client of this address: what it logs. */
async function run(heading: string, baseURL: string): Promise<unknown[]> {
  const logged: unknown[] = [];
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const example = new AsyncFunction('Tailrace', 'client', 'console', 'process', `{ ${exampleOf(heading)} }`);
  await example(
    Tailrace,
    new Tailrace({ baseURL }),
    { log: (...values: unknown[]) => logged.push(...values) },
    { env: { TAILRACE_API_KEY: 'key', TAILRACE_BASE_URL: baseURL } },
  );
  return logged;
}

test('the first answer', async () => {
  const answer = { choices: [{ index: 0, message: { content: 'Good day' }, finish_reason: 'stop' }] };
  const { createServer } = await import('node:http');
  const json = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => json.listen(0, '127.0.0.1', resolve));
  const address = json.address();
  const port = typeof address === 'object' ? address?.port : 0;
  expect(await run('A first answer', `http://127.0.0.1:${port}/v1`)).toEqual(['Good day']);
  json.closeAllConnections();
  json.close();
});

test('the stream', async () => {
  const { baseURL } = server.play({ events, keeps: true, accidents: [], form });
  expect(await run('Streams', baseURL)).toEqual(['Good', ' day', undefined, 'Good day', { total_tokens: 3 }]);
});

test('the stream that heals', async () => {
  const { baseURL } = server.play({
    events,
    keeps: true,
    accidents: [{ type: 'cut', event: 1, part: 0.5, how: 'reset' }],
    form,
  });
  expect(await run('How a stream heals', baseURL)).toEqual(['try 1, after event 1', 'Good day']);
});

test('the errors', async () => {
  const cut = server.play({
    events,
    keeps: false,
    accidents: [{ type: 'cut', event: 1, part: 0, how: 'polite' }],
    form,
  });
  expect(await run('Errors', cut.baseURL)).toEqual(['Good', 'not whole:', 'Good']);
  const refused = server.play({
    events,
    keeps: true,
    accidents: [{ type: 'status', status: 401, code: 'invalid_api_key', headers: {} }],
    form,
  });
  expect(await run('Errors', refused.baseURL)).toEqual([401, 'invalid_api_key', 'req_refused']);
});

test('the timeouts', async () => {
  expect(await run('Retries and timeouts', 'http://127.0.0.1:1/v1')).toEqual([2]);
});
