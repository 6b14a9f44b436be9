import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';

const prices = '{"second-model": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({
    config: `
upstreams:
  lab: {base_url: "http://127.0.0.1:9/v1"}
  far: {base_url: "http://127.0.0.1:9/v1", api_key: the-secret-of-far}
models:
  first:
    aliases: [uno]
    targets: [{upstream: lab, model: m, weight: 2, takeover: replay}]
    fallbacks: [third]
    price: {input: 0.15, output: 0.60, above: [{tokens: 1000, input: 0.3}]}
    context: 4096
  third: {targets: [{upstream: far, model: second-model}, {upstream: far, model: free, priority: 1}]}
breaker: {failures: 1}
retry: {per_target: 1, total: 1}
storage: {prices_file: prices.json}`,
    files: { 'prices.json': prices },
  });
});
afterAll(() => app?.stop());

const ask = async (path: string): Promise<Record<string, unknown>> => {
  const response = await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${testAdminKey}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
};

it('lists each model once with names, targets, prices and their places, fallbacks and health', async () => {
  const { data, has_more } = await ask('/admin/v1/models');
  const healthy = {
    ...{ healthy: true, breaker: 'closed', probe_at: null, in_flight: 0, recent_failures: 0 },
    ...{ engine: null, capabilities: expect.arrayContaining(['temperature', 'tools', 'json_schema']) },
  };
  expect(has_more).toBe(false);
  expect(data).toEqual([
    {
      id: 'first',
      aliases: ['uno', 'default'],
      context_length: 4096,
      balance: 'weight',
      fallbacks: ['third'],
      healthy: true,
      targets: [
        {
          id: 'lab/m',
          upstream: 'lab',
          model: 'm',
          priority: 0,
          weight: 2,
          takeover: 'replay',
          price: {
            input: '0.15',
            output: '0.6',
            above: [{ tokens: 1000, input: '0.3' }],
            source: { file: '/test-app/tailrace.yaml', key: 'models.first.price' },
          },
          ...healthy,
        },
      ],
    },
    expect.objectContaining({
      id: 'third',
      aliases: [],
      context_length: null,
      targets: [
        expect.objectContaining({
          id: 'far/second-model',
          takeover: null,
          price: {
            input: '1',
            output: '2',
            source: { file: '/test-app/prices.json', key: 'second-model' },
          },
        }),
        expect.objectContaining({ id: 'far/free', priority: 1, price: null }),
      ],
    }),
  ]);
});

it('a model is not healthy once the breakers of all its targets are open', async () => {
  const refused = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'first', messages: [{ role: 'user', content: 'Hi' }] }),
  });
  await refused.text();
  const { data } = await ask('/admin/v1/models');
  expect(data).toMatchObject([
    {
      id: 'first',
      healthy: false,
      targets: [
        { healthy: false, breaker: 'open', recent_failures: 1, probe_at: expect.stringMatching(/^20.*Z$/) },
      ],
    },
    { id: 'third', healthy: true },
  ]);
});

it('shows the configuration in force by the keys of its file, without its secrets', async () => {
  const shown = await ask('/admin/v1/config');
  expect(shown).toMatchObject({
    file: '/test-app/tailrace.yaml',
    config: {
      upstreams: { far: { base_url: 'http://127.0.0.1:9/v1', api_key: ['***'] } },
      breaker: { failures: 1, window: '30s' },
      auth: { api_keys: ['***'], admin_keys: ['***'] },
    },
  });
  for (const secret of [testKey, testAdminKey, 'the-secret-of-far'])
    expect(JSON.stringify(shown)).not.toContain(secret);
});
