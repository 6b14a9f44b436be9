import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type FakeIssuer, fakeClient, startFakeIssuer } from '../../access/oidc/fake-issuer.ts';
import { loadConfig } from '../../config/load-config.ts';
import { memoryFiles } from '../../testing/memory-files.ts';
import { startTestApp, type TestApp } from '../../testing/start-app.ts';

let issuer: FakeIssuer;
let app: TestApp;
const configOf = (more = '', admins = 'Ann@Example.org') =>
  `auth: {oidc: {issuer: "${issuer.issuer}", client_id: ${fakeClient.id}, client_secret: ${fakeClient.secret}, admins: ["${admins}"]}}\n${more}`;
beforeAll(async () => {
  issuer = await startFakeIssuer();
  app = await startTestApp({ config: configOf() });
});
afterAll(async () => {
  await app?.stop();
  issuer?.stop();
});
beforeEach(() => {
  issuer.faults = {};
});

const start = '/admin/v1/session/oidc';

/** A browser: it keeps cookies, and follows no redirect by itself. */
function browser(of: TestApp = app, always: Record<string, string> = {}) {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async open(path: string, more: Record<string, string> = {}) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(of.url + path, {
        redirect: 'manual',
        headers: { cookie, ...always, ...more },
      });
      const set = answer.headers.getSetCookie();
      for (const line of set) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (line.includes('Max-Age=0')) cookies.delete(name);
        else cookies.set(name, value);
      }
      const text = await answer.text();
      const error = text.startsWith('{') ? (JSON.parse(text) as { error?: Failed }).error : undefined;
      const location = answer.headers.get('location') ?? '';
      return { status: answer.status, headers: answer.headers, set, text, location, error };
    },
    /** To the provider and back: the path of the callback. */
    async throughProvider() {
      const { location } = await this.open(start);
      const back = issuer.authorize(location);
      return back.pathname + back.search;
    },
  };
}
interface Failed {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
}

