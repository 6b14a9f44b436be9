import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, testKey } from '../../testing/start-app.ts';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-models-'));
const script = join(folder, 'lab.yaml');

let app: TestApp;
beforeAll(async () => {
  writeFileSync(
    script,
    `
models:
  small: {capabilities: [temperature, stop]}
  tools: {capabilities: [stop, tools, image_input]}
answers: [{steps: [{text: [Hello]}]}]`,
  );
  app = await startTestApp({
    config: `
upstreams:
  lab: {kind: scripted, script: ${script}}
  far: {base_url: "http://127.0.0.1:9/v1"}
models:
  small: {aliases: [tiny], context: 4096, targets: [{upstream: lab, model: small}], price: {input: 0.15, output: 0.60, above: [{tokens: 1000, input: 0.3}]}}
  two: {targets: [{upstream: lab, model: small}, {upstream: lab, model: tools}]}
  same: {targets: [{upstream: far, model: one}, {upstream: far, model: also-one}]}
  unlike: {targets: [{upstream: far, model: one}, {upstream: far, model: other}]}
storage: {prices_file: prices.json}`,
    files: {
      [script]: '',
      'prices.json': JSON.stringify({
        one: { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
        'also-one': { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
        other: { input_cost_per_token: 3e-6 },
      }),
    },
  });
});
afterAll(async () => {
  await app?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(path: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${testKey}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

describe('GET /v1/models', () => {
  it('says of each name what its model honours and costs, beside the members of OpenAI', async () => {
    const { object, data } = await ask('/v1/models');
    const small = {
      object: 'model',
      created: expect.any(Number),
      owned_by: 'tailrace',
      context_length: 4096,
      capabilities: ['temperature', 'stop'],
      price: { input: '0.15', output: '0.6', above: [{ tokens: 1000, input: '0.3' }] },
      defaults: null,
    };
    expect(object).toBe('list');
    expect(data).toEqual(
      expect.arrayContaining([
        { id: 'small', ...small },
        { id: 'tiny', ...small },
      ]),
    );
    expect(await ask('/v1/models/tiny')).toEqual({ id: 'tiny', ...small });
  });

  it('a model can do what one of its targets can', async () => {
    expect(await ask('/v1/models/two')).toMatchObject({
      capabilities: ['temperature', 'stop', 'tools', 'image_input'],
    });
  });

  it('a price is told where it is the same at every target, else none is', async () => {
    expect((await ask('/v1/models/same'))['price']).toEqual({ input: '1', output: '2' });
    expect((await ask('/v1/models/unlike'))['price']).toBeNull();
    expect((await ask('/v1/models/two'))['price']).toBeNull();
  });
});
