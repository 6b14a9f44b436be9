import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createStoredKeys } from '../access/stored-keys.ts';
import { createStreamSignature, readSignedQuery } from '../access/stream-signature.ts';
import { fixedAuthenticator } from '../access/testing/fixed-authenticator.ts';
import { createMemoryKeys } from '../access/testing/memory-keys.ts';
import { startTestApp, testKey } from '../testing/start-app.ts';
import { noCors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import { createHandler } from './handler.ts';
import { replyJson } from './reply.ts';
import type { Method, Route } from './route.ts';
import { createHttpServer, type HttpServer } from './server.ts';
import { createStreamUrls } from './stream-url.ts';

let http: HttpServer | undefined;
afterEach(() => http?.destroy());

/** Routes that say who has reached them, for which stream. */
function route(method: Method, path: string, access: Route['access']): Route {
  return {
    method,
    path,
    access,
    handle: (exchange: Exchange) => {
      const { keyId, onlyStream = null } = exchange.principal;
      return replyJson(exchange, 200, JSON.stringify({ keyId, onlyStream, id: exchange.id }));
    },
  };
}

async function start() {
  const ledger = createMemoryKeys();
  const stored = createStoredKeys({ ledger, now: () => 0 });
  await stored.follow(new AbortController().signal, () => {});
  const handle = createHandler({
    routes: [
      route('GET', '/v1/streams/{id}', 'stream'),
      route('DELETE', '/v1/streams/{id}', 'stream'),
      route('POST', '/v1/chat/completions/{id}/cancel', 'key'),
    ],
    authenticator: fixedAuthenticator({ apiKeys: ['tr_user'], stored }),
    cors: noCors,
    ownHostsOnly: false,
    clientWriteMs: 1_000,
    newRequestId: () => 'req_1',
    onDone: () => {},
  });
  http = createHttpServer(
    handle,
    () => 'req_1',
    () => {},
  );
  const port = await http.listen({ host: '127.0.0.1', port: 0, loopback: true });
  const signature = createStreamSignature(stored.signingSecret);
  const urls = createStreamUrls({ signature, publicUrl: undefined, retentionMs: 600_000 });
  const address = (id: string) =>
    urls(`127.0.0.1:${port}`, { id, createdAtMs: Date.now(), totalMs: 600_000 }) ?? '';
  return { address, url: `http://127.0.0.1:${port}` };
}

async function ask(url: string, method = 'GET', headers: Record<string, string> = {}) {
  const answer = await fetch(url, { method, headers });
  const text = await answer.text();
  const json: unknown = text === '' ? {} : JSON.parse(text);
  return { status: answer.status, json };
}

it('a signed address reads and cancels its own stream without a key, whatever characters its id has', async () => {
  const { address } = await start();
  for (const id of ['chatcmpl-AbC', 'a/b?c&d=e', 'ä "\n#'])
    for (const method of ['GET', 'DELETE'])
      expect(await ask(address(id), method)).toEqual({
        status: 200,
        json: { keyId: 'signed', onlyStream: id, id },
      });
  expect(await ask(address('a'), 'HEAD')).toMatchObject({ status: 200 });
});

it('a signed address that is led to another stream or another route opens nothing', async () => {
  const { address, url } = await start();
  const query = new URL(address('one')).search;
  expect(await ask(`${url}/v1/streams/two${query}`)).toMatchObject({
    status: 404,
    json: { error: { code: 'completion_not_found', type: 'not_found_error' } },
  });
  expect(await ask(`${url}/v1/chat/completions/one/cancel${query}`, 'POST')).toMatchObject({ status: 401 });
  expect(await ask(`${url}/v1/streams/one`)).toMatchObject({ status: 401 });
  const key = { authorization: 'Bearer tr_user' };
  expect(await ask(`${url}/v1/streams/one`, 'GET', key)).toMatchObject({ json: { onlyStream: null } });
  expect(await ask(`${url}/v1/streams/two${query}`, 'GET', key)).toMatchObject({ status: 404 });
});

describe('the head of a kept stream', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-signed-'));
  const script = join(folder, 'answers.yaml');
  writeFileSync(script, 'answers: [{steps: [{text: "a b"}]}]');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const config = (publicUrl: string) => `
server: {${publicUrl}}
upstreams: {lab: {kind: scripted, script: ${script}}}
timeouts: {total: 1m}
models:
  short: {timeouts: {total: 10s}, targets: [{upstream: lab, model: demo}]}
  long: {timeouts: {total: 2m}, targets: [{upstream: lab, model: demo}]}
stream: {retention: 30s}`;

  async function headOf(publicUrl: string, headers: Record<string, string>) {
    const app = await startTestApp({ config: config(publicUrl), files: { [script]: '' } });
    onTestFinished(() => app.stop());
    const keys = createStoredKeys({ ledger: app.ledger.ledger, now: () => 0 });
    await keys.follow(new AbortController().signal, () => {});
    const answer = await fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'short', stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
    });
    await answer.text();
    const id = answer.headers.get('tailrace-completion-id') ?? '';
    const address = answer.headers.get('tailrace-stream-url');
    return { app, id, address, signatures: createStreamSignature(keys.signingSecret) };
  }
  const resumable = { 'tailrace-resumable': 'true' };

  it('has an address that this server has signed, until the deadline of its model and the retention are over', async () => {
    const beforeS = Math.floor(Date.now() / 1_000);
    const { app, id, address, signatures } = await headOf('', resumable);
    const { origin, pathname, search } = new URL(address ?? '');
    expect([origin, pathname]).toEqual([app.url, `/v1/streams/${id}`]);
    const asked = readSignedQuery(search.slice(1)) ?? { expires: '', signature: '' };
    expect(signatures.verify(id, asked, Date.now())).toBe('valid');
    expect(Number(asked.expires)).toBeGreaterThanOrEqual(beforeS + 40);
    expect(Number(asked.expires)).toBeLessThanOrEqual(Math.ceil(Date.now() / 1_000) + 40);
  });

  it('begins with server.public_url where it is set, also for a proxy that says another scheme', async () => {
    const forwarded = { 'x-forwarded-proto': 'ftp', 'x-forwarded-host': 'evil.example' };
    const { address, id } = await headOf('public_url: "https://ai.example.org/t"', {
      ...resumable,
      ...forwarded,
    });
    expect(address).toMatch(`https://ai.example.org/t/v1/streams/${id}?expires=`);
    expect((await headOf('', { ...resumable, ...forwarded })).address).toMatch(/^http:\/\/127\.0\.0\.1:/);
  });

  it('of a stream that is not kept has none', async () => {
    expect((await headOf('', {})).address).toBeNull();
  });

  it('is in no log', async () => {
    const { app, address } = await headOf('', resumable);
    await expect.poll(() => app.logged().length).toBe(1);
    expect(JSON.stringify(app.logged())).not.toContain(new URL(address ?? '').searchParams.get('signature'));
  });
});
