// Several processes as one service: they share the port, the limits, the records, the configuration, and one life.

import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { administer, allRecords, makeKey, ownUsage } from '../ledger/administrator.ts';
import { askAtOnce } from '../ledger/at-once.ts';
import { liveStreams, untilLive, untilNoneLive } from '../support/live-streams.ts';
import { childrenOf } from '../support/processes.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ask, labServer, startChat } from '../wire/wire-client.ts';
import { byWorker, linesOf, untilWorkers, workersOf } from './running-workers.ts';

/** What most tests share: each leaves it with two workers, without a stream, and with the configuration that it had. */
let shared: TestServer;
let server: TestServer | undefined;
beforeAll(async () => {
  shared = await startWorkers();
});
afterAll(() => shared.stop());
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

function startWorkers(config: ConfigTree = {}): Promise<TestServer> {
  return startServer({ ...labServer(config), flags: ['--workers', '2'] });
}

/** One that belongs to the test. */
async function started(config: ConfigTree = {}): Promise<TestServer> {
  server = await startWorkers(config);
  return server;
}

const body = (model: string, stream = true) => ({
  ...{ model: `lab/${model}`, stream },
  messages: [{ role: 'user', content: 'Say something.' }],
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('spreading', () => {
  test('streams are spread over the workers, and their list has those of all', async () => {
    const running = shared;
    const before = completions(running).length;
    const streams = await Promise.all(
      Array.from({ length: 40 }, () => startChat(running, { model: 'lab/steady', stream: true })),
    );
    const live = await untilLive(running, 40);
    expect(new Set(live.map(({ id }) => id)).size).toBe(40);
    const created = live.map(({ created_at }) => String(created_at));
    expect(created).toEqual(created.toSorted());
    for (const stream of streams) await stream.response();
    const lines = await until('40 lines of the log', 20_000, () => {
      const written = completions(running).slice(before);
      return written.length === 40 ? written : undefined;
    });
    const counts = [...byWorker(lines).values()];
    expect(counts.length).toBe(2);
    // Not half and half: a worker whose event loop is late gets no more meanwhile.
    for (const count of counts) expect(count).toBeGreaterThanOrEqual(8);
    for (const stream of streams) stream.destroy();
  });
});

function completions(running: TestServer) {
  return linesOf(running, 'request').filter(({ route }) => route === '/v1/chat/completions');
}

describe('limits over all workers', () => {
  test('of 600 requests at once with a key that may have 100, no more than 100 are answered, and records are exact', async () => {
    const running = shared;
    const before = completions(running).length;
    const { id, key } = await makeKey(running, { requests_per_minute: 100 });
    const { answers, withinMs } = await askAtOnce({
      ports: [running.port],
      count: 600,
      key,
      body: body('steady'),
    });
    const admitted = answers.filter(({ status }) => status === 200).length;
    expect(admitted).toBeGreaterThanOrEqual(100);
    // The limit fills again, one request in 600 ms.
    expect(admitted).toBeLessThanOrEqual(100 + withinMs / 600);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(600 - admitted);
    for (const { ended } of answers) await ended;
    const records = await until('their records', 20_000, async () => {
      const rows = await allRecords(running, `key_id=${id}`);
      return rows.every(({ status }) => status === 'completed') && rows.length === admitted
        ? rows
        : undefined;
    });
    expect(new Set(records.map((record) => record.id)).size).toBe(admitted);
    const tokens = records.reduce((sum, { completion_tokens }) => sum + completion_tokens, 0);
    expect(await ownUsage(running, key)).toMatchObject({ requests: admitted, completion_tokens: tokens });
    expect(byWorker(completions(running).slice(before)).size).toBe(2);
  });

  test('server.max_streams holds for all workers together, wherever the connections are', async () => {
    const running = await started({ server: { max_streams: 10 } });
    const many = await askAtOnce({
      ports: [running.port],
      count: 60,
      key: running.apiKey,
      body: body('endless'),
    });
    const taken = many.answers.filter(({ status }) => status === 200);
    expect(taken).toHaveLength(10);
    for (const { status, code } of many.answers)
      if (status !== 200) expect([status, code]).toEqual([503, 'overloaded']);
    expect(await liveStreams(running)).toHaveLength(10);
    // Places that become free are had by whichever worker asks.
    for (const { leave } of taken.slice(0, 6)) leave();
    await untilLive(running, 4);
    const more = await askAtOnce({
      ports: [running.port],
      count: 30,
      key: running.apiKey,
      body: body('endless'),
    });
    expect(more.answers.filter(({ status }) => status === 200)).toHaveLength(6);
    for (const { leave } of [...taken, ...more.answers]) leave();
    await untilNoneLive(running);
  });

  test('a key is known and revoked everywhere at once', async () => {
    const running = shared;
    const { id, key } = await makeKey(running, {});
    const asked = () => askAtOnce({ ports: [running.port], count: 10, key, body: body('steady', false) });
    expect((await asked()).answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    await administer(running, `keys/${id}`, undefined, 'DELETE');
    expect((await asked()).answers.map(({ status }) => status)).toEqual(Array(10).fill(401));
  });
});

describe('administration', () => {
  test('a browser signs in through whichever worker, once, and out of all of them, also of one that comes later', async () => {
    const running = shared;
    const { code } = (await administer(running, 'session/codes', undefined, 'POST')) as { code: string };
    const headers = (cookie = '') => ({
      ...{ Host: new URL(running.baseUrl).host, Origin: running.baseUrl, Cookie: cookie },
      ...{ Authorization: '', 'Content-Type': 'application/json' },
    });
    const signIn = { method: 'POST', path: '/admin/v1/session', body: JSON.stringify({ code }) };
    const signIns = await Promise.all(
      Array.from({ length: 8 }, () => ask(running, { ...signIn, headers: headers() })),
    );
    expect(signIns.map(({ status }) => status).toSorted()).toEqual([204, ...Array<number>(7).fill(401)]);
    const set = signIns.map((answer) => answer.header('set-cookie')).find((value) => value !== undefined);
    const cookie = set?.split(';')[0] ?? '';
    /** Asks until both workers have answered, and each time with this status. */
    async function askBoth(status: number): Promise<void> {
      const requests = () => linesOf(running, 'request');
      const before = requests().length;
      await until('answers of both workers', 20_000, async () => {
        const models = { path: '/v1/models', headers: headers(cookie) };
        const answers = await Promise.all(Array.from({ length: 8 }, () => ask(running, models)));
        expect(answers.map((answer) => answer.status)).toEqual(Array<number>(8).fill(status));
        return byWorker(requests().slice(before)).size === 2 ? true : undefined;
      });
    }
    await askBoth(200);
    const out = await ask(running, {
      method: 'DELETE',
      path: '/admin/v1/session',
      headers: headers(cookie),
    });
    expect(out.status).toBe(204);
    await askBoth(401);
    const [first] = workersOf(running);
    process.kill(first ?? 0, 'SIGKILL');
    await until('another worker', 20_000, () => {
      const workers = workersOf(running);
      return workers.length === 2 && !workers.includes(first ?? 0) ? true : undefined;
    });
    await askBoth(401);
  });

  test('a completion is cancelled through whichever worker', async () => {
    const running = shared;
    for (let round = 0; round < 4; round += 1) {
      const chat = await startChat(running, { model: 'lab/endless', stream: true });
      const [live] = await untilLive(running, 1);
      const answer = await ask(running, {
        method: 'POST',
        path: `/v1/chat/completions/${live?.id}/cancel`,
      });
      expect(JSON.parse(answer.body.toString())).toEqual({ id: live?.id, status: 'cancelled' });
      expect((await chat.response()).body.toString()).toContain('completion_cancelled');
      chat.destroy();
      await untilNoneLive(running);
    }
  });

  test('a reload reaches all workers, and one that is refused changes none', async () => {
    const running = shared;
    const config = JSON.parse(readFileSync(running.configFile, 'utf8')) as { models: ConfigTree };
    const models = async () => {
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => ask(running, { path: '/v1/models' })),
      );
      return answers.map((answer) => answer.body.toString().includes('"renamed"'));
    };
    const write = (text: string) => writeFileSync(running.configFile, text);
    write(JSON.stringify({ ...config, models: { ...config.models, renamed: config.models['lab/steady'] } }));
    expect(await administer(running, 'reload', {})).toMatchObject({ reloaded: true });
    expect(await models()).toEqual(Array(6).fill(true));
    write(JSON.stringify({ ...config, upstreams: { lab: { kind: 'scripted', script: './gone.yaml' } } }));
    await expect(administer(running, 'reload', {})).rejects.toThrow(/gone\.yaml/);
    expect(await models()).toEqual(Array(6).fill(true));
    write(JSON.stringify(config));
    running.signal('SIGHUP');
    await until('the first configuration', 20_000, async () =>
      (await models()).every((renamed) => !renamed) ? true : undefined,
    );
  });
});

describe('a worker that dies', () => {
  test('loses its own streams only; their records are closed, their places free, and another one serves', async () => {
    const running = await started({ limits: { max_streams: 20 } });
    const { answers } = await askAtOnce({
      ports: [running.port],
      count: 20,
      key: running.apiKey,
      body: body('endless'),
    });
    await untilLive(running, 20);
    const [victim = 0, survivor] = await untilWorkers(running, 2);
    process.kill(victim, 'SIGKILL');
    const left = await until('a list without its streams', 20_000, async () => {
      const seen = await liveStreams(running);
      return seen.length < 20 ? seen : undefined;
    });
    // Connections of the administration count where streams are spread.
    expect(Math.abs(left.length - 10)).toBeLessThanOrEqual(2);
    const lost = 20 - left.length;
    const records = await until('closed records', 20_000, async () => {
      const rows = await allRecords(running);
      // Abandoned: it died before its first progress was noted.
      const closed = rows.filter(({ status }) => status === 'cut' || status === 'abandoned');
      return closed.length === lost ? rows : undefined;
    });
    expect(
      records
        .filter(({ status }) => status === 'open')
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(left.map(({ id }) => id).toSorted());
    const workers = await untilWorkers(running, 2);
    expect(workers).toContain(survivor);
    expect(linesOf(running, 'a worker has ended; another one is started')).toMatchObject([
      { level: 'error', pid: victim, reason: 'SIGKILL' },
    ]);
    // The key may have 20 streams: the places of the dead are free.
    const more = await until('as many again', 20_000, async () => {
      const asked = await askAtOnce({
        ports: [running.port],
        count: lost,
        key: running.apiKey,
        body: body('endless'),
      });
      const good = asked.answers.filter(({ status }) => status === 200);
      if (good.length === lost) return good;
      for (const { leave } of good) leave();
      return undefined;
    });
    expect(await liveStreams(running)).toHaveLength(20);
    for (const { leave } of [...answers, ...more]) leave();
    await untilNoneLive(running);
  });

  test('a worker that hangs is killed: its streams end, and another one takes its place', async () => {
    const running = shared;
    const workers = await untilWorkers(running, 2);
    const streams = await Promise.all(
      Array.from({ length: 12 }, () => startChat(running, { model: 'lab/endless', stream: true })),
    );
    await untilLive(running, 12);
    const [victim = 0] = workers;
    process.kill(victim, 'SIGSTOP');
    await until('the end of the one that hangs', 30_000, () => (lives(victim) ? undefined : true));
    const killed = linesOf(running, 'a worker hangs; it is killed').map(({ pid }) => pid);
    expect(killed.filter((pid) => pid === victim)).toEqual([victim]);
    const successors = await untilWorkers(running, 2);
    expect(successors.filter((pid) => workers.includes(pid))).toHaveLength(1);
    expect((await ask(running, { path: '/readyz' })).status).toBe(200);
    const left = await liveStreams(running);
    expect(left.length).toBeLessThan(12);
    for (const stream of streams) stream.destroy();
    await untilNoneLive(running);
  });

  test('the service answers on while workers are killed again and again', async () => {
    const running = shared;
    let counted = 0;
    for (let round = 0; round < 3; round += 1) {
      const [victim = 0] = await untilWorkers(running, 2);
      const before = await modelListsIn(running);
      // What the victims of earlier rounds have counted is still there.
      expect(before).toBeGreaterThanOrEqual(counted);
      counted = before;
      process.kill(victim, 'SIGKILL');
      const answers = await Promise.allSettled(
        Array.from({ length: 20 }, () => ask(running, { path: '/v1/models' })),
      );
      // A connection that the dead one had taken over is lost with it.
      const answered = answers.filter(({ status }) => status === 'fulfilled');
      expect(answered.length).toBeGreaterThanOrEqual(10);
      await until('the death to be seen', 20_000, () => (lives(victim) ? undefined : true));
    }
    await untilWorkers(running, 2);
    expect(await modelListsIn(running)).toBeGreaterThanOrEqual(Math.max(30, counted));
    const memory = /^tailrace_process_resident_memory_bytes\{process="([\w-]+)"\}/gm;
    // A successor is in them once it serves.
    await expect
      .poll(async () =>
        Array.from((await metricsOf(running)).matchAll(memory), ([, name]) => name).toSorted(),
      )
      .toEqual(['parent', 'worker-1', 'worker-2']);
    expect((await ask(running, { path: '/readyz' })).status).toBe(200);
  });
});

async function metricsOf(running: TestServer): Promise<string> {
  return (await ask(running, { path: '/metrics' })).body.toString();
}

/** The answered requests for the list of models, over all workers since the start of the service. */
async function modelListsIn(running: TestServer): Promise<number> {
  const count = /^tailrace_http_requests_total\{route="\/v1\/models",status="200"\} (\d+)$/m;
  return Number(count.exec(await metricsOf(running))?.[1] ?? 0);
}

describe('the end', () => {
  test('a drain lets the streams of all workers end, refuses new ones, and exits with 0', async () => {
    const running = await started();
    const chats = await Promise.all(
      Array.from({ length: 6 }, () => startChat(running, { model: 'lab/steady', stream: true })),
    );
    await untilLive(running, 6);
    const exit = running.expectExit();
    running.signal('SIGTERM');
    await until('the server not to be ready', 20_000, async () =>
      (await ask(running, { path: '/readyz' })).status === 503 ? true : undefined,
    );
    const refused = await Promise.all(
      Array.from({ length: 4 }, () =>
        askAtOnce({ ports: [running.port], count: 1, key: running.apiKey, body: body('steady') }),
      ),
    );
    for (const { answers } of refused) expect(answers[0]).toMatchObject({ status: 503, code: 'draining' });
    for (const chat of chats) {
      expect((await chat.response()).body.toString()).toContain('[DONE]');
      chat.destroy();
    }
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  test('a second Ctrl-C ends all workers at once', async () => {
    const running = await started();
    const chat = await startChat(running, { model: 'lab/endless', stream: true });
    await untilLive(running, 1);
    const workers = workersOf(running);
    const exit = running.expectExit();
    running.signal('SIGINT');
    await until('the first one', 20_000, () => (running.logs().includes('shutting down') ? true : undefined));
    running.signal('SIGINT');
    expect(await exit).toEqual({ code: 0, signal: null });
    expect((await chat.response()).body.toString()).toContain('draining');
    expect(workers.filter(lives)).toEqual([]);
    chat.destroy();
  });

  test('a parent that is killed leaves nothing behind', async () => {
    const running = await started();
    const chat = await startChat(running, { model: 'lab/endless', stream: true });
    await untilLive(running, 1);
    const children = childrenOf(running.pid);
    expect(children).toHaveLength(2);
    const exit = running.expectExit();
    process.kill(running.pid, 'SIGKILL');
    await exit;
    await until('no process of it', 20_000, () => (children.some(lives) ? undefined : true));
    chat.destroy();
  });

  test('a port that is taken, and a script that cannot be read, end the start with 1 and 2', async () => {
    const running = await started();
    await expect(
      startServer({ ...labServer(), flags: ['--workers', '2', '--listen', `127.0.0.1:${running.port}`] }),
    ).rejects.toThrow(/"code":1[\s\S]*in use/);
    await expect(
      startServer({
        ...labServer({ upstreams: { lab: { kind: 'scripted', script: './gone.yaml' } } }),
        flags: ['--workers', '2'],
      }),
    ).rejects.toThrow(/"code":2[\s\S]*gone\.yaml/);
  });
});
