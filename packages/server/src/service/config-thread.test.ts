import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { diskFiles } from '../config/config-files.ts';
import { loadConfig } from '../config/load-config.ts';
import { createConfigThread } from './config-thread.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tailrace-config-'));
const thread = createConfigThread();
afterAll(async () => {
  await thread.close();
  rmSync(cwd, { recursive: true });
});

const env = { KEY: 'a-key-of-the-environment' };

function sourcesOf(text: string) {
  writeFileSync(join(cwd, 'tailrace.yaml'), text);
  return { env, cwd, flags: { noEngine: true } };
}

const models = Array.from(
  { length: 300 },
  (_, n) => `  m${n}: {aliases: [a${n}], targets: [{upstream: lab, model: x}], context: 8192}`,
).join('\n');

it('loads the same configuration as a start, frozen, while the event loop runs', async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the configuration.
  const upstreams = 'upstreams: {lab: {kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: "${KEY}"}}';
  const sources = sourcesOf(`${upstreams}\nmodels:\n${models}\n`);
  let turns = 0;
  let over = false;
  const reading = thread.load(sources).finally(() => {
    over = true;
  });
  while (!over) {
    await turn();
    turns += 1;
  }
  const loaded = await reading;
  expect(loaded).toEqual(await loadConfig(sources));
  expect(loaded.ok && Object.isFrozen(loaded.config) && Object.isFrozen(loaded.config.server)).toBe(true);
  // On the event loop itself there would have been one turn or two.
  expect(turns).toBeGreaterThan(20);
});

it('reads the catalogue of prices, as it is at that time', async () => {
  const file = join(cwd, 'prices.json');
  const sources = sourcesOf(
    'storage: {prices_file: prices.json}\nupstreams: {lab: {base_url: "http://h/v1"}}\nmodels: {a: {targets: [{upstream: lab}]}}',
  );
  const listed = async () => {
    const loaded = await thread.load(sources);
    return loaded.ok ? loaded.config.models.get('a')?.targets[0]?.listed?.price.input : loaded.problems;
  };
  writeFileSync(file, '{"a": {"input_cost_per_token": 1e-06}}');
  expect(await listed()).toBe('1');
  // More than the 1 MiB of other files.
  writeFileSync(file, `{"a": {"input_cost_per_token": 2e-06}, "b": "${'x'.repeat(2 * 1024 ** 2)}"}`);
  expect(await listed()).toBe('2');
  writeFileSync(file, '{"a": {"input_cost_per_token": -1}}');
  expect(await listed()).toMatchObject([{ path: 'storage.prices_file' }]);
  writeFileSync(file, ' '.repeat(17 * 1024 ** 2));
  expect(await listed()).toMatchObject([{ message: 'cannot read prices.json: larger than 16MiB' }]);
});

it('returns the problems, and a hundred of many', async () => {
  const loaded = await thread.load(sourcesOf(Array.from({ length: 5_000 }, (_, n) => `k${n}: v`).join('\n')));
  if (loaded.ok) throw new Error('it was accepted');
  expect(loaded.problems).toHaveLength(101);
  expect(loaded.problems.at(-1)).toMatchObject({ message: '4900 more problems' });
});

it('reads its files on the main thread, so the thread can be ended while a disk does not answer', async () => {
  const asked = Promise.withResolvers<void>();
  const hung = createConfigThread({
    ...diskFiles,
    read: () => {
      asked.resolve();
      return new Promise(() => {});
    },
    isFile: async () => true,
  });
  const loading = hung.load({ env, cwd });
  await asked.promise;
  await hung.close();
  expect(await loading).toMatchObject({ ok: false });
});

it('ends its task where the read throws, and does the next one', async () => {
  let throws = true;
  const files = createConfigThread({
    ...diskFiles,
    read: async (path, reload) => {
      if (!throws) return diskFiles.read(path, reload);
      throw new Error('a bug');
    },
    isFile: async () => true,
  });
  const sources = sourcesOf(`models: {a: {targets: [{upstream: b}]}}`);
  expect(await files.load(sources)).toMatchObject({
    problems: [{ message: 'it could not be checked: the thread that checks it died' }],
  });
  throws = false;
  expect(await files.load(sources)).toMatchObject({ problems: [{ path: 'models.a.targets[0].upstream' }] });
  await files.close();
});
