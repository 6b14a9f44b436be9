import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';
import { createWall, type Wall } from '../../wall/wall.ts';

/*
 * What key B has done, and what B may do, is not to be seen with key A: over the real ledger, in every answer that a key gets.
 */

let app: TestApp;
let wall: Wall;
let a: Made;
let b: Made;
/** Everything that B has and A has not. */
let ofB: readonly string[];

interface Made {
  readonly id: string;
  readonly key: string;
}

beforeAll(async () => {
  wall = createWall();
  const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  app = await startTestApp({
    config: `
upstreams: {lab: {base_url: "http://127.0.0.1:${port}/v1"}}
models:
  open/chat: {targets: [{upstream: lab, model: wall/healthy}]}
  secret/chat: {aliases: [hidden], targets: [{upstream: lab, model: wall/healthy}]}`,
  });
  a = await make({ name: 'of-a', owner: 'owner-a', models: ['open/*'], requests_per_minute: 50 });
  b = await make({
    name: 'name-of-b',
    owner: 'owner-b',
    models: ['secret/*'],
    requests_per_minute: 70,
    budget: { tokens: 123_456, period: 'day' },
    metadata: { note: 'metadata-of-b' },
  });
  const done = await complete(
    b.key,
    'secret/chat',
    { user: 'user-of-b' },
    { 'tailrace-tags': 'team=tag-of-b' },
  );
  expect(done.status).toBe(200);
  const { id } = JSON.parse(done.text) as { id: string };
  // It is settled a moment after its answer.
  await vi.waitFor(async () =>
    expect(JSON.parse((await call(b.key, '/v1/usage')).text)).toMatchObject({ requests: 1 }),
  );
  ofB = [b.id, b.key, id, 'name-of-b', 'owner-b', 'metadata-of-b', 'user-of-b', 'tag-of-b', '123456'];
  ofB = [...ofB, 'secret/chat', 'hidden'];
});
afterAll(async () => {
  await app?.stop();
  await wall?.close();
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function call(key: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(app.url + path, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

async function make(fields: object): Promise<Made> {
  const init = { method: 'POST', body: JSON.stringify(fields) };
  return JSON.parse((await call(testAdminKey, '/admin/v1/keys', init)).text) as Made;
}

function complete(key: string, model: string, more: object = {}, headers = {}): Promise<Answer> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }], ...more });
  return call(key, '/v1/chat/completions', { method: 'POST', body, headers });
}

const shownOfB = ({ text, headers }: Answer, asked = ''): readonly string[] =>
  ofB.filter((word) => !asked.includes(word) && `${text} ${JSON.stringify([...headers])}`.includes(word));

it.each([
  '',
  '?group_by=key',
  '?group_by=owner,user,model,target,day,hour',
  '?group_by=tag:team',
  '?user=user-of-b',
  '?model=secret/chat',
  '?tag=team=tag-of-b',
])('/v1/usage%s counts nothing of another key', async (query) => {
  const answer = await call(a.key, `/v1/usage${query}`);
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text)).toMatchObject({ key_id: a.id, requests: 0, prompt_tokens: 0, data: [] });
  expect(shownOfB(answer)).toEqual([]);
  // The same question with B's key has an answer.
  const own = JSON.parse((await call(b.key, `/v1/usage${query}`)).text);
  expect(own).toMatchObject({ key_id: b.id, requests: 1 });
});

it('/v1/usage cannot be asked for another key or owner', async () => {
  for (const query of [`key_id=${b.id}`, `key=${b.id}`, 'owner=owner-b', `key_id=${b.id}&group_by=key`]) {
    const answer = await call(a.key, `/v1/usage?${query}`);
    expect([query, answer.status]).toEqual([query, 400]);
    expect(shownOfB(answer, query)).toEqual([]);
  }
});

it('the models of another key are neither listed nor named, and not served', async () => {
  const list = await call(a.key, '/v1/models');
  expect(list.text).toContain('open/chat');
  expect(shownOfB(list)).toEqual([]);
  for (const model of ['secret/chat', 'hidden']) {
    const one = await call(a.key, `/v1/models/${model}`);
    expect(one.status).toBe(403);
    expect(shownOfB(one, model)).toEqual([]);
    const asked = await complete(a.key, model);
    expect(asked.status).toBe(403);
    expect(shownOfB(asked, model)).toEqual([]);
  }
  for (const model of ['secret/cha', 'hiden']) {
    const misspelt = await complete(a.key, model);
    expect(misspelt.status).toBe(404);
    expect(shownOfB(misspelt)).toEqual([]);
  }
});

it('the limits in the headers are those of the key that asks', async () => {
  const answer = await complete(a.key, 'open/chat');
  expect(answer.headers.get('x-ratelimit-limit-requests')).toBe('50');
  expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('49');
  expect(answer.headers.get('x-ratelimit-limit-tokens')).toBeNull();
});

it('every route of the administration refuses it, whatever it asks for', async () => {
  const admin = app.routes.filter(({ access }) => access === 'admin');
  expect(admin.length).toBeGreaterThan(10);
  for (const { method, path } of admin) {
    for (const id of [b.id, 'owner-b']) {
      for (const key of [a.key, testKey]) {
        const asked = path.replace('{id}', id);
        const answer = await call(key, asked, { method });
        expect([asked, answer.status]).toEqual([asked, 403]);
        expect(shownOfB(answer, asked)).toEqual([]);
      }
    }
  }
});

it('what B has done is there for the administration', async () => {
  const answers = [
    await call(testAdminKey, '/admin/v1/requests'),
    await call(testAdminKey, '/admin/v1/keys'),
    await call(testAdminKey, '/admin/v1/usage?group_by=user,tag:team'),
    await call(testAdminKey, '/v1/models'),
  ];
  const seen = new Set(answers.flatMap((answer) => shownOfB(answer)));
  expect(ofB.filter((word) => word !== b.key && !seen.has(word))).toEqual([]);
});