describe('a person who signs in by a provider', () => {
  it('comes back with the session of the console, which opens the administration', async () => {
    const one = browser();
    const begun = await one.open(start);
    expect(begun).toMatchObject({ status: 303, location: expect.stringContaining(`${issuer.issuer}/auth?`) });
    const { port } = new URL(app.url);
    expect(begun.set).toEqual([
      expect.stringMatching(
        new RegExp(`^tailrace_oidc_${port}=[0-9a-f.]+; Path=/; Max-Age=600; HttpOnly; SameSite=Lax$`),
      ),
    ]);
    expect(new URL(begun.location).searchParams.get('redirect_uri')).toBe(`${app.url}${start}/callback`);
    const back = issuer.authorize(begun.location);
    // Providers add parameters of their own.
    const ended = await one.open(`${back.pathname}${back.search}&session_state=x&iss=${issuer.issuer}`);
    expect(ended).toMatchObject({ status: 303, location: '/' });
    expect(ended.headers.get('referrer-policy')).toBe('no-referrer');
    expect(ended.headers.get('cache-control')).toBe('no-store');
    expect(ended.set).toEqual([
      expect.stringMatching(/^tailrace_session_\d+=.+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/),
      expect.stringMatching(/^tailrace_oidc_\d+=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/),
    ]);
    const page = { origin: app.url };
    const session = await one.open('/admin/v1/session', page);
    expect(JSON.parse(session.text)).toMatchObject({
      signed_in_by: 'session',
      admin: true,
      key_id: 'console',
    });
    expect(await one.open('/admin/v1/config', page)).toMatchObject({ status: 200 });
    // Not for a page of another site.
    expect(await one.open('/admin/v1/config', { origin: 'http://evil.example' })).toMatchObject({
      status: 403,
    });
    expect(app.logged().some(({ subject }) => subject === 'ann@example.org')).toBe(true);
  });

  it('is refused by name where the address is not in auth.oidc.admins', async () => {
    issuer.faults = { claims: { email: 'eve@example.org' } };
    const one = browser();
    const answer = await one.open(await one.throughProvider());
    expect(answer).toMatchObject({ status: 403, error: { code: 'admin_required' } });
    expect(answer.error?.message).toContain('eve@example.org');
    expect(answer.error?.message).toContain('auth.oidc.admins');
    expect([...one.cookies]).toEqual([]);
  });

  it('reads a page where it is refused, in which a name is a text', async () => {
    issuer.faults = { claims: { email: '<img src=x onerror=alert(1)>@example.org' } };
    const one = browser(app, { accept: 'text/html,application/xhtml+xml' });
    const answer = await one.open(await one.throughProvider());
    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.text).toContain('admin_required');
    expect(answer.text).toContain('&#60;img src=x');
    expect(answer.text).not.toContain('<img');
  });

  it('finishes what was begun in the same browser only, and once', async () => {
    const [mine, other] = [browser(), browser()];
    const back = await mine.throughProvider();
    await other.throughProvider();
    // The link of somebody else would sign this browser in as that person.
    for (const one of [other, browser()])
      expect(await one.open(back)).toMatchObject({
        status: 400,
        error: { code: 'invalid_value', param: 'state' },
      });
    const copy = new Map(mine.cookies);
    expect(await mine.open(back)).toMatchObject({ status: 303 });
    expect(await mine.open(back)).toMatchObject({ status: 400, error: { param: 'state' } });
    // Nor with a copy of the cookie: the provider takes its code once.
    const thief = browser();
    for (const [name, value] of copy) thief.cookies.set(name, value);
    expect(await thief.open(back)).toMatchObject({ status: 400, error: { param: 'code' } });
    expect([...thief.cookies]).toEqual([]);
  });

  it('asks nothing of the provider with a state that this server has not signed', async () => {
    const asked = issuer.asked.length;
    const one = browser();
    one.cookies.set(
      `tailrace_oidc_${new URL(app.url).port}`,
      `${'0'.repeat(32)}.9999999999.${'0'.repeat(64)}`,
    );
    expect(await one.open(`${start}/callback?code=x&state=0${'0'.repeat(64)}`)).toMatchObject({
      status: 400,
    });
    expect(issuer.asked.length).toBe(asked);
  });

  it('may begin again after an attempt that failed', async () => {
    const one = browser();
    issuer.faults = { claims: { nonce: 'another' } };
    expect(await one.open(await one.throughProvider())).toMatchObject({
      status: 502,
      error: { code: 'upstream_protocol' },
    });
    issuer.faults = {};
    expect(await one.open(await one.throughProvider())).toMatchObject({ status: 303, location: '/' });
  });

  it('loses the session when the address is taken out of auth.oidc.admins', async () => {
    const one = browser();
    await one.open(await one.throughProvider());
    const [name = '', value] = [...one.cookies].find(([found]) => found.startsWith('tailrace_session')) ?? [];
    const page = { origin: app.url };
    expect(await one.open('/admin/v1/session', page)).toMatchObject({ status: 200 });
    for (const [admins, status] of [
      ['ann@example.org', 200],
      ['bob@example.org', 401],
    ] as const) {
      const later = await startTestApp({ config: configOf('', admins), keyLedger: app.ledger.ledger });
      onTestFinished(() => later.stop());
      const again = browser(later, { origin: later.url });
      again.cookies.set(name.replace(/\d+$/, new URL(later.url).port), value ?? '');
      expect(await again.open('/admin/v1/session')).toMatchObject({ status });
    }
  });
});

describe('the address to which the provider sends people back', () => {
  it('is that of server.public_url, and its cookies travel by https', async () => {
    const own = await startTestApp({ config: configOf('server: {public_url: "https://ai.example.org/"}') });
    onTestFinished(() => own.stop());
    const one = browser(own);
    const begun = await one.open(start);
    const back = new URL(new URL(begun.location).searchParams.get('redirect_uri') ?? '');
    expect(back.href).toBe(`https://ai.example.org${start}/callback`);
    const { pathname, search } = issuer.authorize(begun.location);
    const ended = await one.open(pathname + search);
    expect([...begun.set, ...ended.set].map((line) => line.endsWith('; Secure'))).toEqual([true, true, true]);
  });

  it('is no name that somebody else has pointed here', async () => {
    const { port } = new URL(app.url);
    for (const path of [start, `${start}/callback?code=x&state=y`]) {
      const answer = await hostOf(`evil.example:${port}`, path);
      expect(answer).toContain('400 Bad Request');
      expect(answer).toContain('server.public_url');
    }
    expect(await hostOf(`localhost:${port}`, start)).toContain(
      encodeURIComponent(`http://localhost:${port}${start}/callback`),
    );
  });
});

