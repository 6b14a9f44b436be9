import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeIssuer, fakeClient, type IssuerFaults, startFakeIssuer } from './fake-issuer.ts';
import { createIdentityProvider, type IdentityProvider } from './identity-provider.ts';

let fake: FakeIssuer;
beforeAll(async () => {
  fake = await startFakeIssuer();
});
afterAll(() => fake?.stop());
beforeEach(() => {
  fake.faults = {};
  fake.asked.length = 0;
});

const redirectUri = 'http://127.0.0.1:7245/admin/v1/session/oidc/callback';
const attempt = { token: '', state: '0abc', nonce: 'of-this-attempt', verifier: 'v'.repeat(64) };

interface Given {
  readonly issuer?: string;
  readonly secret?: string;
  readonly timeoutMs?: number;
  readonly now?: () => number;
}
const provider = ({
  issuer = fake.issuer,
  secret = fakeClient.secret,
  timeoutMs = 5_000,
  now = Date.now,
}: Given = {}) =>
  createIdentityProvider(
    { issuer, clientId: fakeClient.id, clientSecret: secret, admins: ['ann@example.org'] },
    { now, timeoutMs },
  );

async function addressOf(of: IdentityProvider): Promise<URL> {
  const address = await of.signInAddress(attempt, redirectUri);
  if (!address.ok) throw new Error(address.failure.message);
  return new URL(address.value);
}

/** Signs in, and comes back with parameters that `change` has changed. */
async function signIn(of = provider(), change: (back: URLSearchParams) => void = () => {}) {
  const address = await of.signInAddress(attempt, redirectUri);
  if (!address.ok) return address;
  const { searchParams } = fake.authorize(address.value);
  change(searchParams);
  return await of.personOf(searchParams, attempt, redirectUri);
}

const page =
  (body: string, status = 200, type = 'application/json') =>
  (_: unknown, response: ServerResponse) => {
    response.writeHead(status, { 'content-type': type }).end(body);
    return true;
  };
/** A fault of one path only. */
function at(path: string, answer: NonNullable<IssuerFaults['answer']>): IssuerFaults {
  return { answer: (request, response) => request.url === path && answer(request, response) };
}

