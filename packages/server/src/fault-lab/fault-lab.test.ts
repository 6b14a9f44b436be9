import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryKeys } from '../access/testing/memory-keys.ts';
import { loadConfig } from '../config/load-config.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../testing/start-app.ts';
import { healthyTokens } from '../wall/healthy-answer.ts';
import { hasFaultLab } from './has-fault-lab.ts';

const question = 'Tell me about the mill.';
const wholeText = healthyTokens({ messages: [{ role: 'user', text: question }] }).join('');

let app: TestApp;
let off: TestApp;
beforeAll(async () => {
  app = await startTestApp({ config: ownModel });
  off = await startTestApp({ config: 'console: {fault_lab: false}' });
});
afterAll(() => Promise.all([app.stop(), off.stop()]));

const ownModel = `
upstreams: {a: {kind: openai, base_url: "http://127.0.0.1:1/v1"}}
models: {fault-lab/truth/503: {targets: [{upstream: a, model: m}]}}
retry: {backoff: 1ms}
`;

async function call(path: string, body?: object, { on = app, key = testKey } = {}) {
  const answer = await fetch(on.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  const json = text.startsWith('{') ? (JSON.parse(text) as any) : undefined;
  return { status: answer.status, id: answer.headers.get('tailrace-completion-id') ?? '', text, json };
}

const ask = (model: string, more: Parameters<typeof call>[2] & { fields?: object } = {}) => {
  const messages = [{ role: 'user', content: question }];
  return call('/v1/chat/completions', { model, messages, stream: true, ...more.fields }, more);
};

function said(stream: string): string {
  const events = [...stream.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => JSON.parse(json));
  return events
    .flatMap(({ choices = [] }) => choices.map(({ delta }: never) => delta['content'] ?? ''))
    .join('');
}

const story = async (id: string) => (await call(`/v1/fault-lab/stories/${id}`)).json;

describe('a model of the lab', () => {
  it('fails over before the first word, and its story has each try', async () => {
    const { status, text, id } = await ask('fault-lab/failover/503');
    expect([status, said(text)]).toEqual([200, wholeText]);
    expect(await story(id)).toMatchObject({
      ended: true,
      attempts: [
        {
          target: 'fault-lab/wall/503',
          mode: 'first',
          outcome: 'failed',
          failure: 'upstream_refused',
          delivered_tokens: 0,
        },
        { target: 'fault-lab-spare/wall/healthy', mode: 'first', outcome: 'served', failure: null },
      ],
    });
  });

  it('is taken over by another target behind its last word', async () => {
    const { text, id } = await ask('fault-lab/takeover/cut-rst:4');
    expect(said(text)).toBe(wholeText);
    expect(text).toContain('[DONE]');
    const { attempts } = await story(id);
    expect(attempts).toMatchObject([
      { target: 'fault-lab/wall/cut-rst:4', failure: 'upstream_cut', delivered_tokens: 4 },
      { target: 'fault-lab-spare/wall/healthy', mode: 'prefix', outcome: 'served' },
    ]);
    expect(attempts[1].asked_ms).toBeGreaterThanOrEqual(attempts[0].ended_ms);
  });

  it('tells its story while it runs, by the name that the request has given it', async () => {
    const running = ask('fault-lab/failover/slow-first-token:2s', {
      fields: { metadata: { story: 'mine' } },
    });
    let told = await story('mine');
    while (told.attempts === undefined) told = await story('mine');
    expect(told).toMatchObject({
      ended: false,
      attempts: [{ outcome: 'open', failure: null, ended_ms: null }],
    });
    expect(said((await running).text)).toBe(wholeText);
    expect(await story('mine')).toMatchObject({ ended: true, attempts: [{ outcome: 'served' }] });
  });

  it('has its story in a list, which is empty before it begins', async () => {
    const listed = (query: string) => call(`/v1/fault-lab/stories${query}`);
    expect(await listed('?name=later')).toMatchObject({ status: 200, json: { data: [], has_more: false } });
    const { id } = await ask('fault-lab/failover/503', { fields: { metadata: { story: 'later' } } });
    for (const name of ['later', id])
      expect((await listed(`?name=${name}`)).json.data).toMatchObject([{ id: name, ended: true }]);
    expect((await listed('')).json.error).toMatchObject({ code: 'invalid_value', param: 'name' });
    expect((await listed('?id=x')).json.error).toMatchObject({ code: 'unsupported_parameter', param: 'id' });
  });

  it('has a story for each key that gives the same name', async () => {
    const told = (key?: string) =>
      call('/v1/fault-lab/stories/ours', undefined, key === undefined ? {} : { key });
    await ask('fault-lab/failover/503', { fields: { metadata: { story: 'ours' } } });
    await ask('fault-lab/truth/healthy', { fields: { metadata: { story: 'ours' } }, key: testAdminKey });
    expect((await told()).json.attempts).toHaveLength(2);
    expect((await told(testAdminKey)).json.attempts).toHaveLength(1);
  });

  it('keeps nothing of a request whose answer is over', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const usedMiB = () => {
      collect();
      return process.memoryUsage().heapUsed / 2 ** 20;
    };
    const askLong = () =>
      ask('fault-lab/takeover/cut-fin:1', {
        fields: { messages: [{ role: 'user', content: 'long '.repeat(2 ** 18) }] },
      });
    await askLong();
    const before = usedMiB();
    for (let time = 0; time < 12; time += 1) await askLong();
    expect(usedMiB() - before).toBeLessThan(5);
  }, 60_000);

  it('ends in an error that says why where nothing can help', async () => {
    const { status, text } = await ask('fault-lab/truth/cut-event');
    expect([status, wholeText.startsWith(said(text))]).toEqual([200, true]);
    expect(text).toContain('"upstream_cut"');
    expect(text).not.toContain('[DONE]');
  });

  it('fails the same way however often it was asked: no breaker opens', async () => {
    for (let time = 0; time < 4; time += 1)
      expect((await ask('fault-lab/truth/404')).json.error.code).toBe('upstream_refused');
  });

  it('has a short name for the usual fault of its setting', async () => {
    expect(said((await ask('fault-lab/takeover')).text)).toBe(wholeText);
  });

  it.each([
    'fault-lab',
    'fault-lab/',
    'fault-lab/other/503',
    'fault-lab/truth/5o3',
    'fault-lab/truth/too-fast:100001',
  ])('does not exist under another name: %s', async (model) => {
    expect((await ask(model)).json.error).toMatchObject({ code: 'model_not_found', param: 'model' });
  });

  it("gives way to the configuration's own model of its name", async () => {
    const { text } = await ask('fault-lab/truth/503');
    expect(text).toContain('upstream_refused');
    const [record] = (await app.ledger.ledger.records({ model: 'fault-lab/truth/503', limit: 1 })).data;
    expect(record?.attemptLog[0]?.target).toBe('a/m');
  });

  it('is shown by its id and listed nowhere', async () => {
    expect((await call('/v1/models/fault-lab/failover/503')).json).toMatchObject({
      id: 'fault-lab/failover/503',
    });
    const lists = await Promise.all(
      ['/v1/models', '/admin/v1/models', '/admin/v1/upstreams'].map((path) =>
        call(path, undefined, { key: testAdminKey }),
      ),
    );
    for (const { text } of lists) expect(text).not.toMatch(/fault-lab(-|\/(failover|takeover|wall))/);
  });

  it('leaves a record that names it and costs nothing', async () => {
    const { id } = await ask('fault-lab/failover/401');
    expect((await app.ledger.ledger.records({ id, limit: 1 })).data).toMatchObject([
      { model: 'fault-lab/failover/401', status: 'completed', costMicroUsd: 0, attempts: 2 },
    ]);
  });
});

