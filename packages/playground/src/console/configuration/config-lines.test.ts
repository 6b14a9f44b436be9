import { expect, test } from 'vitest';
import { configLines, searchLines, withParents } from './config-lines.ts';
import { readConfig, readProblems } from './loaded-config.ts';

const config = {
  server: { listen: '127.0.0.1:7245', shed: { memory: '90%' }, cors_origins: ['*'], workers: 1 },
  models: {
    'acme/chat': {
      aliases: [],
      targets: [
        { upstream: 'lab', model: '4.1', weight: 2 },
        { engine: 'smollm2', weight: 1 },
      ],
      context: null,
    },
  },
  auth: { api_keys: ['***', 'a: b'], required: true, key_prefix: 'no' },
};
const text = (lines: readonly { readonly text: string }[]): string =>
  lines.map(({ text: line }) => line).join('\n');

test('a configuration is YAML, a setting a line', () => {
  expect(text(configLines(config))).toBe(`server:
  listen: 127.0.0.1:7245
  shed:
    memory: 90%
  cors_origins: ["*"]
  workers: 1
models:
  acme/chat:
    aliases: []
    targets:
      - upstream: lab
        model: "4.1"
        weight: 2
      - engine: smollm2
        weight: 1
auth:
  api_keys: ["***", "a: b"]
  required: true
  key_prefix: "no"`);
});

test('each line has the path that the server gives it', () => {
  expect(configLines(config).map(({ path }) => path)).toContain('models.acme/chat.targets[1].weight');
});

test('the search finds lines by value and by path, with the keys above them', () => {
  expect(text(searchLines(configLines(config), 'SMOLLM2'))).toBe(`models:
  acme/chat:
    targets:
      - engine: smollm2`);
  expect(text(searchLines(configLines(config), 'shed.mem'))).toBe('server:\n  shed:\n    memory: 90%');
  expect(searchLines(configLines(config), 'nowhere')).toEqual([]);
});

test('a line knows what sets it, and whether only a restart changes it', () => {
  const loaded = readConfig({
    config,
    file: '/etc/tailrace.yaml',
    set_by: { 'models.acme/chat': 'tailrace.yaml:3', 'server.shed.memory': 'tailrace.yaml:1' },
    restart: ['server.listen', 'auth'],
  });
  expect(loaded.isSet('models.acme/chat.targets[0].weight')).toBe(true);
  expect(loaded.setBy('models.acme/chat')).toBe('tailrace.yaml:3');
  expect(loaded.setBy('models.acme/chat.targets[0].weight')).toBeUndefined();
  expect(['server.shed', 'server.listen', 'models'].map(loaded.isSet)).toEqual([false, false, false]);
  expect(['server.listen', 'server.workers', 'auth'].map(loaded.needsRestart)).toEqual([true, false, true]);
  const set = withParents(loaded.lines, ({ path }) => loaded.isSet(path));
  expect(text(set).split('\n').slice(0, 4)).toEqual(['server:', '  shed:', '    memory: 90%', 'models:']);
});

test('a model whose name has dots and brackets is found too', () => {
  const loaded = readConfig({ config: {}, set_by: { 'models.gpt-4.1': 'tailrace.yaml:3' } });
  expect(loaded.isSet('models.gpt-4.1.targets[0].upstream')).toBe(true);
  expect(loaded.isSet('models.gpt-4.10.targets[0].upstream')).toBe(false);
});

test('problems of a reload are read with their places, and without', () => {
  const problems = [
    { source: 'tailrace.yaml', line: 4, column: 9, path: 'retry.totl', message: 'unknown key' },
    { source: null, line: null, column: null, path: null, message: 'no key' },
  ];
  expect(readProblems({ error: {}, problems })).toEqual([
    problems[0],
    { source: undefined, line: undefined, column: undefined, path: undefined, message: 'no key' },
  ]);
  expect(readProblems({ error: {} })).toEqual([]);
});
