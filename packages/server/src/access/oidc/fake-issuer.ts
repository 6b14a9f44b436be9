import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the issuer does otherwise than a good one. */
export interface IssuerFaults {
  /** Members of the metadata that differ. */
  metadata?: Readonly<Record<string, unknown>>;
  /** Claims of the id token that differ; undefined: absent. */
  claims?: Readonly<Record<string, unknown>>;
  /** Those of the endpoint for information on the person. */
  userinfo?: Readonly<Record<string, unknown>>;
  /** The id token is signed with a key that the issuer does not publish. */
  foreignKey?: boolean;
  /** The header of the id token. */
  header?: Readonly<Record<string, unknown>>;
  /** Takes the place of an answer, by its path; false: the answer is as ever. */
  answer?(request: IncomingMessage, response: ServerResponse): boolean;
}

/** An OpenID Connect provider for one client, which signs in everybody at once and can be told to do it wrong. */
export interface FakeIssuer {
  readonly issuer: string;
  faults: IssuerFaults;
  /** The paths that were asked. */
  readonly asked: string[];
  /** What a browser gets that comes from `address`: the address that it is sent back to. */
  authorize(address: string): URL;
  stop(): void;
}

export const fakeClient = { id: 'tailrace', secret: 'hush-hush' };

interface Granted {
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

export async function startFakeIssuer(): Promise<FakeIssuer> {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const granted = new Map<string, Granted>();
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', issuer).pathname;
    fake.asked.push(path);
    if (fake.faults.answer?.(request, response) === true) return;
    const reply = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    switch (path) {
      case '/.well-known/openid-configuration':
        return reply(200, {
          issuer,
          authorization_endpoint: `${issuer}/auth?theme=calm`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          userinfo_endpoint: `${issuer}/me`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          ...fake.faults.metadata,
        });
      case '/keys':
        return reply(200, { keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }] });
      case '/me':
        return reply(200, { sub: 'ann', ...fake.faults.userinfo });
      case '/token':
        return reply(...redeem(request, new URLSearchParams(await bodyOf(request))));
      default:
        return reply(404, {});
    }
  }

  function redeem(request: IncomingMessage, form: URLSearchParams): [status: number, answer: unknown] {
    const [, basic = ''] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const sent = Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent).join(':');
    const posted = form.get('client_id') === fakeClient.id && form.get('client_secret') === fakeClient.secret;
    if (sent !== `${fakeClient.id}:${fakeClient.secret}` && !posted)
      return [401, { error: 'invalid_client' }];
    const code = form.get('code') ?? '';
    const grant = granted.get(code);
    granted.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant?.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri'))
      return [400, { error: 'invalid_grant', error_description: 'no such code' }];
    const nowS = Math.floor(Date.now() / 1_000);
    const claims = {
      ...{ iss: issuer, sub: 'ann', aud: fakeClient.id, iat: nowS, exp: nowS + 60, nonce: grant.nonce },
      ...{ email: 'ann@example.org', email_verified: true },
      ...fake.faults.claims,
    };
    const head = { alg: 'RS256', kid: 'one', ...fake.faults.header };
    const text = [head, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const key = fake.faults.foreignKey === true ? foreign.privateKey : own.privateKey;
    const signature = sign('sha256', Buffer.from(text), key);
    const idToken = `${text}.${signature.toString('base64url')}`;
    return [200, { access_token: 'at', token_type: 'Bearer', expires_in: 60, id_token: idToken }];
  }

  const fake: FakeIssuer = {
    issuer,
    faults: {},
    asked: [],
    authorize(address) {
      const { searchParams } = new URL(address);
      const asked = (name: string) => searchParams.get(name) ?? '';
      const code = randomBytes(16).toString('hex');
      granted.set(code, {
        nonce: asked('nonce'),
        challenge: asked('code_challenge'),
        redirectUri: asked('redirect_uri'),
      });
      const back = new URL(asked('redirect_uri'));
      back.searchParams.set('code', code);
      back.searchParams.set('state', asked('state'));
      return back;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return fake;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += String(piece);
  return text;
}
