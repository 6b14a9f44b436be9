import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createSignIns } from '../access/sign-ins.ts';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig, type Reload } from '../config/load-config.ts';
import { createTestJournal } from '../journal/testing/test-journal.ts';
import { createOpenHandedLedger } from '../ledger/testing/open-handed-ledger.ts';
import { noPeers } from '../peers/no-peers.ts';
import { createLog } from '../telemetry/create-log.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { createUpstreams } from '../upstreams/registry.ts';
import { createService, type ServiceParts } from './service.ts';
import type { FoundKeys } from './serving-keys.ts';

const folder = '/etc/tailrace';
const text =
  'upstreams: {lab: {base_url: "http://127.0.0.1:9/v1"}}\nmodels: {a: {targets: [{upstream: lab}]}}';

/** A service over files that change, and the configurations it has put in force. */
async function serviceOver(
  files: Record<string, string>,
  more: Partial<Pick<ServiceParts, 'load' | 'keysForReload' | 'createUpstreams' | 'ledger'>> = {},
) {
  const load = (reload?: Reload) =>
    loadConfig({
      env: {},
      cwd: folder,
      files: memoryFiles(folder, files),
      ...(reload === undefined ? {} : { reload }),
    });
  const loaded = await load();
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const keys = {
    apiKeys: ['k'],
    adminKeys: ['a'],
    shown: { type: 'configured' },
    adminFile: undefined,
  } as const;
  const inForce: (readonly string[])[] = [];
  const service = createService({
    config: loaded.config,
    fileHasContent: loaded.fileHasContent,
    signIns: createSignIns(Date.now),
    engine: undefined,
    journal: createTestJournal(),
    ledger: createOpenHandedLedger(),
    peers: noPeers,
    log: createLog({ level: 'error', format: 'json', stream: new PassThrough(), now: () => 0 }),
    upstreams: await createUpstreams(loaded.config.upstreams),
    keys,
    load,
    createUpstreams: (next, before) => createUpstreams(next.upstreams, {}, before),
    keysForReload: async () => ({ ok: true, keys, warnings: [] }),
    onSecrets: (next) => inForce.push([...next.models.keys()]),
    ...more,
  });
  return { service, inForce };
}