describe('signing in by a provider', () => {
  it('sends the browser with everything that ties the answer to this attempt', async () => {
    const address = await addressOf(provider());
    expect(address.origin + address.pathname).toBe(`${fake.issuer}/auth`);
    expect(Object.fromEntries(address.searchParams)).toEqual({
      theme: 'calm',
      client_id: 'tailrace',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid email',
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
  });

  it('finds the address of the person', async () => {
    expect(await signIn()).toEqual({ ok: true, value: 'ann@example.org' });
  });

  it('asks for the address where the id token has none', async () => {
    fake.faults = {
      claims: { email: undefined, email_verified: undefined },
      userinfo: { email: 'bob@example.org' },
    };
    expect(await signIn()).toEqual({ ok: true, value: 'bob@example.org' });
  });

  it('sends the secret in the way that the provider takes', async () => {
    fake.faults = { metadata: { token_endpoint_auth_methods_supported: ['client_secret_post'] } };
    expect(await signIn()).toMatchObject({ ok: true });
  });

  it('reads the metadata once an hour, and once for all who sign in at the same time', async () => {
    let nowMs = 0;
    const one = provider({ now: () => nowMs });
    await Promise.all([addressOf(one), addressOf(one), addressOf(one)]);
    await addressOf(one);
    expect(fake.asked.length).toBe(1);
    nowMs = 3_600_000;
    await addressOf(one);
    expect(fake.asked.length).toBe(2);
  });
});

describe('nobody is signed in', () => {
  const claims = (given: Readonly<Record<string, unknown>>): IssuerFaults => ({ claims: given });
  const nowS = () => Math.floor(Date.now() / 1_000);

  it.each<[string, () => IssuerFaults, string]>([
    ['with the nonce of another attempt', () => claims({ nonce: 'another' }), 'upstream_protocol'],
    ['without a nonce', () => claims({ nonce: undefined }), 'upstream_protocol'],
    ['for another client', () => claims({ aud: 'another' }), 'upstream_protocol'],
    [
      'for another client beside this one',
      () => claims({ aud: ['another', 'tailrace'], azp: 'another' }),
      'upstream_protocol',
    ],
    ['by another issuer', () => claims({ iss: 'https://evil.example' }), 'upstream_protocol'],
    [
      'with an id token that has expired',
      () => claims({ iat: nowS() - 900, exp: nowS() - 600 }),
      'upstream_protocol',
    ],
    ['with an id token without an end', () => claims({ exp: undefined }), 'upstream_protocol'],
    ['with a signature of another key', () => ({ foreignKey: true }), 'upstream_protocol'],
    ['with a key that is not published', () => ({ header: { kid: 'two' } }), 'upstream_protocol'],
    ['without a signature', () => ({ header: { alg: 'none' } }), 'upstream_protocol'],
    ['with the public key as a shared secret', () => ({ header: { alg: 'HS256' } }), 'upstream_protocol'],
    ['with an address that is not verified', () => claims({ email_verified: false }), 'admin_required'],
    [
      'with an address that is not verified, said as a text',
      () => claims({ email_verified: 'False' }),
      'admin_required',
    ],
    ['without an address', () => claims({ email: undefined }), 'admin_required'],
    ['with an address that is no text', () => claims({ email: ['ann@example.org'] }), 'admin_required'],
    [
      'with an address of somebody else at the endpoint for it',
      () => ({ ...claims({ email: undefined }), userinfo: { sub: 'eve', email: 'ann@example.org' } }),
      'upstream_protocol',
    ],
    [
      'where the metadata is of another issuer',
      () => ({ metadata: { issuer: 'https://evil.example' } }),
      'upstream_protocol',
    ],
    [
      'where tokens would go over plain http',
      () => ({ metadata: { token_endpoint: 'http://id.example.org/t' } }),
      'upstream_protocol',
    ],
    [
      'where the keys are a program',
      () => ({ metadata: { jwks_uri: 'file:///etc/passwd' } }),
      'upstream_protocol',
    ],
    [
      'where the tokens are no JSON',
      () => at('/token', page('<html>', 200, 'text/html')),
      'upstream_protocol',
    ],
    ['where the tokens are broken JSON', () => at('/token', page('{"access_token": ')), 'upstream_protocol'],
    ['where there are no tokens', () => at('/token', page('null')), 'upstream_protocol'],
    [
      'where the keys are none',
      () => at('/keys', page('{"keys": [{"kty": "RSA", "kid": "one", "n": 5}]}')),
      'upstream_protocol',
    ],
    ['where tokens lead elsewhere', () => at('/token', page('', 302)), 'upstream_protocol'],
    [
      'where the provider fails',
      () => at('/token', page('{"error": "server_error"}', 500)),
      'upstream_refused',
    ],
  ])('%s', async (_, faults, code) => {
    fake.faults = faults();
    expect(await signIn()).toMatchObject({ ok: false, failure: { code } });
  });

  it('where the provider does not know the secret of this server, and no secret is shown', async () => {
    const answer = await signIn(provider({ secret: 'wrong-hush' }));
    expect(answer).toMatchObject({ ok: false, failure: { code: 'upstream_auth' } });
    expect(JSON.stringify(answer)).not.toContain('hush');
  });

  it('with a code that was used, or never given out', async () => {
    const one = provider();
    const back = fake.authorize((await addressOf(one)).href).searchParams;
    expect(await one.personOf(back, attempt, redirectUri)).toMatchObject({ ok: true });
    expect(await one.personOf(back, attempt, redirectUri)).toMatchObject({
      failure: { code: 'invalid_value', param: 'code' },
    });
  });

  it('whose code another browser has begun', async () => {
    const one = provider();
    const { searchParams } = fake.authorize((await addressOf(one)).href);
    const other = { ...attempt, verifier: 'w'.repeat(64) };
    expect(await one.personOf(searchParams, other, redirectUri)).toMatchObject({
      failure: { code: 'invalid_value', param: 'code' },
    });
  });

  it.each<[string, (back: URLSearchParams) => void, string]>([
    ['who has declined', (back) => back.set('error', 'access_denied'), 'admin_required'],
    ['whom the provider fails', (back) => back.set('error', 'server_error'), 'upstream_refused'],
    [
      'who comes from another provider',
      (back) => back.set('iss', 'https://evil.example'),
      'upstream_protocol',
    ],
    ['with two codes', (back) => back.append('code', 'x'), 'upstream_protocol'],
    ['with the state of another browser', (back) => back.set('state', '0other'), 'upstream_protocol'],
    ['without a code', (back) => back.delete('code'), 'upstream_protocol'],
  ])('%s', async (_, change, code) => {
    expect(await signIn(provider(), change)).toMatchObject({ ok: false, failure: { code } });
  });
});

describe('a provider that cannot be asked', () => {
  const begin = (of = provider()) => of.signInAddress(attempt, redirectUri);
  const wellKnown = '/.well-known/openid-configuration';

  it('because it is down', async () => {
    const down = await startFakeIssuer();
    down.stop();
    expect(await begin(provider({ issuer: down.issuer }))).toMatchObject({
      failure: { code: 'upstream_refused', detail: `${down.issuer}: ECONNREFUSED` },
    });
  });

  it.each<[string, IssuerFaults, string]>([
    ['because it sends garbage', at(wellKnown, page('\u0000\u0001')), 'upstream_protocol'],
    ['because it has no such page', at(wellKnown, page('{}', 404)), 'upstream_protocol'],
    ['because it leads elsewhere', at(wellKnown, page('', 301)), 'upstream_protocol'],
    // All else in it is right.
    ['because it sends 10 MB', { metadata: { padding: 'x'.repeat(10_000_000) } }, 'upstream_protocol'],
    [
      'because people would sign in by a script',
      { metadata: { authorization_endpoint: 'javascript:alert(1)' } },
      'upstream_protocol',
    ],
    [
      'because people would sign in over plain http',
      { metadata: { authorization_endpoint: 'http://id.example.org/' } },
      'upstream_protocol',
    ],
    [
      'because people sign in nowhere',
      { metadata: { authorization_endpoint: undefined } },
      'upstream_protocol',
    ],
    [
      'because it closes the connection',
      at(wellKnown, ({ socket }) => Boolean(socket.destroy())),
      'upstream_refused',
    ],
  ])('%s', async (_, faults, code) => {
    fake.faults = faults;
    expect(await begin()).toMatchObject({ ok: false, failure: { code } });
  });

  it('because it sends no answer, or one that does not end', async () => {
    for (const answer of [
      () => true,
      (_: unknown, response: ServerResponse) => response.writeHead(200).write('{'),
    ]) {
      fake.faults = at(wellKnown, answer);
      expect(await begin(provider({ timeoutMs: 100 }))).toMatchObject({
        failure: { code: 'deadline_exceeded' },
      });
    }
  });

  it('is asked again by the next who signs in', async () => {
    const one = provider();
    fake.faults = at(wellKnown, page('{}', 503));
    expect(await begin(one)).toMatchObject({ ok: false });
    fake.faults = {};
    expect(await begin(one)).toMatchObject({ ok: true });
  });
});
