import { expect, test } from 'vitest';
import { NotFoundError } from '../errors/errors.ts';
import { openChatStream } from '../stream/open-stream.ts';
import { addressSource, type RouteDeps, routeSource } from './route-source.ts';

const stays = new AbortController().signal;
const request = { body: '{"messages":[]}', idempotencyKey: 'key-1' };
const address = 'https://app.example/api/chat?completion=c1';

/** What a route is asked, and what it answers in turn. */
function route(...answers: readonly (() => Response)[]) {
  const asked: Request[] = [];
  let online = (): void => {};
  const isOnline = new Promise<void>((resolve) => {
    online = resolve;
  });
  let tokens = 0;
  const deps: RouteDeps = {
    page: { online: () => isOnline },
    async fetch(given, init) {
      const answer = answers[asked.length];
      asked.push(new Request(new URL(String(given), 'https://app.example'), init));
      if (answer === undefined) throw new TypeError('no network');
      return answer();
    },
    async headers() {
      tokens += 1;
      return { authorization: `Bearer ${tokens}` };
    },
  };
  return { deps, asked, online };
}

const events = (text: string): Response =>
  new Response(text, { headers: { 'content-type': 'text/event-stream' } });
const chunk = (content: string, finish_reason: string | null = null): string =>
  JSON.stringify({ id: 'c1', choices: [{ index: 0, delta: { content }, finish_reason }] });
const control = (number: number, closed: boolean): string =>
  `event: control\ndata:{"streamNextOffset":"${String(number).padStart(12, '0')}","streamClosed":${closed}}\n\n`;

test('a route is asked with the body, the key of the request and the headers of the app', async () => {
  const { deps, asked } = route(() => events(''));
  await routeSource(deps, '/api/chat', request).open(stays);
  const [sent] = asked;
  expect([sent?.method, sent?.url, await sent?.text()]).toEqual([
    'POST',
    'https://app.example/api/chat',
    request.body,
  ]);
  expect(Object.fromEntries(sent?.headers ?? [])).toEqual({
    authorization: 'Bearer 1',
    'content-type': 'application/json',
    'idempotency-key': 'key-1',
    'tailrace-resumable': 'true',
  });
});

test('an answer is read on behind its last event, as soon as the browser is online', async () => {
  const { deps, asked, online } = route(() =>
    events(`event: data\ndata:[${chunk('b')}]\n\n${control(8, true)}`),
  );
  const reading = addressSource(deps).resume?.({ cursor: 7, completionId: 'c1', streamUrl: address }, stays);
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual([]);
  online();
  expect(await (await reading)?.text()).toBe(`id: 8\ndata: ${chunk('b')}\n\nid: 9\ndata: [DONE]\n\n`);
  expect(asked[0]?.url).toBe(`${address}&offset=000000000007&live=sse`);
  expect(asked[0]?.headers.get('authorization')).toBe('Bearer 1');
});

test('an answer is stopped at its address, and a refusal to do so is an error of its status', async () => {
  const { deps, asked } = route(
    () => new Response(null, { status: 204 }),
    () => new Response('', { status: 404 }),
  );
  const at = { cursor: 1, completionId: 'c1', streamUrl: address };
  const { cancel } = addressSource(deps);
  expect(await cancel?.(at)).toEqual({ id: 'c1', status: 'unknown' });
  expect([asked[0]?.method, asked[0]?.url]).toEqual(['DELETE', address]);
  await expect(cancel?.(at)).rejects.toThrow(NotFoundError);
});

test('an answer without an address is neither read on nor stopped', async () => {
  const { deps, asked, online } = route();
  online();
  const at = { cursor: 1, completionId: 'c1', streamUrl: undefined };
  await expect(addressSource(deps).resume?.(at, stays)).rejects.toThrow(TypeError);
  await expect(addressSource(deps).cancel?.(at)).rejects.toThrow(TypeError);
  expect(asked).toEqual([]);
});

test('an answer that is left is read from its first event over every cut, each token once', async () => {
  const whole = [chunk('a'), chunk('b'), chunk('c'), chunk('', 'stop')];
  const data = (from: number, to: number): string =>
    `event: data\ndata:[${whole.slice(from, to).join(',\ndata:')}]\n\n`;
  const { deps, asked, online } = route(
    () => events(`${data(0, 2)}${control(2, false)}event: da`),
    () => events(`${data(2, 3)}`),
    () => events(`${data(3, 4)}${control(4, true)}`),
  );
  online();
  const stream = openChatStream(addressSource(deps, address), {
    resumeAt: { cursor: 0, completionId: undefined, streamUrl: address },
  });
  expect(await stream.finalText()).toBe('abc');
  expect(asked.map(({ url }) => new URL(url).searchParams.get('offset'))).toEqual(
    [0, 2, 3].map((number) => String(number).padStart(12, '0')),
  );
});

test('an answer whose address the server does not know any more is not whole, because of that', async () => {
  const gone = (): Response => Response.json({ error: { code: 'completion_not_found' } }, { status: 404 });
  const { deps, online } = route(...Array.from({ length: 9 }, () => gone));
  online();
  const stream = openChatStream(addressSource(deps, address), {
    maxRetries: 0,
    resumeAt: { cursor: 0, completionId: undefined, streamUrl: address },
  });
  await expect(stream.finalText()).rejects.toMatchObject({
    code: 'stream_truncated',
    cause: { status: 404, code: 'completion_not_found' },
  });
});
