// SIGHUP and POST /admin/v1/reload: what was running goes on, what is wrong changes nothing.

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
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
      // A header that is another each time: this upstream is made anew by every reload.
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
  await until('the reload', 10_000, () =>
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
  await until('old connections to close', 10_000, () => (moving.open() <= readers / 2 ? true : undefined));
  expect(staying.open()).toBeGreaterThan(0);
  expect(staying.open()).toBeLessThanOrEqual(readers / 2);

  const { upstreams, models } = sections(0);
  write({
    upstreams: { staying: (upstreams as ConfigTree)['staying'] },
    models: { staying: (models as ConfigTree)['staying'] },
  });
  await hangUp(server);
  await until('every connection to close', 10_000, () => (moving.open() === 0 ? true : undefined));
  expect(staying.open()).toBeGreaterThan(0);
});

test('a stream that began before its upstream left the configuration comes to its end', async () => {
  const { server, moving, sections, write } = await setUp();
  await using chat = await startChat(server, { model: 'moving', stream: true });
  await until('the stream to begin', 10_000, () => (moving.open() === 1 ? true : undefined));
  const { upstreams, models } = sections(0);
  write({
    upstreams: { staying: (upstreams as ConfigTree)['staying'] },
    models: { staying: (models as ConfigTree)['staying'] },
  });
  await hangUp(server);
  expect(expectTrueStream((await chat.response()).body).choices[0]?.content).toBe(words.join(''));
  await until('its connection to close', 10_000, () => (moving.open() === 0 ? true : undefined));
});

test('a file with a mistake changes nothing, and the log names file and line', async () => {
  const { server } = await setUp();
  const good = readFileSync(server.configFile, 'utf8');
  const line = good.split('\n').findIndex((text) => text.includes('"models"')) + 1;
  writeFileSync(server.configFile, good.replace('"models"', '"modles"'));
  server.signal('SIGHUP');
  const [refused] = await until('the refusal', 10_000, () => {
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