test.each([
  ['read', () => Promise.resolve()],
  ['refused', () => Promise.reject(new Error('the store is away'))],
])('the keys of the store are known, or cannot be had, once they are %s', async (_, outcome) => {
  const asked = Promise.withResolvers<void>();
  const ledger = { ...createOpenHandedLedger(), watchKeys: () => asked.promise.then(outcome) };
  const { service } = await serviceOver({ 'tailrace.yaml': text }, { ledger });
  let isKnown = false;
  void service.keysRead.then(() => {
    isKnown = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isKnown).toBe(false);
  asked.resolve();
  await service.keysRead;
  await service.drain();
});

test('a store that does not answer holds a start up for two seconds only', async () => {
  const ledger = { ...createOpenHandedLedger(), watchKeys: () => new Promise<void>(() => {}) };
  const { service } = await serviceOver({ 'tailrace.yaml': text }, { ledger });
  await service.keysRead;
  await service.drain();
});

test('a reload puts the present file in force', async () => {
  const files: Record<string, string> = { 'tailrace.yaml': text };
  const { service, inForce } = await serviceOver(files);
  files['tailrace.yaml'] = text.replace('models: {a:', 'models: {b:');
  expect(await service.reload()).toEqual({
    problems: [],
    changed: [
      { path: 'models.a', change: 'removed' },
      { path: 'models.b', change: 'added' },
    ],
    warnings: [],
  });
  expect(inForce).toEqual([['b']]);
});

test('an empty file that is in force can be reloaded, also after a refused reload', async () => {
  const files: Record<string, string> = { 'tailrace.yaml': '' };
  let refuse = true;
  const { service } = await serviceOver(files, {
    createUpstreams: async (next, before) => {
      const created = await createUpstreams(next.upstreams, {}, before);
      return refuse ? { ...created, problems: ['refused'] } : created;
    },
  });
  files['tailrace.yaml'] = 'server: {max_body: 1MiB}';
  expect(await service.reload()).toMatchObject({ problems: [{ message: 'refused' }] });
  files['tailrace.yaml'] = '';
  refuse = false;
  expect(await service.reload()).toMatchObject({ problems: [] });
  files['tailrace.yaml'] = 'server: {max_body: 1MiB}';
  expect(await service.reload()).toMatchObject({ problems: [] });
  files['tailrace.yaml'] = '';
  expect((await service.reload()).problems).toHaveLength(1);
});

test('a reload of a file with a mistake says where it is', async () => {
  const files: Record<string, string> = { 'tailrace.yaml': text };
  const { service, inForce } = await serviceOver(files);
  files['tailrace.yaml'] = `${text}\nretry: {totl: 3}`;
  const line = files['tailrace.yaml'].split('\n').length;
  expect((await service.reload()).problems).toMatchObject([
    {
      source: expect.stringMatching(/tailrace\.yaml$/),
      line,
      column: 9,
      path: 'retry.totl',
      message: expect.stringContaining('"total"'),
    },
  ]);
  expect(inForce).toEqual([]);
});

test('a reload without its file changes nothing', async () => {
  const files: Record<string, string> = { 'tailrace.yaml': text };
  const { service, inForce } = await serviceOver(files);
  delete files['tailrace.yaml'];
  const problems = [{ message: `cannot read ${folder}/tailrace.yaml: there is no such file any more` }];
  expect(await service.reload()).toEqual({ problems, changed: [], warnings: [] });
  expect(inForce).toEqual([]);
});

test('a server that started without a file reads a new file at a reload', async () => {
  const files: Record<string, string> = { 'answers.yaml': '' };
  const { service, inForce } = await serviceOver(files);
  files['tailrace.yaml'] = text;
  // The file is read: it is refused only because it changes the engine, which cannot change while the process runs.
  const message = 'engine cannot change while the server runs; restart it';
  const problems = [{ path: 'engine', message }];
  expect(await service.reload()).toEqual({ problems, changed: [], warnings: [] });
  expect(inForce).toEqual([]);
});

test('a reload returns the warnings of the configuration in force, or else each problem', async () => {
  const keys = {
    apiKeys: ['k'],
    adminKeys: ['a'],
    shown: { type: 'configured' },
    adminFile: undefined,
  } as const;
  let found: FoundKeys = { ok: true, keys, warnings: ['the key in force stays'] };
  const { service, inForce } = await serviceOver(
    { 'tailrace.yaml': text },
    { keysForReload: async () => found },
  );
  expect(await service.reload()).toEqual({
    problems: [],
    changed: [],
    warnings: ['the key in force stays'],
  });
  found = { ok: false, problems: ['no key'] };
  expect(await service.reload()).toEqual({
    problems: [{ message: 'no key' }],
    changed: [],
    warnings: [],
  });
  expect(inForce).toEqual([['a']]);
});

test('a reload that cannot make one upstream closes the others that it has made', async () => {
  let retired = 0;
  const { service, inForce } = await serviceOver(
    { 'tailrace.yaml': text },
    {
      createUpstreams: async (next, before) => ({
        ...(await createUpstreams(next.upstreams, {}, before)),
        problems: ['upstreams.lab: ca_file: it is empty'],
        retire: () => {
          retired += 1;
        },
      }),
    },
  );
  expect(await service.reload()).toMatchObject({
    problems: [{ message: 'upstreams.lab: ca_file: it is empty' }],
  });
  expect([retired, inForce]).toEqual([1, []]);
});

test('a reload that never ends delays neither the shutdown nor other requests for a reload, and changes nothing later', async () => {
  const files: Record<string, string> = { 'tailrace.yaml': text };
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { service, inForce } = await serviceOver(files, {
    load: async () => {
      await held;
      return loadConfig({ env: {}, cwd: folder, files: memoryFiles(folder, files) });
    },
  });
  const asked = [service.reload(), service.reload()];
  await service.drain();
  const ended = { problems: [{ message: 'the server is shutting down' }], changed: [], warnings: [] };
  expect(await Promise.all([...asked, service.reload()])).toEqual([ended, ended, ended]);
  release();
  await new Promise(setImmediate);
  expect(inForce).toEqual([]);
});
