import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createSessions } from '../../access/sessions.ts';
import { createStoredKeys } from '../../access/stored-keys.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';
import { createWall, type Wall } from '../../wall/wall.ts';

let wall: Wall;
let config: string;
let app: TestApp;
beforeAll(async () => {
  wall = createWall();
  const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
  config = `
upstreams: {lab: {base_url: "http://127.0.0.1:${port}/v1"}}
models: {a: {targets: [{upstream: lab, model: wall/healthy}]}}
`;
  app = await startTestApp({ config });
});
afterAll(async () => {
  await app?.stop();
  await wall?.close();
});

const session = '/admin/v1/session';
const adminKey = { authorization: `Bearer ${testAdminKey}` };

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly of?: TestApp;
}

/** A request as another program sends it: without a cookie, and without headers that name a page. */
async function ask(path: string, { method = 'GET', headers = {}, body, of = app }: Asked = {}) {
  const answer = await fetch(of.url + path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const json = /^[[{]/.test(text) ? (JSON.parse(text) as Record<string, unknown>) : {};
  const error = json['error'] as { code: string; param: string | null } | undefined;
  return { status: answer.status, headers: answer.headers, text, json, code: error?.code };
}

/** A page of the server in a browser: it sends its origin, and the cookie that the server has set last. */
function browser(of: TestApp = app) {
  let cookie: string | undefined;
  return {
    cookie: () => cookie,
    async ask(path: string, { headers = {}, ...asked }: Asked = {}) {
      const sent = cookie === undefined ? {} : { cookie };
      const answer = await ask(path, { of, ...asked, headers: { origin: of.url, ...sent, ...headers } });
      const set = answer.headers.get('set-cookie');
      if (set !== null) cookie = set.includes('Max-Age=0') ? undefined : set.split(';')[0];
      return answer;
    },
  };
}
const codeOf = (of: TestApp = app) => of.signIns.codes.issue(adminKeyId()).code;
/** That of `testAdminKey`, as the list of keys shows it. */
let adminKeyIdSeen = '';
const adminKeyId = () => adminKeyIdSeen;
beforeAll(async () => {
  const { json } = await ask('/admin/v1/keys', { headers: adminKey });
  const keys = json['data'] as { id: string; admin: boolean }[];
  adminKeyIdSeen = keys.find(({ admin }) => admin)?.id ?? '';
});

/** A cookie that this server has signed, some time ago. */
async function cookieOf(of: TestApp, { ageS, secure }: { ageS: number; secure: boolean }): Promise<string> {
  const keys = createStoredKeys({ ledger: of.ledger.ledger, now: () => 0 });
  await keys.follow(new AbortController().signal, () => {});
  const sessions = createSessions({
    secret: keys.signingSecret,
    isAdminKey: () => true,
    ended: of.signIns.ended,
    newId: () => 'a'.repeat(32),
    now: () => Date.now() - ageS * 1_000,
  });
  const token = sessions.begin({ keyId: adminKeyId(), secure })?.token;
  return `tailrace_session_${new URL(of.url).port}=${token}`;
}

describe('signing in', () => {
  it('with an admin key sets a cookie that no script reads and no other site sends', async () => {
    const answer = await ask(session, { method: 'POST', headers: adminKey });
    expect(answer.status).toBe(204);
    expect(answer.text).toBe('');
    const { port } = new URL(app.url);
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie.split('; ').slice(1)).toEqual(['Path=/', 'Max-Age=43200', 'HttpOnly', 'SameSite=Strict']);
    expect(cookie).toMatch(new RegExp(`^tailrace_session_${port}=[0-9a-f]{32}\\.`));
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('with a one-time code does the same, once', async () => {
    const page = browser();
    const code = codeOf();
    expect(await page.ask(session, { method: 'POST', body: { code } })).toMatchObject({ status: 204 });
    expect(await page.ask('/admin/v1/config')).toMatchObject({ status: 200 });
    const again = await browser().ask(session, { method: 'POST', body: { code } });
    expect(again).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(again.headers.get('set-cookie')).toBeNull();
  });

  it('with a code that another page sends is refused, and the code is not used up', async () => {
    const code = codeOf();
    for (const headers of [{}, { origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
      expect(await ask(session, { method: 'POST', body: { code }, headers })).toMatchObject({
        status: 403,
        code: 'admin_required',
      });
    expect(await browser().ask(session, { method: 'POST', body: { code } })).toMatchObject({ status: 204 });
  });

  it.each<[string, unknown, Record<string, string>, number, string]>([
    ['nothing', undefined, {}, 401, 'missing_api_key'],
    ['an API key', undefined, { authorization: `Bearer ${testKey}` }, 403, 'admin_required'],
    ['a code that is no text', { code: 5 }, {}, 400, 'invalid_type'],
    ['a long code', { code: 'x'.repeat(65) }, {}, 400, 'invalid_value'],
    ['a long body', { code: 'x'.repeat(2_000) }, {}, 413, 'body_too_large'],
    ['a code and a key', { code: 'x' }, adminKey, 400, 'invalid_value'],
  ])('with %s is refused', async (_, body, headers, status, code) => {
    const answer = await browser().ask(session, { method: 'POST', body, headers });
    expect(answer).toMatchObject({ status, code });
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  it('with wrong codes is refused for a minute after twenty, with the time to wait', async () => {
    const own = await startTestApp({ config });
    onTestFinished(() => own.stop());
    const page = browser(own);
    const wrong = { method: 'POST', body: { code: 'AAAAAAAAAAAAAAAAAAAAAA' } };
    for (let tries = 0; tries < 20; tries += 1)
      expect(await page.ask(session, wrong)).toMatchObject({ status: 401 });
    const answer = await page.ask(session, { method: 'POST', body: { code: codeOf(own) } });
    expect(answer).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await page.ask(session, { method: 'POST', headers: adminKey })).toMatchObject({ status: 204 });
  });

  it('over https, by server.public_url, keeps the cookie to https', async () => {
    const own = await startTestApp({ config: `${config}server: {public_url: "https://ai.example.org"}` });
    onTestFinished(() => own.stop());
    const https = await browser(own).ask(session, {
      method: 'POST',
      body: { code: codeOf(own) },
      headers: { origin: 'https://ai.example.org' },
    });
    expect(https.headers.get('set-cookie')).toMatch(/; Secure$/);
    const http = await browser(own).ask(session, { method: 'POST', body: { code: codeOf(own) } });
    expect(http.headers.get('set-cookie')).not.toContain('Secure');
  });
});

describe('a session', () => {
  async function signedIn(of: TestApp = app) {
    const page = browser(of);
    await page.ask(session, { method: 'POST', body: { code: codeOf(of) } });
    return page;
  }

  it('says what it may do and when it ends', async () => {
    const page = await signedIn();
    const before = Date.now();
    const { json, headers } = await page.ask(session);
    expect(json).toEqual({
      signed_in_by: 'session',
      admin: true,
      key_id: 'console',
      owner: 'default',
      expires_at: expect.any(String),
    });
    const left = Date.parse(String(json['expires_at'])) - before;
    expect(left).toBeGreaterThan(11.9 * 3_600_000);
    expect(left).toBeLessThan(12.1 * 3_600_000);
    expect(headers.get('set-cookie')).toBeNull();
    const key = await ask(session, { headers: adminKey });
    expect(key.json).toMatchObject({ signed_in_by: 'key', key_id: adminKeyId(), expires_at: null });
  });

  it('runs completions that are recorded as those of the key console and the owner default', async () => {
    const page = await signedIn();
    const body = { model: 'a', stream: true, messages: [{ role: 'user', content: 'Hi' }] };
    const answer = await page.ask('/v1/chat/completions', {
      method: 'POST',
      body,
      headers: { 'tailrace-resumable': 'true' },
    });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('data: [DONE]');
    const id = answer.headers.get('tailrace-completion-id') ?? '';
    const { json } = await page.ask('/admin/v1/requests?key_id=console');
    expect(json['data']).toMatchObject([{ id, key_id: 'console', owner: 'default', status: 'completed' }]);
    // The stream is its own: it is read again and cancelled by both kinds of routes, and not by another key.
    const events = `/v1/chat/completions/${id}/events`;
    expect((await page.ask(events)).text).toContain('data: [DONE]');
    expect(await page.ask(`/v1/streams/${id}`)).toMatchObject({ status: 200 });
    expect(await page.ask(`/v1/chat/completions/${id}/cancel`, { method: 'POST' })).toMatchObject({
      json: { id, status: 'completed' },
    });
    expect(await ask(events, { headers: { authorization: `Bearer ${testKey}` } })).toMatchObject({
      status: 404,
    });
    // The signed address needs neither.
    const { pathname, search } = new URL(answer.headers.get('tailrace-stream-url') ?? '');
    expect(await ask(pathname + search)).toMatchObject({ status: 200 });
  });

  it('is renewed by any answer once it is an hour old, a stream among them, and stays with https where it was made', async () => {
    const body = { model: 'a', stream: true, messages: [{ role: 'user', content: 'Hi' }] };
    for (const secure of [true, false]) {
      const headers = { origin: app.url, cookie: await cookieOf(app, { ageS: 3_601, secure }) };
      for (const answer of [
        await ask('/v1/models', { headers }),
        await ask('/v1/chat/completions', { method: 'POST', body, headers }),
      ]) {
        expect(answer.status).toBe(200);
        const cookie = answer.headers.get('set-cookie') ?? '';
        expect(cookie).toMatch(/; Path=\/; Max-Age=(43200|43199); HttpOnly; SameSite=Strict/);
        expect(cookie.endsWith('; Secure')).toBe(secure);
        const renewed = { origin: app.url, cookie: cookie.split(';')[0] ?? '' };
        const again = await ask(session, { headers: renewed });
        expect(again.status).toBe(200);
        expect(again.headers.get('set-cookie')).toBeNull();
      }
    }
  });

  it('that a request of another page carries opens nothing, and no answer lets such a page read it', async () => {
    const cookie = (await signedIn()).cookie() ?? '';
    for (const path of ['/admin/v1/keys', '/v1/models', session]) {
      const answer = await ask(path, { headers: { cookie, origin: 'http://evil.example' } });
      expect(answer).toMatchObject({ status: 403, code: 'admin_required' });
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  it('ends when it signs out, with every copy of its cookie', async () => {
    const page = await signedIn();
    const copy = page.cookie() ?? '';
    const answer = await page.ask(session, { method: 'DELETE' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('set-cookie')).toMatch(/^tailrace_session_\d+=; Path=\/; Max-Age=0; HttpOnly/);
    expect(page.cookie()).toBeUndefined();
    for (const path of [session, '/v1/models'])
      expect(await ask(path, { headers: { cookie: copy, origin: app.url } })).toMatchObject({
        status: 401,
        code: 'expired_api_key',
      });
    expect(await ask(session, { method: 'DELETE', headers: adminKey })).toMatchObject({ status: 204 });
  });

  it('ends with a rotation of the signing secret', async () => {
    const own = await startTestApp({ config });
    onTestFinished(() => own.stop());
    const page = await signedIn(own);
    expect(await page.ask(session)).toMatchObject({ status: 200 });
    await page.ask('/admin/v1/keys/rotate-signing', { method: 'POST' });
    expect(await page.ask(session)).toMatchObject({ status: 401, code: 'expired_api_key' });
  });

  it('makes no code for another session; an admin key does', async () => {
    const codes = `${session}/codes`;
    expect(await (await signedIn()).ask(codes, { method: 'POST' })).toMatchObject({
      status: 403,
      code: 'admin_required',
    });
    const made = await ask(codes, { method: 'POST', headers: adminKey });
    expect(made).toMatchObject({ status: 200, json: { expires_at: expect.any(String) } });
    const { code } = made.json;
    expect(await browser().ask(session, { method: 'POST', body: { code } })).toMatchObject({ status: 204 });
  });

  it('leaves neither its cookie nor its code in the log', async () => {
    const own = await startTestApp({ config: `${config}logging: {level: debug, content: true}` });
    onTestFinished(() => own.stop());
    const code = codeOf(own);
    const page = browser(own);
    await page.ask(session, { method: 'POST', body: { code } });
    await page.ask(session, { method: 'POST', body: { code } });
    const token = page.cookie()?.split('=')[1] ?? 'none';
    await page.ask('/v1/models');
    await page.ask(session, { method: 'DELETE' });
    await expect.poll(() => own.logged().length).toBe(4);
    const log = JSON.stringify(own.logged());
    expect(log).toContain('/admin/v1/session');
    for (const secret of [code, token, token.split('.').at(-1) ?? 'none']) expect(log).not.toContain(secret);
  });
});

describe('no session', () => {
  it('exists where the console is switched off', async () => {
    const off = await startTestApp({ config: `${config}console: {enabled: false}` });
    onTestFinished(() => off.stop());
    for (const [method, path] of [
      ['POST', session],
      ['GET', session],
      ['DELETE', session],
      ['POST', `${session}/codes`],
    ] as const)
      expect(await ask(path, { of: off, method, headers: adminKey })).toMatchObject({
        status: 404,
        code: 'unknown_url',
      });
    const headers = { cookie: await cookieOf(off, { ageS: 0, secure: false }), origin: off.url };
    expect(await ask('/v1/models', { of: off, headers })).toMatchObject({
      status: 401,
      code: 'missing_api_key',
    });
  });

  it('is made where no key is asked for: it would outlive that setting', async () => {
    const open = await startTestApp({ config: `${config}auth: {required: false}` });
    onTestFinished(() => open.stop());
    const page = browser(open);
    expect(await page.ask(session, { method: 'POST' })).toMatchObject({ status: 204 });
    expect(page.cookie()).toBeUndefined();
    expect((await page.ask(session)).json).toMatchObject({ signed_in_by: 'nothing', expires_at: null });
    expect((await page.ask(`${session}/codes`, { method: 'POST' })).json).toMatchObject({ code: null });
    const foreign = { origin: 'http://evil.example' };
    expect(await ask(session, { of: open, headers: foreign })).toMatchObject({ status: 400 });
  });
});
