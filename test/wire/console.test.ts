// A browser that signs in to the console of a real server by the address of the command, over a restart.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createScratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, labServer, messages } from './wire-client.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

async function started(dataDir: string): Promise<TestServer> {
  const server = await startServer({ ...labServer(), dataDir });
  onTestFinished(() => server.stop());
  return server;
}

function dataFolder(): string {
  const scratch = createScratch('console');
  onTestFinished(() => scratch.remove());
  return scratch.path;
}

/** What a page of the server sends, from a browser with this cookie. */
function fromPage({ baseUrl }: TestServer, cookie = ''): Record<string, string> {
  return {
    ...{ Host: new URL(baseUrl).host, Origin: baseUrl, Cookie: cookie },
    ...{ Authorization: '', 'Content-Type': 'application/json' },
  };
}

const session = '/admin/v1/session';

async function signIn(server: TestServer, code: string | undefined): Promise<string> {
  const answer = await ask(server, {
    method: 'POST',
    path: session,
    headers: fromPage(server),
    body: JSON.stringify({ code }),
  });
  expect(answer.status).toBe(204);
  const [cookie = ''] = String(answer.header('set-cookie')).split(';');
  return cookie;
}

test('the address of tailrace console signs a browser in, whose session outlives a restart until it signs out', async () => {
  const dataDir = dataFolder();
  const server = await started(dataDir);
  const { stdout } = await run(
    process.execPath,
    [
      '--conditions=tailrace-source',
      'packages/server/src/cli/main.ts',
      'console',
      '--no-open',
      '--data-dir',
      dataDir,
    ],
    { cwd: root, env: { ...process.env, TAILRACE_ADMIN_KEY: server.adminKey } },
  );
  const [, url, code] = /^(\S+)\/#sign-in=([\w-]+)\n$/.exec(stdout) ?? [];
  expect(url).toBe(server.baseUrl);
  const cookie = await signIn(server, code);
  const chat = await ask(server, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: fromPage(server, cookie),
    body: JSON.stringify({ model: 'lab/plain', stream: true, messages }),
  });
  expect(chat.body.toString()).toContain('data: [DONE]');
  await server.stop();

  const next = await started(dataDir);
  // The name has the port, and this server has another one.
  const token = cookie.split('=')[1] ?? '';
  const kept = fromPage(next, `tailrace_session_${next.port}=${token}`);
  const asked = (method: string, path: string) => ask(next, { method, path, headers: kept });
  const records = await asked('GET', '/admin/v1/requests?key_id=console');
  expect(JSON.parse(records.body.toString())).toMatchObject({ data: [{ owner: 'default' }] });
  expect((await asked('DELETE', session)).status).toBe(204);
  expect((await asked('GET', session)).status).toBe(401);
  for (const secret of [code, token, token.split('.').at(-1)]) {
    expect(server.logs()).not.toContain(secret);
    expect(next.logs()).not.toContain(secret);
  }
  // The banner shows such an address on a terminal only.
  expect(server.logs()).not.toContain('sign-in');
});
