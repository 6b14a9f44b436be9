import { lookup } from 'node:dns/promises';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { listenProblem } from '../packages/server/src/service/system-problem.ts';
import { checkPort } from './check-port.cjs';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function occupy(host: string, port = 0): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return address.port;
}

async function freePort(): Promise<number> {
  const port = await occupy('127.0.0.1');
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return port;
}

const inUse = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });

test.each(['127.0.0.1', '0.0.0.0'])(
  'a port that is taken is refused on %s, in the server’s words',
  async (host) => {
    const address = { host, port: await occupy('127.0.0.1') };
    await expect(checkPort(address)).rejects.toThrow(listenProblem(inUse, { ...address, loopback: true }));
  },
);

test('a free port is refused to none of many launchers that check it at once, and is free afterwards', async () => {
  const port = await freePort();
  await Promise.all(Array.from({ length: 20 }, () => checkPort({ host: '127.0.0.1', port })));
  expect(await occupy('127.0.0.1', port)).toBe(port);
});

test('a name is refused only where each of its addresses is taken', async () => {
  const found = await lookup('localhost', { all: true });
  const [first = '', ...others] = new Set(found.map(({ address }) => address));
  const port = await occupy(first);
  const localhost = { host: 'localhost', port };
  for (const other of others) {
    await checkPort(localhost);
    await occupy(other, port);
  }
  const problem = listenProblem(inUse, { ...localhost, loopback: true });
  await expect(checkPort(localhost)).rejects.toThrow(problem);
  await checkPort({ host: 'name.invalid', port });
});

test('nothing is refused without an address, with port 0, and for an address of another machine', async () => {
  const port = await occupy('127.0.0.1');
  await checkPort(undefined);
  await checkPort({ host: '127.0.0.1', port: 0 });
  await checkPort({ host: '192.0.2.1', port });
});
