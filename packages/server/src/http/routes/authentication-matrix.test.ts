import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Access } from '../../access/authenticator.ts';
import { createStoredKeys } from '../../access/stored-keys.ts';
import { createStreamSignature } from '../../access/stream-signature.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';
import { partOf } from '../../testing/suite-part.ts';
import { createWall, type Wall } from '../../wall/wall.ts';
import type { Method } from '../route.ts';

/*
 * Every method × every path of the route table (and some beside it) × spellings of the path and of the host, as bytes of a raw
 * socket: without a key nothing answers 2xx but what is public, and with an ordinary key nothing of the administration. The
 * server has a model that answers, and every id exists: a route that was open would answer 2xx. A signed address of a stream stands
 * for a key at the routes of streams only, the cookie of a session at all of them, but only where a page of this server has sent it. A
 * new route is in this matrix by itself. As it is spelled in the table each path is tried; of other spellings and hosts a part, and
 * all of them in `npm run soak`.
 */

let app: TestApp;
let wall: Wall;
/** An ordinary key of the store, beside the fixed `testKey`. */
let stored: { readonly id: string; readonly key: string };
/** A completion that has a record. */
let completion: { readonly id: string };
/** Every file is built. */
const find = async (path: string) => ({
  ...{ path, type: 'text/plain', etag: 'one', encodings: [] },
  bytes: async () => Buffer.from('a file'),
});
beforeAll(async () => {
  wall = createWall();
  const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  app = await startTestApp({
    config: `
upstreams: {lab: {base_url: "http://127.0.0.1:${port}/v1"}}
models: {a: {targets: [{upstream: lab, model: wall/healthy}]}}
logging: {content: true}
auth: {oidc: {issuer: "http://127.0.0.1:1", client_id: us, client_secret: hush, admins: [a@b.c]}}`,
    page: { find },
    docs: { find, facts: async () => undefined, shell: async () => undefined },
  });
  const made = await send({ method: 'POST', target: '/admin/v1/keys', key: testAdminKey });
  stored = JSON.parse(made.text) as typeof stored;
  const answered = await send({ method: 'POST', target: '/v1/chat/completions', key: testKey });
  completion = JSON.parse(answered.text) as typeof completion;
});
afterAll(async () => {
  await app?.stop();
  await wall?.close();
});

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'CONNECT',
] as const;

/** Public by section 1 of the contract, and the files that the page loads. `/metrics` is, on loopback. */
const publicByContract =
  /^\/(livez|readyz|openapi\.json|docs(\/.*)?|assets\/.+|llms(-full)?\.txt|metrics|admin\/v1\/session\/(ways|oidc|oidc\/callback))?$/;

/** Paths that no route has: neighbours of routes, pages that may come. */
const besides = ['/', '/v1', '/v1/', '/admin', '/admin/', '/admin/v1', '/console', '/metrics', '/unknown'];

/** The path of a route, with an id that exists. */
function pathOf(template: string): string {
  const ids: Readonly<Record<string, string>> = {
    '/v1/models/': 'a',
    '/admin/v1/keys/': stored.id,
    '/admin/v1/owners/': 'default',
    '/admin/v1/requests/': completion.id,
  };
  const [before = ''] = template.split('{');
  return template.replace(/\{\+?id\}/, ids[before] ?? 'one');
}

const routePaths = (): string[] => [...new Set(app.routes.map(({ path }) => pathOf(path)))];
const allPaths = (): string[] => [...routePaths(), ...besides];
const isAdministration = (path: string): boolean => path.toLowerCase().includes('admin');

type Spelling = (path: string) => string;
const escaped = (letter: string): string => `%${letter.charCodeAt(0).toString(16)}`;

