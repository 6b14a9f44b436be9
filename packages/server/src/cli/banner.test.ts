import { expect, test } from 'vitest';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { banner, modelsLine } from './banner.ts';
import { consoleAddress } from './console-address.ts';

async function configOf(text: string): Promise<Config> {
  const files = memoryFiles('/etc/tailrace', { 'tailrace.yaml': text });
  const loaded = await loadConfig({ env: {}, cwd: '/etc/tailrace', files });
  if (!loaded.ok) throw new Error('the test has a mistake in its file');
  return loaded.config;
}

const lab = 'upstreams: {lab: {base_url: "http://127.0.0.1:9/v1"}}\n';
const models = (...ids: readonly string[]) =>
  `${lab}models: {${ids.map((id) => `${id}: {targets: [{upstream: lab}]}`).join(', ')}}`;

test('with upstreams the banner names the models, and which of them is the default', async () => {
  expect(modelsLine(await configOf(models('acme/chat', 'acme/careful')))).toEqual([
    'Models: acme/chat (default), acme/careful',
  ]);
  expect(modelsLine(await configOf(models('a', 'default')))).toEqual(['Models: a, default']);
});

test('of many models the banner names the first eight and counts the others', async () => {
  const ids = Array.from({ length: 10 }, (_, index) => `m${index}`);
  expect(modelsLine(await configOf(models(...ids)))).toEqual([
    'Models: m0 (default), m1, m2, m3, m4, m5, m6, m7 and 2 more',
  ]);
});

test('a model on the engine has the name that clients use', async () => {
  const text = 'models: {acme/chat: {targets: [{engine: smollm2-135m-instruct}]}}';
  expect(modelsLine(await configOf(text))).toEqual(['Models: acme/chat (default), smollm2-135m-instruct']);
});

test("where all models are the engine's, only the engine's lines name them", async () => {
  expect(modelsLine(await configOf(''))).toEqual([]);
  expect(modelsLine(await configOf('engine: {enabled: false}'))).toEqual([]);
});

test('the banner shows the address that signs a browser in on a terminal only', () => {
  const facts = (terminal: boolean, console: string | undefined) => ({
    ...{ url: 'http://h:1', adminFile: undefined, models: [], serves: true, terminal, console },
    key: { type: 'configured' } as const,
  });
  const address = consoleAddress('http://127.0.0.1:7245', 'a-code');
  expect(banner(facts(true, address))).toContain(
    '\nPlayground and console: http://127.0.0.1:7245/#sign-in=a-code  (signs one browser in, once, within 10 minutes)\n',
  );
  expect(banner(facts(false, address))).not.toContain('a-code');
  expect(banner(facts(true, undefined))).not.toContain('console:');
  // Where no key is asked for.
  expect(banner(facts(true, consoleAddress('http://127.0.0.1:7245', undefined)))).toContain(
    '\nPlayground and console: http://127.0.0.1:7245/\n',
  );
});
