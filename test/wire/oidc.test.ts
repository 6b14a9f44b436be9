// A person who signs in to the console of a real server by a real OpenID Connect provider, with the requests of a browser.

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type OidcIssuerOptions, startOidcIssuer } from '../support/oidc-issuer.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { linesOf } from '../workers/running-workers.ts';

const start = '/admin/v1/session/oidc';

/** A browser: cookies of each host and port, redirects, and forms that are filled in. */
function browser() {
  const jars = new Map<string, Map<string, string>>();
  return {
    async open(address: string, form?: Readonly<Record<string, string>>) {
      const { origin } = new URL(address);
      const jar = jars.get(origin) ?? new Map<string, string>();
      jars.set(origin, jar);
      const answer = await fetch(address, {
        redirect: 'manual',
        // The next request may reach another worker.
        headers: {
          cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
          ...{ origin, connection: 'close' },
        },
        ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(name);
        else jar.set(name, value);
      }
      const location = answer.headers.get('location');
      return {
        status: answer.status,
        text: await answer.text(),
        location: location === null ? undefined : new URL(location, address).href,
      };
    },
    /** From the address on through all pages of the provider, until the server is to be asked again. */
    async signInAt(address: string, login: string, serverUrl: string): Promise<string> {
      let next: string = address;
      for (let steps = 0; steps < 12; steps += 1) {
        if (next.startsWith(serverUrl)) return next;
        const answer = await this.open(next);
        const [, action] = /<form[^>]* action="([^"]+)"/.exec(answer.text) ?? [];
        const [, prompt = ''] = /name="prompt" value="(\w+)"/.exec(answer.text) ?? [];
        const filled =
          action === undefined
            ? answer
            : await this.open(new URL(action, next).href, { prompt, login, password: 'any' });
        if (filled.location === undefined)
          throw new Error(`the provider stops: ${filled.text.slice(0, 300)}`);
        next = filled.location;
      }
      throw new Error('the provider leads in circles');
    },
  };
}

async function serverWith(admins: readonly string[], options: OidcIssuerOptions = {}, flags: string[] = []) {
  const issuer = await startOidcIssuer(options);
  onTestFinished(() => issuer.stop());
  const server = await startServer({
    model: 'none',
    config: { auth: { oidc: issuer.settings(admins) } },
    flags,
  });
  onTestFinished(() => server.stop());
  issuer.serve(server.baseUrl);
  return { issuer, server };
}

async function signIn(server: TestServer, login: string, one = browser()) {
  const begun = await one.open(server.baseUrl + start);
  expect(begun.status).toBe(303);
  const back = await one.signInAt(begun.location ?? '', login, server.baseUrl);
  return { one, back, answer: await one.open(back) };
}

describe('by a real OpenID Connect provider', () => {
  test.each([true, false])(
    'a person signs in and is an administrator (the address in the id token: %s)',
    async (emailInToken) => {
      const { server } = await serverWith(['Ann@Example.org'], { emailInToken });
      const { one, back, answer } = await signIn(server, 'ann@example.org');
      expect(answer).toMatchObject({ status: 303, location: `${server.baseUrl}/` });
      const shown = await one.open(`${server.baseUrl}/admin/v1/session`);
      expect(JSON.parse(shown.text)).toMatchObject({ signed_in_by: 'session', admin: true });
      const config = await one.open(`${server.baseUrl}/admin/v1/config`);
      expect(JSON.parse(config.text).config.auth.oidc).toMatchObject({ client_secret: '***' });
      expect(await one.open(back)).toMatchObject({ status: 400 });
      expect(server.logs()).not.toContain(new URL(back).searchParams.get('code'));
      expect(server.logs()).toContain('ann@example.org');
    },
  );

  test('any worker finishes what another has begun', async () => {
    const { server } = await serverWith(['ann@example.org'], {}, ['--workers', '2']);
    const workersAt = (route: string) =>
      linesOf(server, 'request').flatMap((line) => (line['route'] === route ? [line['worker']] : []));
    await until('a sign-in that two workers have shared', 30_000, async () => {
      expect((await signIn(server, 'ann@example.org')).answer).toMatchObject({ status: 303 });
      const ends = workersAt(`${start}/callback`);
      return workersAt(start).some((worker, index) => worker !== (ends[index] ?? worker)) || undefined;
    });
  });

  test('nobody else signs in, nor who has no verified address, and each is told why', async () => {
    const { server } = await serverWith(['ann@example.org', 'unverified@example.org']);
    for (const login of ['eve@example.org', 'unverified@example.org']) {
      const { answer, one } = await signIn(server, login);
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.text).error).toMatchObject({
        code: 'admin_required',
        message: expect.stringContaining(login),
      });
      expect(await one.open(`${server.baseUrl}/admin/v1/session`)).toMatchObject({ status: 401 });
    }
  });

  test('a link that somebody else has begun signs nobody in', async () => {
    const { server } = await serverWith(['ann@example.org']);
    const ann = browser();
    const begun = await ann.open(server.baseUrl + start);
    const back = await ann.signInAt(begun.location ?? '', 'ann@example.org', server.baseUrl);
    expect(await browser().open(back)).toMatchObject({ status: 400 });
    expect(await ann.open(back)).toMatchObject({ status: 303 });
  });

  test('a server starts and serves while its provider is down, and a reload takes a person out', async () => {
    const { issuer, server } = await serverWith(['ann@example.org']);
    const { one } = await signIn(server, 'ann@example.org');
    await issuer.stop();
    const session = `${server.baseUrl}/admin/v1/session`;
    expect(await one.open(session)).toMatchObject({ status: 200 });
    const text = readFileSync(server.configFile, 'utf8');
    writeFileSync(server.configFile, text.replace('ann@example.org', 'bob@example.org'));
    const reloaded = await fetch(`${server.baseUrl}/admin/v1/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.adminKey}` },
    });
    expect(reloaded.status).toBe(200);
    expect(await one.open(session)).toMatchObject({ status: 401 });
    // What was known of the provider is gone with the old configuration.
    expect(await browser().open(server.baseUrl + start)).toMatchObject({ status: 502 });
    expect(await browser().open(`${server.baseUrl}/readyz`)).toMatchObject({ status: 200 });
  });
});