const spellings: Readonly<Record<string, Spelling>> = {
  plain: (path) => path,
  'as an absolute URL of another host': (path) => `http://evil.example${path}`,
  'as an absolute URL of this host': (path) => app.url + path,
  'with escaped letters': (path) => path.replaceAll(/[a-z0-9]/g, escaped),
  'with its first letter escaped': (path) => path.replace(/[a-z]/, escaped),
  'with escaped slashes': (path) => `/${path.slice(1).replaceAll('/', '%2F')}`,
  'with a double slash': (path) => `/${path}`,
  'with a slash at its end': (path) => `${path}/`,
  'in capitals': (path) => path.toUpperCase(),
  'behind dots of a public path': (path) => `/livez/..${path}`,
  'behind dots of a path for keys': (path) => `/v1/..${path}`,
  'behind escaped dots': (path) => `/v1/%2e%2e${path}`,
  'with a parameter at its end': (path) => `${path};x`,
  'as a parameter of a public path': (path) => `/livez;${path}`,
  'with a zero byte at its end': (path) => `${path}%00`,
  'with backslashes': (path) => path.replaceAll('/', '\\'),
};

/** What a `Host` line may say; undefined: there is none. */
const hosts: readonly (string | undefined)[] = [
  'localhost',
  'evil.example',
  'evil.example:7245',
  '[::1]',
  '127.0.0.1:1',
  'user@127.0.0.1',
  'LOCALHOST.',
  'x.localhost',
  '',
  undefined,
];

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly host?: string | undefined;
  readonly key?: string | undefined;
  readonly headers?: readonly string[];
}

interface Seen {
  /** 0 where the connection was closed without an answer. */
  readonly status: number;
  readonly text: string;
  /** `Set-Cookie`. */
  readonly cookie: string | undefined;
}

/** One request on a connection of its own, read to its end. */
function send({ method, target, key, headers = [], ...given }: Sent): Promise<Seen> {
  const host = 'host' in given ? given.host : '127.0.0.1';
  const body =
    target.includes('completions') && !target.includes('cancel')
      ? '{"model": "a", "messages": [{"role": "user", "content": "Hi"}]}'
      : '{}';
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(host === undefined ? [] : [`Host: ${host}`]),
    ...(key === undefined ? [] : [`Authorization: Bearer ${key}`]),
    ...headers,
    'Connection: close',
    ...(method.startsWith('P') ? ['Content-Type: application/json', `Content-Length: ${body.length}`] : []),
  ];
  const bytes = `${lines.join('\r\n')}\r\n\r\n${method.startsWith('P') ? body : ''}`;
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('latin1');
    socket.on('data', (piece) => {
      answer += piece;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      const [head = '', ...rest] = answer.split('\r\n\r\n');
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
        text: rest.join('\r\n\r\n'),
        cookie: /^set-cookie: (.*)$/im.exec(head)?.[1],
      });
    });
  });
}

/** The answers 2xx to all methods that are not `expected`. A preflight is an answer without data. */
async function openOnes(
  requests: readonly Omit<Sent, 'method'>[],
  expected: (method: string, target: string) => boolean,
): Promise<string[]> {
  const open: string[] = [];
  for (const request of requests) {
    await Promise.all(
      methods.map(async (method) => {
        const { status, text } = await send({ ...request, method });
        if (status < 200 || status > 299 || expected(method, request.target)) return;
        if (method !== 'OPTIONS' || text !== '')
          open.push(`${method} ${request.target} (host ${request.host}): ${status}`);
      }),
    );
  }
  return open;
}

/** By these nobody has a key yet: a provider, which is down here, decides who comes in. */
const isOfProvider = (target: string): boolean => /\/session\/oidc(\/callback)?$/.test(target);

const isPublic = (method: string, target: string): boolean =>
  (method === 'GET' || method === 'HEAD') && publicByContract.test(target);

describe('without a key nothing answers 2xx but what is public', () => {
  it.each(Object.entries(spellings))('the path %s', async (name, spell) => {
    const paths = name === 'plain' ? allPaths() : partOf(allPaths(), 20);
    const requests = paths.map((path) => ({ target: spell(path) }));
    expect(await openOnes(requests, isPublic)).toEqual([]);
  });

  it.each(hosts)('the host %j', async (host) => {
    const requests = partOf(allPaths(), 20).map((target) => ({ target, host }));
    expect(await openOnes(requests, isPublic)).toEqual([]);
  });

  it('only routes that the contract names are public', () => {
    const open = app.routes.filter(({ access }) => access === 'public').map(({ path }) => path);
    expect(open.length).toBeGreaterThan(0);
    expect(open.filter((path) => !publicByContract.test(path))).toEqual([]);
  });
});

