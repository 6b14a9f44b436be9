import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** A real OpenID Connect provider on this machine, with one client and pages of its own for signing in. */
export interface OidcIssuer {
  readonly issuer: string;
  /** `auth.oidc` of a server whose people it signs in. */
  settings(admins: readonly string[]): Readonly<Record<string, unknown>>;
  /** Knows the client from now on: the server under this URL. */
  serve(serverUrl: string): void;
  stop(): Promise<void>;
}

export interface OidcIssuerOptions {
  /**
   * Whether the id token has the address of the person. By the specification it has not, because there is an endpoint for that; many
   * providers put it there all the same.
   */
  readonly emailInToken?: boolean;
}

/** The package says at length that this is no provider for production. */
for (const level of ['info', 'warn'] as const) {
  const say = console[level];
  console[level] = (...said: unknown[]) => {
    if (!String(said[0]).includes('oidc-provider ')) say(...said);
  };
}

const client = { id: 'tailrace', secret: 'a-secret_of~the.client-7f3a' };

/**
 * Starts it on a port of its own; the caller stops it. Who signs in says the address as the login; any password does. One that begins
 * with `unverified` is not verified.
 */
export async function startOidcIssuer({ emailInToken = false }: OidcIssuerOptions = {}): Promise<OidcIssuer> {
  let handle: ReturnType<Provider['callback']> | undefined;
  const server = createServer((request, response) => {
    if (handle === undefined) response.writeHead(503).end();
    else handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Cookies know no ports: under another name its cookies and those of the server stay apart, and it is another site.
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;

  return {
    issuer,
    settings: (admins) => ({ issuer, client_id: client.id, client_secret: client.secret, admins }),
    serve(serverUrl) {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: client.id,
            client_secret: client.secret,
            redirect_uris: [`${serverUrl}/admin/v1/session/oidc/callback`],
            token_endpoint_auth_method: 'client_secret_post',
          },
        ],
        claims: { openid: ['sub'], email: ['email', 'email_verified'] },
        conformIdTokenClaims: !emailInToken,
        cookies: { keys: ['a key of a test'] },
        pkce: { required: () => true },
        findAccount: (_: unknown, id: string) => ({
          accountId: id,
          claims: () => ({ sub: id, email: id, email_verified: !id.startsWith('unverified') }),
        }),
      });
      handle = provider.callback();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
