import { expect, test } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { changedSettings } from './changed-settings.ts';
import type { Config } from './config.ts';
import { formatProblem } from './config-problem.ts';
import { loadConfig } from './load-config.ts';
import { settingsOfTheStart, settingsThatNeedRestart } from './needs-restart.ts';

async function load(text: string, env = {}): Promise<Config> {
  const loaded = await loadConfig({
    env: { TAILRACE_API_KEY: 'key-of-a-test', ...env },
    cwd: '/etc/tailrace',
    files: memoryFiles('/etc/tailrace', { 'tailrace.yaml': text, 'answers.yaml': '', 'm.gguf': '' }),
  });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
}

const text = `
upstreams:
  lab: {kind: scripted, script: answers.yaml}
models:
  a: {targets: [{upstream: lab, model: one}, {upstream: lab, model: two, weight: 2}]}
retry: {total: 3}
`;

test('the settings in which two configurations differ, without their values', async () => {
  const other = text
    .replace('weight: 2', 'weight: 5')
    .replace('total: 3', 'per_target: 1')
    .replace('lab: {kind', 'new: {base_url: "http://h/v1", api_key: secret-of-new}\n  lab: {kind');
  const changed = changedSettings(await load(text), await load(other));
  expect(changed).toEqual([
    { path: 'upstreams.new', change: 'added' },
    { path: 'models.a.targets[1].weight', change: 'changed' },
    { path: 'retry.per_target', change: 'changed' },
    { path: 'retry.total', change: 'changed' },
  ]);
  expect(changedSettings(await load(other), await load(text))[0]).toEqual({
    path: 'upstreams.new',
    change: 'removed',
  });
  expect(changedSettings(await load(text), await load(text))).toEqual([]);
});

test('a changed secret is a changed setting', async () => {
  const keys = (key: string) => `auth: {api_keys: [${key}]}`;
  const [before, after] = await Promise.all(
    ['one-key', 'other-key'].map((key) => load(keys(key), { TAILRACE_API_KEY: '' })),
  );
  expect(changedSettings(before as Config, after as Config)).toEqual([
    { path: 'auth.api_keys', change: 'changed' },
  ]);
});

test('a hundred changes are listed, and the others counted', async () => {
  const models = Array.from({ length: 150 }, (_, n) => `m${n}: {targets: [{upstream: lab}]}`).join(', ');
  const many = text.replace('models:', `models:\n  ${models.replaceAll(', m', '\n  m')}`);
  const changed = changedSettings(await load(text), await load(many));
  expect(changed).toHaveLength(101);
  // One of them is the alias `default`, which is the first model's.
  expect(changed.at(-1)?.path).toBe('51 more settings');
});

test('a configuration knows what sets each setting', async () => {
  const config = await load(text, { TAILRACE_LISTEN: '127.0.0.1:9' });
  expect(config.origins).toEqual({
    'upstreams.lab': 'tailrace.yaml:3',
    'models.a': 'tailrace.yaml:5',
    'retry.total': 'tailrace.yaml:6',
    'server.listen': 'TAILRACE_LISTEN',
    'auth.api_keys': 'TAILRACE_API_KEY',
  });
});

test.each([
  ['server: {workers: 2}', 'server.workers'],
  ['server: {data_dir: ./other}', 'server.data_dir'],
  ['engine: {queue: 5}', 'engine'],
  ['logging: {format: json}', 'logging.format'],
  ['storage: {retention: 7d}', 'storage.retention'],
  ['storage: {spool: 3MiB}', 'storage.spool'],
  ['storage: {database_url: "postgres://h/db"}', 'storage.database_url'],
  ['storage: {redis_url: "redis://h"}', 'storage.redis_url'],
  ['usage: {webhook: {url: "https://h/a", secret: 0123456789abcdef}}', 'usage.webhook'],
  ['limits: {replicas: 3}', 'limits.replicas'],
  ['limits: {on_store_failure: share}', 'limits.on_store_failure'],
  ['auth: {required: false}', 'auth.required'],
])('what needs a restart is in the list of the settings of the start: %s', async (change, setting) => {
  const after = await load(`${text.replace('retry: {total: 3}', '')}${change}`);
  const [found = '', ...others] = settingsThatNeedRestart(
    await load(text.replace('retry: {total: 3}', '')),
    after,
  );
  expect(others).toEqual([]);
  expect([setting, setting.split('.')[0]]).toContain(found);
  expect(settingsOfTheStart).toContain(setting);
});
