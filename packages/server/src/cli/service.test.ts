import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig } from '../config/load-config.ts';
import { memoryFiles } from '../config/memory-files.ts';
import { createLog } from '../telemetry/create-log.ts';
import { createUpstreams } from '../upstreams/registry.ts';
import { createService } from './service.ts';

const folder = '/etc/tailrace';
const text =
  'upstreams: {lab: {base_url: "http://127.0.0.1:9/v1"}}\nmodels: {a: {targets: [{upstream: lab}]}}';

/** A service over files that change, and the configurations it has put in force. */
async function serviceOver(files: Record<string, string>) {
  const load = () => loadConfig({ env: {}, cwd: folder, files: memoryFiles(folder, files) });
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
    engine: undefined,
    log: createLog({ level: 'error', format: 'json', stream: new PassThrough(), now: () => 0 }),
    upstreams: await createUpstreams(loaded.config.upstreams),
    keys,
    load,
    createUpstreams: (next, before) => createUpstreams(next.upstreams, {}, before),
    servingKeys: async () => keys,
    onSecrets: (next) => inForce.push([...next.models.keys()]),
  });
  return { service, inForce };
}

test('a reload puts the file in force as it is now', async () => {
  const files: Record<string, string> = { 'tailrace.yaml': text };
  const { service, inForce } = await serviceOver(files);
  files['tailrace.yaml'] = text.replace('models: {a:', 'models: {b:');
  expect(await service.reload()).toEqual([]);
  expect(inForce).toEqual([['b']]);
});

test('a reload whose file has gone away changes nothing', async () => {
  const files: Record<string, string> = { 'tailrace.yaml': text };
  const { service, inForce } = await serviceOver(files);
  delete files['tailrace.yaml'];
  expect(await service.reload()).toEqual([
    `cannot read ${folder}/tailrace.yaml: there is no such file any more`,
  ]);
  expect(inForce).toEqual([]);
});

test('a reload of a server that began without a file reads one that has come', async () => {
  const files: Record<string, string> = { 'answers.yaml': '' };
  const { service, inForce } = await serviceOver(files);
  files['tailrace.yaml'] = text;
  // The engine is bound to the process, so that such a file is refused for what it changes, and not for being new.
  expect(await service.reload()).toEqual(['engine cannot change while the server runs; restart it']);
  expect(inForce).toEqual([]);
});
