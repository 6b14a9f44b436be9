import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createSignIns } from '../access/sign-ins.ts';
import { configSecrets } from '../config/config-secrets.ts';
import { loadConfig } from '../config/load-config.ts';
import { createTestJournal } from '../journal/testing/test-journal.ts';
import { createOpenHandedLedger } from '../ledger/testing/open-handed-ledger.ts';
import { noPeers } from '../peers/no-peers.ts';
import { createLog } from '../telemetry/create-log.ts';
import { createChangingRedact } from '../telemetry/redact.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { roundsOf } from '../testing/suite-part.ts';
import { type CreatedUpstreams, createUpstreams } from '../upstreams/registry.ts';
import { createService } from './service.ts';

const folder = '/etc/tailrace';
const file = (n: number) => `
upstreams:
  same: {base_url: "http://127.0.0.1:9/v1", api_key: stays-as-it-is}
  watched: {preset: vllm, base_url: "http://127.0.0.1:9/v1", api_key: key-number-${n}}
  u${n}: {preset: groq, api_key: another-key-${n}}
models:
  a: {targets: [{upstream: same}, {upstream: watched}], balance: least_busy}
  m${n}: {targets: [{upstream: u${n}}]}`;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const last = roundsOf(2_000, 600);

test('hundreds of reloads, each with other keys and upstreams, leave no memory, timers or listeners behind', {
  timeout: 60_000,
}, async () => {
  const files: Record<string, string> = { 'tailrace.yaml': file(0) };
  const load = () => loadConfig({ env: {}, cwd: folder, files: memoryFiles(folder, files) });
  const loaded = await load();
  if (!loaded.ok) throw new Error('the file is wrong');
  const keys = {
    apiKeys: ['k'],
    adminKeys: ['a'],
    shown: { type: 'configured' },
    adminFile: undefined,
  } as const;
  const { redact, replace } = createChangingRedact();
  const stream = new PassThrough();
  stream.resume();
  const made: WeakRef<CreatedUpstreams>[] = [];
  let refuse = false;
  const service = createService({
    config: loaded.config,
    fileHasContent: loaded.fileHasContent,
    signIns: createSignIns(Date.now),
    engine: undefined,
    journal: createTestJournal(),
    ledger: createOpenHandedLedger(),
    peers: noPeers,
    log: createLog({ level: 'info', format: 'json', stream, now: () => 0, redact }),
    upstreams: await createUpstreams(loaded.config.upstreams),
    keys,
    load,
    createUpstreams: async (next, before) => {
      const created = await createUpstreams(next.upstreams, {}, before);
      made.push(new WeakRef(created));
      return refuse ? { ...created, problems: ['refused'] } : created;
    },
    keysForReload: async () => ({ ok: true, keys, warnings: [] }),
    onSecrets: (next) => replace(configSecrets(next), next.auth.keyPrefix),
  });
  const held = () => ({
    resources: process.getActiveResourcesInfo().length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    ofTheLog: stream.listenerCount('error'),
  });
  const heapBytes = async () => {
    // An object that a weak reference has returned lives until the end of the turn.
    await turn();
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const reloads = async (from: number, to: number) => {
    for (let n = from; n < to; n += 1) {
      files['tailrace.yaml'] = file(n);
      refuse = n % 5 === 0;
      await turn();
      expect((await service.reload()).problems).toEqual(refuse ? [{ message: 'refused' }] : []);
    }
  };

  await reloads(1, 200);
  const [before, bytes] = [held(), await heapBytes()];
  await reloads(200, last + 1);
  const grown = (await heapBytes()) - bytes;
  const after = held();
  // What test files before this one have left open in their process may end meanwhile.
  expect(after.resources).toBeLessThanOrEqual(before.resources);
  expect(after).toEqual({ ...before, resources: after.resources });
  expect(made.filter((one) => one.deref() !== undefined).length).toBeLessThan(20);
  // One upstream takes some 20 kB, so 400 upstreams that were kept would take 8 MB.
  expect(grown).toBeLessThan(4 * 1024 ** 2);
});
