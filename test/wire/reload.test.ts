// SIGHUP and POST /admin/v1/reload: running streams continue, a wrong configuration changes nothing.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createScratch } from '../support/scratch.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { ask, startChat } from './wire-client.ts';

const reloads = 20;
const readers = 8;
const words = ['Rivers ', 'carry ', 'water ', 'down', 'hill.'];

/** An OpenAI-compatible server that takes its time, and would keep idle connections for ten minutes. */
async function startOrigin() {
  const sockets = new Set<Socket>();
  const server: Server = createServer(async (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream', 'keep-alive': 'timeout=600' });
    const say = (delta: object, finish: string | null) => {
      const chunk = { choices: [{ index: 0, delta, finish_reason: finish }] };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    };
    for (const content of words) {
      say({ content }, null);
      await sleep(30);
    }
    say({}, 'stop');
    const usage = { prompt_tokens: 5, completion_tokens: words.length };
    response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  });
  server.keepAliveTimeout = 600_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    open: () => sockets.size,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function setUp() {
  const [moving, staying] = [await startOrigin(), await startOrigin()];
  closing.push(moving.close, staying.close);
  const sections = (round: number): ConfigTree => ({
    upstreams: {
      // A header that changes each time, so every reload makes this upstream anew.
      moving: { kind: 'openai', base_url: moving.url, headers: { 'x-round': String(round) } },
      staying: { kind: 'openai', base_url: staying.url },
    },
    models: {
      moving: { targets: [{ upstream: 'moving' }] },
      staying: { targets: [{ upstream: 'staying' }] },
    },
  });
  const server = await startServer({ model: 'none', config: sections(0) });
  closing.push(() => server.stop());
  const write = (tree: ConfigTree) => {
    const before = JSON.parse(readFileSync(server.configFile, 'utf8')) as ConfigTree;
    writeFileSync(server.configFile, JSON.stringify({ ...before, ...tree }, null, 2));
  };
  return { server, moving, staying, sections, write };
}

const said = (server: TestServer, message: string) =>
  server
    .logs()
    .split('\n')
    .filter((line) => line.includes(`"${message}"`));

async function hangUp(server: TestServer): Promise<void> {
  const before = said(server, 'configuration reloaded').length;
  server.signal('SIGHUP');
  await until('the reload', 20_000, () =>
    said(server, 'configuration reloaded').length > before ? true : undefined,
  );
}

function reloadByRequest(server: TestServer) {
  return ask(server, {
    method: 'POST',
    path: '/admin/v1/reload',
    headers: { Authorization: `Bearer ${server.adminKey}` },
  });
}

test(`${reloads} reloads under load lose no stream, and leave no connection of an upstream that is gone`, async () => {
  const { server, moving, staying, sections, write } = await setUp();
  let going = true;
  let whole = 0;
  const read = async (model: string) => {
    while (going) {
      await using chat = await startChat(server, { model, stream: true });
      const { status, body } = await chat.response();
      expect(status).toBe(200);
      const { complete, choices } = expectTrueStream(body);
      expect(complete).toBe(true);
      expect(choices[0]?.content).toBe(words.join(''));
      whole += 1;
    }
  };
  const reading = Promise.all(
    Array.from({ length: readers }, (_, at) => read(at % 2 === 0 ? 'moving' : 'staying')),
  );
  try {
    for (let round = 1; round <= reloads; round += 1) {
      write(sections(round));
      if (round % 2 === 0) await hangUp(server);
      else expect((await reloadByRequest(server)).status).toBe(200);
    }
  } finally {
    going = false;
  }
  await reading;
  expect(whole).toBeGreaterThan(readers);
  expect(said(server, 'configuration reloaded')).toHaveLength(reloads);
  // The connections of earlier rounds are gone; those of the last one wait for more work.
  await until('old connections to close', 20_000, () => (moving.open() <= readers / 2 ? true : undefined));
  expect(staying.open()).toBeGreaterThan(0);
  expect(staying.open()).toBeLessThanOrEqual(readers / 2);

  const { upstreams, models } = sections(0);
  write({
    upstreams: { staying: (upstreams as ConfigTree)['staying'] },
    models: { staying: (models as ConfigTree)['staying'] },
  });
  await hangUp(server);
  await until('every connection to close', 20_000, () => (moving.open() === 0 ? true : undefined));
  expect(staying.open()).toBeGreaterThan(0);
});

test('a stream whose upstream leaves the configuration runs to its end', async () => {
  const { server, moving, sections, write } = await setUp();
  await using chat = await startChat(server, { model: 'moving', stream: true });
  await until('the stream to begin', 20_000, () => (moving.open() === 1 ? true : undefined));
  const { upstreams, models } = sections(0);
  write({
    upstreams: { staying: (upstreams as ConfigTree)['staying'] },
    models: { staying: (models as ConfigTree)['staying'] },
  });
  await hangUp(server);
  expect(expectTrueStream((await chat.response()).body).choices[0]?.content).toBe(words.join(''));
  await until('its connection to close', 20_000, () => (moving.open() === 0 ? true : undefined));
});

test('a file with a mistake changes nothing, and the log names file and line', async () => {
  const { server } = await setUp();
  const good = readFileSync(server.configFile, 'utf8');
  const line = good.split('\n').findIndex((text) => text.includes('"models"')) + 1;
  writeFileSync(server.configFile, good.replace('"models"', '"modles"'));
  server.signal('SIGHUP');
  const [refused] = await until('the refusal', 20_000, () => {
    const lines = said(server, 'configuration not reloaded');
    return lines.length > 0 ? lines : undefined;
  });
  expect(refused).toContain(`tailrace.yaml:${line}: modles: unknown key`);
  expect(refused).toContain('(did you mean \\"models\\"?)');
  expect((await reloadByRequest(server)).status).toBe(400);

  await using chat = await startChat(server, { model: 'moving', stream: true });
  expect(expectTrueStream((await chat.response()).body).complete).toBe(true);
  writeFileSync(server.configFile, good);
  await hangUp(server);
});

test('a configuration that became a pipe blocks neither reloads nor the shutdown', async () => {
  const { server } = await setUp();
  const good = readFileSync(server.configFile, 'utf8');
  rmSync(server.configFile);
  execFileSync('mkfifo', [server.configFile]);
  const refused = await reloadByRequest(server);
  expect(refused.status).toBe(400);
  expect(refused.body.toString()).toContain('can be read only once');
  rmSync(server.configFile);
  writeFileSync(server.configFile, good);
  expect((await reloadByRequest(server)).status).toBe(200);

  rmSync(server.configFile);
  execFileSync('mkfifo', [server.configFile]);
  for (let at = 0; at < 20; at += 1) server.signal('SIGHUP');
  await server.stop();
});

test('a thousand SIGHUPs at once are a few reloads', async () => {
  const { server } = await setUp();
  for (let at = 0; at < 1_000; at += 1) server.signal('SIGHUP');
  await until('a reload', 20_000, () =>
    said(server, 'configuration reloaded').length > 0 ? true : undefined,
  );
  const reloaded = await reloadByRequest(server);
  expect(reloaded.status).toBe(200);
  expect(said(server, 'configuration reloaded').length).toBeLessThan(100);
});

test('keys whose files have gone stay in force, the answer and the log say so, and none is made', async () => {
  const server = await startServer({ model: 'none', env: { TAILRACE_API_KEY: '', TAILRACE_ADMIN_KEY: '' } });
  closing.push(() => server.stop());
  const data = path.join(path.dirname(server.configFile), 'data');
  const [key, admin] = ['api-key', 'admin-key'].map((name) =>
    readFileSync(path.join(data, name), 'utf8').trim(),
  );
  const reload = () =>
    ask(server, { method: 'POST', path: '/admin/v1/reload', headers: { Authorization: `Bearer ${admin}` } });
  rmSync(data, { recursive: true });
  for (const _ of [1, 2]) {
    const answer = await reload();
    expect(answer.status).toBe(200);
    const { warnings } = JSON.parse(answer.body.toString()) as { warnings: string[] };
    expect(warnings).toEqual([
      expect.stringMatching(/api-key: there is no such file; the key in force stays$/),
      expect.stringMatching(/admin-key: there is no such file; the key in force stays$/),
      expect.stringMatching(/^no model is configured/),
    ]);
  }
  expect(server.logs()).toContain('the key in force stays');
  const models = await ask(server, { path: '/v1/models', headers: { Authorization: `Bearer ${key}` } });
  expect(models.status).toBe(200);
  expect(existsSync(data)).toBe(false);
});

test('a start reads its configuration from a pipe, and a reload says that it cannot', async () => {
  const scratch = createScratch('pipe');
  closing.push(() => scratch.remove());
  const pipe = path.join(scratch.path, 'config');
  execFileSync('mkfifo', [pipe]);
  const starting = startServer({ model: 'none', flags: ['--config', pipe] });
  // Written in two parts, the second of them late.
  const writer = await open(pipe, 'w');
  await writer.write('{"engine": {"enabled": false}, "upstreams": {"s": {"preset": "vllm", ');
  await sleep(100);
  await writer.write(
    '"base_url": "http://127.0.0.1:9/v1"}}, "models": {"piped": {"targets": [{"upstream": "s"}]}}}',
  );
  await writer.close();
  const server = await starting;
  closing.push(() => server.stop());
  expect((await ask(server, { path: '/v1/models' })).body.toString()).toContain('piped');
  const refused = await reloadByRequest(server);
  expect(refused.status).toBe(400);
  expect(refused.body.toString()).toContain('can be read only once');
});
