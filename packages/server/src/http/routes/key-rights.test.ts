import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryKeys } from '../../access/testing/memory-keys.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';
import { createWall, type Wall } from '../../wall/wall.ts';

/** What a key may do with models, seen by a client. */

const ledger = createMemoryKeys();
let app: TestApp;
let wall: Wall;
beforeAll(async () => {
  wall = createWall();
  const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  app = await startTestApp({
    config: `
upstreams:
  lab: {base_url: "http://127.0.0.1:${port}/v1"}
  broken: {base_url: "http://127.0.0.1:9/v1"}
retry: {backoff: 1ms}
models:
  acme/chat: {aliases: [chat], targets: [{upstream: lab, model: wall/healthy}]}
  acme/fragile: {targets: [{upstream: broken, model: demo}], fallbacks: [other/big]}
  other/big: {targets: [{upstream: lab, model: wall/healthy}]}`,
    keyLedger: ledger,
  });
});
afterAll(async () => {
  await app?.stop();
  await wall?.close();
});

async function admin(method: string, path: string, body: object) {
  const answer = await fetch(app.url + path, {
    method,
    headers: { authorization: `Bearer ${testAdminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as { id: string; key: string };
}
const keyWith = async (body: object) => (await admin('POST', '/admin/v1/keys', body)).key;

function complete(key: string, model: string, more: object = {}): Promise<Response> {
  return fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }], ...more }),
  });
}
async function outcome(key: string, model: string): Promise<unknown> {
  const answer = await complete(key, model);
  const { error } = (await answer.json()) as { error?: { code: string; param: string; message: string } };
  return error ?? answer.status;
}
async function listed(key: string): Promise<string[]> {
  const answer = await fetch(`${app.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  const { data } = (await answer.json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

const notAllowed = { code: 'model_not_allowed', param: 'model' };

describe('the models of a key', () => {
  it('are all without a list', async () => {
    for (const key of [testKey, await keyWith({})]) {
      expect(await listed(key)).toEqual(['acme/chat', 'chat', 'default', 'acme/fragile', 'other/big']);
      expect(await outcome(key, 'other/big')).toBe(200);
    }
  });

  it('are those of its list, under each of their names', async () => {
    const key = await keyWith({ models: ['chat'] });
    expect(await listed(key)).toEqual(['acme/chat', 'chat', 'default']);
    expect(await outcome(key, 'acme/chat')).toBe(200);
    expect(await outcome(key, 'default')).toBe(200);
    expect(await outcome(key, 'other/big')).toMatchObject({
      ...notAllowed,
      message: expect.stringContaining("This key may not use the model 'other/big'. Allowed: chat."),
    });
    const one = await fetch(`${app.url}/v1/models/other/big`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(one.status).toBe(403);
  });

  it('are bounded by those of its owner, also while it runs', async () => {
    const key = await keyWith({ owner: 'acme', models: ['acme/*', 'other/*'] });
    await admin('PUT', '/admin/v1/owners/acme', { models: ['acme/*'] });
    expect(await outcome(key, 'other/big')).toMatchObject({
      ...notAllowed,
      message: expect.stringContaining("The owner 'acme'"),
    });
    await admin('PATCH', '/admin/v1/owners/acme', { models: null });
    expect(await outcome(key, 'other/big')).toBe(200);
  });

  it('hold for fallbacks too', async () => {
    const all = await complete(await keyWith({}), 'acme/fragile');
    expect(((await all.json()) as { model: string }).model).toBe('other/big');
    expect(await outcome(await keyWith({ models: ['acme/*'] }), 'acme/fragile')).toMatchObject({
      code: 'upstream_refused',
    });
  });

  it('are the only ones that a hint names', async () => {
    const { message } = (await outcome(await keyWith({ models: ['acme/*'] }), 'other/bik')) as {
      message: string;
    };
    expect(message).not.toContain('other/big');
  });
});

it('a key has its own default for the form of usage; the request wins', async () => {
  const key = await keyWith({ usage_chunk: 'separate' });
  const stream = { stream: true, stream_options: { include_usage: true } };
  const text = async (of: string) => (await complete(of, 'chat', stream)).text();
  expect(await text(key)).toContain('"choices":[]');
  expect(await text(testKey)).not.toContain('"choices":[]');
});