it('the configuration of the page about it is valid', async () => {
  const doc = readFileSync(new URL('../../../../../docs/console.md', import.meta.url), 'utf8');
  const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(doc) ?? [];
  const files = memoryFiles('/etc/tailrace', { 'tailrace.yaml': yaml });
  const loaded = await loadConfig({ env: { OIDC_CLIENT_SECRET: 'hush' }, cwd: '/etc/tailrace', files });
  expect(loaded).toMatchObject({ ok: true, config: { auth: { oidc: { clientSecret: 'hush' } } } });
});

/** `fetch` sends no Host of its own choice. */
async function hostOf(host: string, path: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const asked = request(app.url + path, { headers: { host } }, (response) => {
      let text = `${response.statusCode} ${response.statusMessage} ${response.headers.location}`;
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject).end();
  });
}

describe('a provider that is down', () => {
  it('is an error of the sign-in only', async () => {
    issuer.faults = { answer: (_, response) => Boolean(response.destroy()) };
    const own = await startTestApp({ config: configOf() });
    onTestFinished(() => own.stop());
    const asked = issuer.asked.length;
    expect(await browser(own).open('/livez')).toMatchObject({ status: 200 });
    expect(issuer.asked.length).toBe(asked);
    expect(await browser(own).open(start)).toMatchObject({
      status: 502,
      error: { code: 'upstream_refused' },
    });
    issuer.faults = {};
    expect(await browser(own).open(start)).toMatchObject({ status: 303 });
  });

  it('is asked by sixteen browsers at a time at most', async () => {
    const held: (() => void)[] = [];
    const backs = await Promise.all(
      Array.from({ length: 17 }, async () => {
        const one = browser();
        return { one, back: await one.throughProvider() };
      }),
    );
    issuer.faults = {
      answer(request, response) {
        if (request.url !== '/token') return false;
        held.push(() => response.writeHead(500).end());
        return true;
      },
    };
    const answers = backs.slice(0, 16).map(({ one, back }) => one.open(back));
    await expect.poll(() => held.length).toBe(16);
    const last = backs[16];
    expect(await last?.one.open(last.back)).toMatchObject({ status: 503, error: { code: 'overloaded' } });
    for (const free of held) free();
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([502]));
  });
});

describe('the page', () => {
  const ways = async (of: TestApp) => JSON.parse((await browser(of).open('/admin/v1/session/ways')).text);

  it('learns without a key whether there is a provider', async () => {
    expect(await ways(app)).toEqual({ oidc: true });
    const without = await startTestApp({ config: '' });
    onTestFinished(() => without.stop());
    expect(await ways(without)).toEqual({ oidc: false });
    expect(await browser(without).open(start)).toMatchObject({ status: 404, error: { code: 'unknown_url' } });
  });

  it.each(['console: {enabled: false}', 'required'])(
    'has no provider where it cannot sign in: %s',
    async (off) => {
      const config =
        off === 'required' ? configOf().replace('auth: {', 'auth: {required: false, ') : configOf(off);
      const own = await startTestApp({ config });
      onTestFinished(() => own.stop());
      for (const path of [start, `${start}/callback`])
        expect(await browser(own).open(path)).toMatchObject({ status: 404 });
    },
  );
});

it('a parameter that beginning does not know is refused by name', async () => {
  expect(await browser().open(`${start}?return_to=//evil.example`)).toMatchObject({
    status: 400,
    error: { code: 'unsupported_parameter', param: 'return_to' },
  });
});

it('neither a code, nor a state, nor a cookie is in the log', async () => {
  const own = await startTestApp({ config: configOf('logging: {level: debug, content: true}') });
  onTestFinished(() => own.stop());
  const one = browser(own);
  const back = await one.throughProvider();
  const secrets = [...new URL(back, own.url).searchParams.values(), ...one.cookies.values()];
  await one.open(back);
  await one.open(back);
  secrets.push(...one.cookies.values());
  await expect.poll(() => own.logged().length).toBe(3);
  const log = JSON.stringify(own.logged());
  expect(log).toContain('/callback');
  for (const secret of [...secrets, fakeClient.secret]) expect(log).not.toContain(secret);
});