describe('the list of the lab', () => {
  it('has each fault once, in groups, with what is expected in each setting', async () => {
    const { settings } = (await call('/v1/fault-lab')).json;
    const { data: groups } = (await call('/v1/fault-lab/faults')).json;
    expect(settings.map(({ name }: { name: string }) => name)).toEqual(['truth', 'failover', 'takeover']);
    const all = groups.flatMap(({ faults }: { faults: object[] }) => faults);
    expect(all.length).toBeGreaterThan(80);
    expect(all).toContainEqual({
      name: 'cut-rst',
      description: 'A reset after some deltas.',
      parameter: 'deltas before it',
      asks: {},
      models: [
        {
          id: 'fault-lab/truth/cut-rst:3',
          setting: 'truth',
          expected: { kind: 'error-event', code: 'upstream_cut' },
        },
        {
          id: 'fault-lab/failover/cut-rst:3',
          setting: 'failover',
          expected: { kind: 'error-event', code: 'upstream_cut' },
        },
        { id: 'fault-lab/takeover/cut-rst:3', setting: 'takeover', expected: { kind: 'whole' } },
      ],
    });
  });

  it('has for a key of some models only those of the lab that it may use, and no story of another key', async () => {
    const { id } = await ask('fault-lab/failover/404');
    const keyLedger = createMemoryKeys();
    const other = await startTestApp({ config: '{}', keyLedger });
    try {
      const made = async (fields: object) =>
        (await call('/admin/v1/keys', fields, { on: other, key: testAdminKey })).json.key as string;
      const key = await made({ models: ['acme/*'] });
      const some = await made({ models: ['fault-lab/failover*'] });
      const dollars = await made({ budget: { usd: 1, period: 'day' } });
      const list = async (of: string, path = '/v1/fault-lab') =>
        (await call(path, undefined, { on: other, key: of })).json;
      expect(await list(key)).toEqual({ settings: [] });
      expect((await list(key, '/v1/fault-lab/faults')).data).toEqual([]);
      expect((await ask('fault-lab/failover/503', { on: other, key })).json.error.code).toBe(
        'model_not_allowed',
      );
      expect((await list(some)).settings).toMatchObject([{ name: 'failover' }]);
      expect(JSON.stringify(await list(some, '/v1/fault-lab/faults'))).not.toMatch(
        /fault-lab\/(truth|takeover)/,
      );
      expect((await ask('fault-lab/truth/503', { on: other, key: some })).status).toBe(403);
      expect((await ask('fault-lab/failover/503', { on: other, key: dollars })).status).toBe(200);
      const told = await call(`/v1/fault-lab/stories/${id}`, undefined, { key: testAdminKey });
      expect(told.json.error.code).toBe('completion_not_found');
      const short = await made({ models: ['fault-lab/takeover'] });
      expect((await list(short)).settings).toMatchObject([{ name: 'takeover' }]);
      expect((await ask('fault-lab/takeover', { on: other, key: short })).status).toBe(200);
      expect((await ask('fault-lab/takeover/503', { on: other, key: short })).status).toBe(403);
      expect((await list(await made({ models: ['fault-lab/takeover/*'] }))).settings).toHaveLength(1);
    } finally {
      await other.stop();
    }
  });
});

