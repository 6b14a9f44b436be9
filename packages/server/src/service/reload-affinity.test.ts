import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSignIns } from '../access/sign-ins.ts';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig } from '../config/load-config.ts';
import { createTestJournal } from '../journal/testing/test-journal.ts';
import { createOpenHandedLedger } from '../ledger/testing/open-handed-ledger.ts';
import { noPeers } from '../peers/no-peers.ts';
import { createLog } from '../telemetry/create-log.ts';
import { createUpstreams } from '../upstreams/registry.ts';
import { createListener } from './listener.ts';
import { createService } from './service.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-affinity-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Each upstream answers with its own name, from a file of its own. */
function writeConfig(...names: readonly string[]): void {
  for (const name of names)
    writeFileSync(join(folder, `${name}.yaml`), `answers: [{steps: [{text: ${name}}]}]`);
  const upstreams = names.map((name) => `${name}: {kind: scripted, script: ${name}.yaml}`).join(', ');
  const targets = names.map((name) => `{upstream: ${name}}`).join(', ');
  writeFileSync(
    join(folder, 'tailrace.yaml'),
    `engine: {enabled: false}\nupstreams: {${upstreams}}\nmodels: {m: {targets: [${targets}]}}`,
  );
}

/** A service over that folder, with an HTTP server in front of it. */
async function startService() {
  const load = () => loadConfig({ env: { TAILRACE_API_KEY: 'k' }, cwd: folder });
  const loaded = await load();
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const keys = {
    apiKeys: ['k'],
    adminKeys: ['a'],
    shown: { type: 'configured' },
    adminFile: undefined,
  } as const;
  const log = createLog({ level: 'error', format: 'json', stream: new PassThrough(), now: () => 0 });
  const service = createService({
    config: loaded.config,
    fileHasContent: loaded.fileHasContent,
    signIns: createSignIns(Date.now),
    engine: undefined,
    journal: createTestJournal(),
    ledger: createOpenHandedLedger(),
    peers: noPeers,
    log,
    upstreams: await createUpstreams(loaded.config.upstreams),
    keys,
    load,
    createUpstreams: (next, before) => createUpstreams(next.upstreams, {}, before),
    keysForReload: async () => ({ ok: true, keys, warnings: [] }),
    onSecrets: () => {},
  });
  const listener = createListener(() => service.handle, { log, newRequestId: () => 'req_test' });
  const port = await listener.listen({ host: '127.0.0.1', port: 0, loopback: true });

  /** The name of the upstream that answers a chat with these messages. */
  async function ask(...texts: readonly string[]): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: texts.map((content) => ({ role: 'user', content })) }),
    });
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    return choices[0]?.message.content ?? '';
  }
  return { service, ask, stop: () => listener.destroy() };
}

test('chats keep their targets over a reload, and leave a target that a reload removes', async () => {
  const names = ['a', 'b', 'c', 'd'];
  writeConfig(...names);
  const { service, ask, stop } = await startService();
  try {
    const chats = Array.from({ length: 24 }, (_, number) => `chat ${number}`);
    const first = await Promise.all(chats.map((chat) => ask(chat)));
    expect((await service.reload()).problems).toEqual([]);
    expect(await Promise.all(chats.map((chat) => ask(chat, 'second turn')))).toEqual(first);

    const kept = names.slice(0, 2);
    writeConfig(...kept);
    expect((await service.reload()).problems).toEqual([]);
    const third = await Promise.all(chats.map((chat) => ask(chat, 'second turn', 'third turn')));
    const expected = first.map((name) => (kept.includes(name) ? name : expect.stringMatching(/^[ab]$/)));
    expect(third).toEqual(expected);
  } finally {
    stop();
  }
});
