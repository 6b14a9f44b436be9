import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';

/*
 * Without a key nothing answers with 2xx but what is public: every method, every route, nine spellings of its path, and of the
 * host. A preflight is an answer without data.
 */

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({
    config: `
upstreams: {lab: {base_url: "http://127.0.0.1:9/v1"}}
models: {a: {targets: [{upstream: lab}]}}`,
  });
});
afterAll(() => app?.stop());

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
const publicPaths = new Set(['/livez', '/readyz']);
const adminPaths = [
  '/admin/v1/keys',
  '/admin/v1/keys/key_1',
  '/admin/v1/keys/key_1/rotate',
  '/admin/v1/owners',
  '/admin/v1/owners/default',
  '/admin/v1/streams',
  '/admin/v1/upstreams',
  '/admin/v1/models',
  '/admin/v1/config',
  '/admin/v1/reload',
  '/admin/v1/usage',
  '/admin/v1/requests',
  '/admin/v1/budgets',
];
const keyPaths = ['/v1/chat/completions', '/v1/models', '/v1/models/default', '/v1/usage'];
const paths = [...publicPaths, ...keyPaths, ...adminPaths];

const spellings: Readonly<Record<string, (path: string, origin: string) => string>> = {
  plain: (path) => path,
  'double slash': (path) => path.replace('/', '//'),
  'slash at its end': (path) => `${path}/`,
  'in capitals': (path) => path.toUpperCase(),
  'first letter escaped': (path) =>
    path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  'slashes escaped': (path) => `/${path.slice(1).replaceAll('/', '%2F')}`,
  'with dots': (path) => `/livez/..${path}`,
  'with an absolute URL': (path, origin) => origin + path,
  'behind a public path': (path) => `/livez;${path}`,
};
const hosts = [
  '127.0.0.1',
  'localhost',
  'evil.example',
  '[::1]',
  '127.0.0.1:1',
  'a@b',
  'LOCALHOST',
  'x.localhost',
  '',
];

interface Seen {
  readonly status: number;
  readonly text: string;
}

function send(method: string, path: string, host: string, key?: string): Promise<Seen> {
  const { hostname, port } = new URL(app.url);
  const headers = { host, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (piece: Buffer) => {
        text += piece.toString();
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

function isOpen(method: string, path: string, { status, text }: Seen): boolean {
  if (status < 200 || status > 299) return false;
  if (method === 'OPTIONS') return text !== '';
  return !(publicPaths.has(path) && (method === 'GET' || method === 'HEAD'));
}

/** The answers of all methods to these paths that should not have been. */
async function openOnes(spelt: readonly string[], host: string): Promise<string[]> {
  const open: string[] = [];
  for (const path of spelt) {
    const answers = await Promise.all(
      methods.map(async (method) => ({ method, seen: await send(method, path, host) })),
    );
    for (const { method, seen } of answers) {
      if (isOpen(method, path, seen)) open.push(`${method} ${path} (${host}): ${seen.status}`);
    }
  }
  return open;
}

it.each(Object.entries(spellings))('no route is open without a key: its path %s', async (_, spell) => {
  expect(
    await openOnes(
      paths.map((path) => spell(path, app.url)),
      '127.0.0.1',
    ),
  ).toEqual([]);
});

it.each(hosts)('no route is open without a key: the host "%s"', async (host) => {
  expect(await openOnes(paths, host)).toEqual([]);
});

it('every path of this table is a route, and takes its own kind of key', async () => {
  const codes = async (path: string, key?: string) => {
    const { status } = await send('GET', path, '127.0.0.1', key);
    return status;
  };
  for (const path of keyPaths) expect([path, await codes(path, testKey)]).not.toEqual([path, 404]);
  for (const path of adminPaths) {
    const onlyPost = path.endsWith('rotate') || path.endsWith('reload');
    expect([path, await codes(path, testKey)]).toEqual([path, onlyPost ? 405 : 403]);
    expect([path, await codes(path)]).toEqual([path, onlyPost ? 405 : 401]);
    const found = path.endsWith('key_1') ? 404 : 200;
    expect([path, await codes(path, testAdminKey)]).toEqual([path, onlyPost ? 405 : found]);
  }
});
