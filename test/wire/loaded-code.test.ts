// What a server that serves keeps in memory: code that only a start or an administrator needs is not loaded where it would stay.

import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startChild } from '../support/child.ts';
import { createScratch } from '../support/scratch.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/until.ts';

/** Notes each package that the main thread of a process loads. */
function notePackages() {
  const scratch = createScratch('loaded');
  onTestFinished(() => scratch.remove());
  const notes = scratch.write('notes', '');
  const hook = scratch.write(
    'hook.mjs',
    `import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    const found = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1] ?? (url.startsWith('file:') ? 'tailrace' : undefined);
    if (found !== undefined) appendFileSync(${JSON.stringify(notes)}, found + '\\n');
    return next(url, context);
  },
});`,
  );
  return {
    path: scratch.path,
    flag: `--import=${pathToFileURL(hook).href}`,
    loaded: () => [...new Set(readFileSync(notes, 'utf8').trim().split('\n'))].sort(),
  };
}

test('the process of a server that relays to OpenAI-compatible upstreams loads no package', async () => {
  const { flag, loaded } = notePackages();
  const server = await startServer({
    model: 'none',
    config: {
      upstreams: { away: { kind: 'openai', base_url: 'http://127.0.0.1:9/v1', api_key: 'k' } },
      models: { chat: { targets: [{ upstream: 'away' }] } },
    },
    env: { NODE_OPTIONS: flag },
  });
  const answer = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'Hello' }] }),
  });
  expect(answer.status).toBe(502);
  await server.stop();
  expect(loaded()).toEqual(['tailrace']);
});

test('a store in SQLite loads the builder of queries with the first list, and not to serve', async () => {
  const { path, flag, loaded } = notePackages();
  const store = new URL('../../packages/server/src/storage/sqlite/open-sqlite-store.ts', import.meta.url);
  const run = async (more: string) => {
    const script = `
      import { openSqliteStore } from ${JSON.stringify(store.href)};
      const { store } = await openSqliteStore({ dataDir: ${JSON.stringify(`${path}/data`)}, now: Date.now });
      await store.beat('process');
      await store.keysAfter(0);
      await store.keyByHash('none');
      await store.touch([{ keyId: 'key_none', atMs: 1 }]);
      await store.discard([{ id: 'none', createdAtMs: 1 }]);
      await store.retire(1);
      await store.secret('signing', () => 'secret');
      await store.lease('webhook', 'service', 1_000);
      ${more}
      await store.close();`;
    const flags = ['--conditions=tailrace-source', flag, '--input-type=module', '--eval', script];
    expect(await startChild(process.execPath, flags).exited).toEqual({ code: 0, signal: null });
    return loaded();
  };
  expect(await run('')).toEqual(['tailrace']);
  expect(await run('await store.keys({ limit: 1 });')).toEqual(['kysely', 'tailrace']);
});

test('the launcher compiles the files of every thread, and a thread finds the code of the process', async () => {
  const scratch = createScratch('launched');
  onTestFinished(() => scratch.remove());
  const config = scratch.write(
    'tailrace.yaml',
    `server: {data_dir: ${scratch.path}/data}
engine: {enabled: false}
upstreams: {away: {kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: k}}
models: {chat: {targets: [{upstream: away}]}}
`,
  );
  const { NODE_OPTIONS: _, NODE_COMPILE_CACHE: __, npm_lifecycle_event: ___, ...env } = process.env;
  const child = startChild(
    process.execPath,
    ['launch', 'serve', '--config', config, '--listen', '127.0.0.1:0'],
    {
      cwd: fileURLToPath(new URL('../../', import.meta.url)),
      // Node says what it finds in its cache.
      env: { ...env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
    },
  );
  await until(
    'the line that says the server listens',
    60_000,
    () => child.stdout().includes('listening on') || undefined,
  );
  await child.end('SIGTERM', 20_000);
  const ofFile = (file: string, what: string) =>
    child
      .stderr()
      .split('\n')
      .filter((line) => line.includes(`/src/${file}`) && line.includes(what));
  expect(ofFile('ledger/ledger-worker.ts', 'success, size')).not.toEqual([]);
  // Without a cache the library that strips types is loaded: 28 MB.
  expect(ofFile('', 'no such file')).toEqual([]);
  expect(ofFile('', 'was rejected')).toEqual([]);
});
