import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { workersOf } from '../workers/running-workers.ts';

/* The fault lab of real servers. `stop()` fails where a server that has used it does not end in order. */

let single: TestServer;
let shared: TestServer;
beforeAll(async () => {
  [single, shared] = await Promise.all([
    startServer({ model: 'none' }),
    startServer({ model: 'none', flags: ['--workers', '2'] }),
  ]);
});
afterAll(() => Promise.all([single.stop(), shared.stop()]));

async function get(server: TestServer, path: string) {
  const answer = await fetch(server.baseUrl + path, {
    headers: { authorization: `Bearer ${server.apiKey}` },
  });
  return { status: answer.status, json: (await answer.json()) as Answer };
}

interface Answer {
  readonly ended?: boolean;
  readonly attempts?: readonly { readonly target: string; readonly outcome: string }[];
}

function post(server: TestServer, model: string): Promise<Response> {
  return fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    // A connection of its own: each may reach another worker.
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      'content-type': 'application/json',
      connection: 'close',
    },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'The mill, please.' }] }),
  });
}

async function ask(server: TestServer, model: string) {
  const answer = await post(server, model);
  return { id: answer.headers.get('tailrace-completion-id') ?? '', text: await answer.text() };
}

test('every worker has the lab, and each tells the attempts of an answer of the other', async () => {
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => ask(shared, 'fault-lab/takeover/cut-clean:2')),
  );
  for (const { id, text } of answers) {
    expect(text).toContain('[DONE]');
    for (let time = 0; time < 3; time += 1) {
      expect((await get(shared, `/v1/fault-lab/stories/${id}`)).json).toMatchObject({
        ended: true,
        attempts: [
          { target: 'fault-lab/wall/cut-clean:2', outcome: 'failed' },
          { target: 'fault-lab-spare/wall/healthy', outcome: 'served' },
        ],
      });
    }
  }
});

test('the wall begins with the first model that is asked for, and no other machine reaches it', async () => {
  expect(listeners(single.pid)).toHaveLength(1);
  expect((await get(single, '/v1/fault-lab')).status).toBe(200);
  expect(listeners(single.pid)).toHaveLength(1);
  expect((await ask(single, 'fault-lab/failover')).text).toContain('[DONE]');
  const addresses = [single.pid, ...workersOf(shared)].flatMap(listeners);
  expect(addresses.length).toBeGreaterThan(2);
  expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']));
});

test('a reload takes the lab away, and streams that run end whole', async () => {
  // Its head comes with its first word.
  const running = await post(single, 'fault-lab/takeover/cut-clean:2');
  const config = JSON.parse(readFileSync(single.configFile, 'utf8')) as object;
  writeFileSync(single.configFile, JSON.stringify({ ...config, console: { fault_lab: false } }));
  expect(await reload(single)).toBe(200);
  expect((await ask(single, 'fault-lab/failover')).text).toContain('model_not_found');
  expect((await get(single, '/v1/fault-lab')).status).toBe(404);
  expect(await running.text()).toContain('[DONE]');
  await until('the wall to be closed behind the last answer', 20_000, () =>
    listeners(single.pid).length === 1 ? true : undefined,
  );
});

test('a reload that brings the lab back starts another wall', async () => {
  const config = JSON.parse(readFileSync(single.configFile, 'utf8')) as object;
  writeFileSync(single.configFile, JSON.stringify({ ...config, console: { fault_lab: true } }));
  expect(await reload(single)).toBe(200);
  expect(listeners(single.pid)).toHaveLength(1);
  expect((await ask(single, 'fault-lab/takeover/cut-clean:2')).text).toContain('[DONE]');
});

async function reload(server: TestServer): Promise<number> {
  const reloaded = await fetch(`${server.baseUrl}/admin/v1/reload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  return reloaded.status;
}

/** The IPv4 and IPv6 addresses on which a process listens. Linux only. */
function listeners(pid: number): string[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? ''];
      } catch {
        // Closed meanwhile.
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((file) =>
    readFileSync(`/proc/${pid}/net/${file}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode = '']) => state === '0A' && own.has(inode))
      .map(([, local = '']) => {
        const [address = ''] = local.split(':');
        return address === '0100007F' ? '127.0.0.1' : address;
      }),
  );
}