describe('with an ordinary key nothing of the administration answers 2xx', () => {
  const administration = (spell: Spelling): string[] => allPaths().filter(isAdministration).map(spell);

  it.each(Object.entries(spellings))('the path %s', async (name, spell) => {
    const targets = administration(spell);
    const requests = (name === 'plain' ? targets : partOf(targets, 15)).flatMap((target) => [
      { target, key: testKey },
      { target, key: stored.key },
    ]);
    expect(requests.length).toBeGreaterThan(20);
    expect(await openOnes(requests, isPublic)).toEqual([]);
  });

  it.each(hosts)('the host %j', async (host) => {
    const targets = partOf(
      administration((path) => path),
      15,
    );
    const requests = targets.map((target) => ({ target, host, key: stored.key }));
    expect(await openOnes(requests, isPublic)).toEqual([]);
  });
});

interface Row {
  readonly method: Method;
  readonly target: string;
  readonly access: Access;
}

const rows = (): Row[] =>
  app.routes.map(({ method, path, access }) => ({ method, target: pathOf(path), access }));

/** The query of an address that this server's own secret has signed for an id. */
async function signedQuery(id: string): Promise<string> {
  const keys = createStoredKeys({ ledger: app.ledger.ledger, now: () => 0 });
  await keys.follow(new AbortController().signal, () => {});
  const expiresS = Math.ceil(Date.now() / 1_000) + 600;
  return `expires=${expiresS}&signature=${createStreamSignature(keys.signingSecret).sign(id, expiresS)}`;
}

/** The status of each row of the table, by `METHOD path`. */
async function statuses(
  chosen: readonly Row[],
  more: (row: Row) => Partial<Sent>,
): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (const row of chosen) {
    const { method, target } = row;
    found[`${method} ${target}`] = (await send({ method, target, ...more(row) })).status;
  }
  return found;
}
const allOf = (chosen: readonly Row[], status: number): Readonly<Record<string, number>> =>
  Object.fromEntries(chosen.map(({ method, target }) => [`${method} ${target}`, status]));