describe('without the lab', () => {
  it('there is none of it', async () => {
    expect((await ask('fault-lab/failover/503', { on: off })).json.error.code).toBe('model_not_found');
    expect((await call('/v1/fault-lab', undefined, { on: off })).json.error.code).toBe('unknown_url');
    expect((await call('/v1/models/fault-lab/truth/503', undefined, { on: off })).status).toBe(404);
  });

  const key = 'auth: {api_keys: [0123456789abcdef], admin_keys: [fedcba9876543210]}';
  it.each([
    ['{}', true],
    ['server: {listen: "[::1]:1"}', true],
    ['server: {public_url: "https://ai.example.org"}', false],
    [`server: {listen: "0.0.0.0:1"}\n${key}`, false],
    [`server: {listen: "0.0.0.0:1"}\nconsole: {fault_lab: true}\n${key}`, true],
    ['console: {fault_lab: false}', false],
    ['console: {enabled: false, fault_lab: true}', false],
  ])('auto is for a server that only this machine reaches: %s', async (text, has) => {
    const files = memoryFiles('/lab', { 'tailrace.yaml': text });
    const loaded = await loadConfig({ env: {}, cwd: '/lab', flags: { noEngine: true }, files });
    expect(loaded.ok && hasFaultLab(loaded.config)).toBe(has);
  });
});