describe('every route of the table', () => {
  it('that takes a key is 401 without one, and with a key that is not known', async () => {
    const closed = rows().filter(({ access }) => access !== 'public');
    expect(await statuses(closed, () => ({}))).toEqual(allOf(closed, 401));
    expect(await statuses(closed, () => ({ key: 'tr_nobody_issued_this' }))).toEqual(allOf(closed, 401));
  });

  it('of the administration is 403 with an ordinary key', async () => {
    const admin = rows().filter(({ access }) => access === 'admin' || access === 'sign-in');
    expect(admin.map(({ target }) => target).filter((target) => !target.startsWith('/admin/v1/'))).toEqual(
      [],
    );
    for (const key of [testKey, stored.key])
      expect(await statuses(admin, () => ({ key }))).toEqual(allOf(admin, 403));
  });

  it('refuses a key in the query, with and without another one in a header', async () => {
    for (const query of [
      `api_key=${testKey}`,
      `key=${testKey}`,
      `access_token=${testKey}`,
      `API_KEY=x`,
      `a=1&b=${stored.key}`,
      `%6bey=${testKey}`,
    ]) {
      for (const key of [undefined, testKey, testAdminKey]) {
        const chosen = partOf(rows(), 30);
        const seen = await statuses(chosen, ({ target }) => ({ target: `${target}?${query}`, key }));
        expect(seen).toEqual(allOf(chosen, 400));
      }
    }
  });

  it('but those of streams takes no signed address for a key, also one that was signed for its own id', async () => {
    const others = rows().filter(({ access }) => access !== 'public' && access !== 'stream');
    const idOf = (target: string) => decodeURIComponent(target.split('/').at(-1) ?? '');
    const ids = [...new Set(others.map(({ target }) => idOf(target)))];
    const queries = new Map(await Promise.all(ids.map(async (id) => [id, await signedQuery(id)] as const)));
    const asked = ({ target }: Row) => `${target}?${queries.get(idOf(target))}`;
    const signIn = others.filter(({ access }) => access === 'sign-in');
    expect(await statuses(others, (row) => ({ target: asked(row) }))).toEqual({
      ...allOf(others, 401),
      // It takes no query at all.
      ...allOf(signIn, 400),
    });
  });

  it('of streams is 404 with a signature that is wrong or of another stream, whatever key comes with it', async () => {
    const streams = rows().filter(({ access }) => access === 'stream');
    const wrong = [
      `expires=9999999999&signature=${'0'.repeat(64)}`,
      await signedQuery('another'),
      'signature=',
    ];
    for (const query of wrong) {
      for (const key of [undefined, testKey, testAdminKey]) {
        const seen = await statuses(streams, ({ target }) => ({ target: `${target}?${query}`, key }));
        expect(seen).toEqual(allOf(streams, 404));
      }
    }
  });

  it('refuses two different keys, wherever they stand', async () => {
    for (const headers of [
      [`x-api-key: ${stored.key}`],
      [`api-key: ${stored.key}`],
      [`Authorization: Bearer ${stored.key}`],
    ]) {
      for (const key of [testKey, testAdminKey]) {
        expect(await statuses(rows(), () => ({ key, headers }))).toEqual(allOf(rows(), 400));
      }
    }
  });

  describe('and the cookie of a session', () => {
    const own = 'Origin: http://127.0.0.1';
    /** What of a cookie a browser sends back. */
    async function signedIn(): Promise<string> {
      const { status, cookie } = await send({
        method: 'POST',
        target: '/admin/v1/session',
        key: testAdminKey,
      });
      expect(status).toBe(204);
      return `Cookie: ${cookie?.split(';')[0]}`;
    }
    const closed = () => rows().filter(({ access }) => access !== 'public' && access !== 'sign-in');

    it.each<[string, string[]]>([
      ['nothing that says which page has sent it', []],
      ['another origin', ['Origin: http://evil.example']],
      ['another port of this host', ['Origin: http://127.0.0.1:8000']],
      ['a name that begins as this host', ['Origin: http://127.0.0.1.evil.example']],
      ['an origin that hides itself', ['Origin: null']],
      ['two origins', [own, 'Origin: http://evil.example']],
      [
        'another origin, though Sec-Fetch-Site says its own',
        ['Origin: http://evil.example', 'Sec-Fetch-Site: same-origin'],
      ],
      ['a page of the same site', ['Sec-Fetch-Site: same-site']],
      ['a page of another site', ['Sec-Fetch-Site: cross-site']],
      ['an address that was typed in', ['Sec-Fetch-Site: none']],
      [
        'a page of the same site that has a referrer of this server',
        ['Sec-Fetch-Site: same-site', 'Referer: http://127.0.0.1/'],
      ],
      ['a referrer of another server', ['Referer: http://evil.example/http://127.0.0.1/']],
    ])('is 403 with %s', async (_, headers) => {
      const cookie = await signedIn();
      const seen = await statuses(closed(), () => ({ headers: [cookie, ...headers] }));
      expect(seen).toEqual(allOf(closed(), 403));
    });

    it('is 401 where it was changed, where it is none, and at the route that makes sessions', async () => {
      const cookie = await signedIn();
      const [name = '', token = ''] = cookie.slice('Cookie: '.length).split('=');
      const [id, keyId, started, expires, way, signature = ''] = token.split('.');
      const wrong = [
        `${name}=`,
        `${name}=${testAdminKey}`,
        `${name}=${token.slice(0, -1)}`,
        `${name}=${[id, keyId, started, String(Number(expires) + 60), way, signature].join('.')}`,
        `${name}=${[id, keyId, started, expires, way, signature.replaceAll(/[0-9]/g, '0')].join('.')}`,
        `other_name=${token}`,
      ];
      for (const one of wrong) {
        const seen = await statuses(closed(), () => ({ headers: [`Cookie: ${one}`, own] }));
        expect(seen).toEqual(allOf(closed(), 401));
      }
      const makes = rows().filter(({ access }) => access === 'sign-in');
      expect(makes.length).toBe(1);
      expect(await statuses(makes, () => ({ headers: [cookie, own] }))).toEqual(allOf(makes, 401));
    });

    it('decides nothing where a key comes too', async () => {
      const cookie = await signedIn();
      const all = rows().filter(({ access }) => access !== 'public');
      const unknown = await statuses(all, () => ({ key: 'tr_nobody_issued_this', headers: [cookie, own] }));
      expect(unknown).toEqual(allOf(all, 401));
      const admin = all.filter(({ access }) => access === 'admin' || access === 'sign-in');
      expect(await statuses(admin, () => ({ key: stored.key, headers: [cookie, own] }))).toEqual(
        allOf(admin, 403),
      );
    });

    it.each([
      ['its own origin', [own]],
      ['Sec-Fetch-Site: same-origin', ['Sec-Fetch-Site: same-origin']],
      ['a referrer of its own', ['Referer: http://127.0.0.1/']],
    ])('opens every route that is read, and completions, with %s', async (_, headers) => {
      const cookie = await signedIn();
      const open = closed().filter((row) => row.method === 'GET' && !isOfStream(row));
      const completions = closed().filter(({ target }) => target === '/v1/chat/completions');
      const answered = [...open, ...completions];
      const seen = await statuses(answered, ({ target }) => ({
        target: withQuery(target),
        headers: [cookie, ...headers],
      }));
      expect(seen).toEqual(allOf(answered, 200));
      const cancels = closed().filter(({ target }) => target.endsWith('/cancel'));
      // There is no such completion; the session was accepted.
      const missing = [...closed().filter(isOfStream), ...cancels];
      expect(missing.length).toBeGreaterThan(3);
      expect(await statuses(missing, () => ({ headers: [cookie, ...headers] }))).toEqual(allOf(missing, 404));
    });
  });

  // Last: some of them change or delete what the others need.
  it('opens with its own kind of key', async () => {
    const keyOf = {
      public: undefined,
      key: stored.key,
      stream: stored.key,
      admin: testAdminKey,
      'sign-in': testAdminKey,
    };
    // There is no stream; the key was accepted.
    const ofStreams = rows().filter(isOfStream);
    expect(await statuses(ofStreams, () => ({ key: stored.key }))).toEqual(allOf(ofStreams, 404));
    const reads = rows().filter(
      (row) => row.method === 'GET' && !isOfStream(row) && !isOfProvider(row.target),
    );
    const seenOfReads = await statuses(reads, ({ access, target }) => ({
      target: withQuery(target),
      key: keyOf[access],
    }));
    expect(seenOfReads).toEqual(allOf(reads, 200));
    const completion = rows().filter(({ target }) => target === '/v1/chat/completions');
    expect(await statuses(completion, () => ({ key: stored.key }))).toEqual(allOf(completion, 200));
    const writes = rows().filter(({ target, method }) => method !== 'GET' && isAdministration(target));
    const seen = Object.values(await statuses(writes, () => ({ key: testAdminKey })));
    expect(seen.filter((status) => status === 401 || status === 403)).toEqual([]);
    expect(seen.filter((status) => status === 200 || status === 201).length).toBeGreaterThan(4);
  });
});

/** With the query that a route needs. */
function withQuery(target: string): string {
  return target === '/v1/fault-lab/stories' ? `${target}?name=none` : target;
}

/** Routes of one completion that the tests have not begun. */
function isOfStream({ target, access }: Row): boolean {
  return target.endsWith('/events') || target.startsWith('/v1/fault-lab/stories/') || access === 'stream';
}
