import type * as oauth from 'oauth4webapi';
import type { OidcConfig } from '../../config/config.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import { quoted } from '../../domain/query-parameters.ts';
import { createBoundedFetch, mayBeCalled } from './bounded-fetch.ts';
import { failureOfProvider } from './provider-failures.ts';
import type { SignInAttempt } from './sign-in-attempts.ts';

/** The OpenID Connect provider of the configuration. It is called only when a person signs in. */
export interface IdentityProvider {
  /** Where the browser signs in. Failures: those of {@link failureOfProvider}. */
  signInAddress(attempt: SignInAttempt, redirectUri: string): Promise<Result<string>>;
  /**
   * The verified e-mail address of the person who has come back with these parameters. The code in them is used up. Failures: those of
   * {@link failureOfProvider}; `admin_required` for a person without an address, or with one that is not verified.
   */
  personOf(parameters: URLSearchParams, attempt: SignInAttempt, redirectUri: string): Promise<Result<string>>;
}

interface Metadata {
  readonly server: oauth.AuthorizationServer;
  readonly readAtMs: number;
}

/** After that the metadata is read again: endpoints move seldom. Keys have their own rule in the library, by their ids. */
const metadataLifeMs = 3_600_000;
/** For all calls of one step together. */
const stepMs = 10_000;

export function createIdentityProvider(
  { issuer, clientId, clientSecret }: OidcConfig,
  { now, timeoutMs = stepMs }: { now(): number; readonly timeoutMs?: number },
): IdentityProvider {
  const issuerUrl = new URL(issuer);
  const http = issuerUrl.protocol === 'http:';
  const client: oauth.Client = { client_id: clientId };
  let known: Metadata | undefined;
  let asking: Promise<oauth.AuthorizationServer> | undefined;

  function requestOptions({ customFetch, allowInsecureRequests }: typeof oauth) {
    const signal = AbortSignal.timeout(timeoutMs);
    // Addresses without TLS are judged by the fetch: only those of this machine pass.
    return { [customFetch]: createBoundedFetch({ http, signal }), [allowInsecureRequests]: http };
  }

  async function discover(library: typeof oauth): Promise<oauth.AuthorizationServer> {
    const response = await library.discoveryRequest(issuerUrl, requestOptions(library));
    const server = await library.processDiscoveryResponse(issuerUrl, response);
    known = { server, readAtMs: now() };
    return server;
  }

  /** However many people sign in, the provider is asked once. What fails is not kept. */
  async function metadata(library: typeof oauth): Promise<oauth.AuthorizationServer> {
    if (known !== undefined && now() - known.readAtMs < metadataLifeMs) return known.server;
    asking ??= discover(library).finally(() => {
      asking = undefined;
    });
    return await asking;
  }

  /**
   * Basic is the default of the specification. But it asks for an encoding of the secret that providers decode in several ways, so
   * the form is preferred where it is taken.
   */
  function clientAuth(library: typeof oauth, server: oauth.AuthorizationServer): oauth.ClientAuth {
    const posted = server.token_endpoint_auth_methods_supported?.includes('client_secret_post') === true;
    return (posted ? library.ClientSecretPost : library.ClientSecretBasic)(clientSecret);
  }

  async function claimsOf(
    library: typeof oauth,
    { parameters, attempt, redirectUri }: ComeBack,
  ): Promise<Claims> {
    const server = await metadata(library);
    const options = requestOptions(library);
    const valid = library.validateAuthResponse(server, client, parameters, attempt.state);
    const response = await library.authorizationCodeGrantRequest(
      server,
      client,
      clientAuth(library, server),
      valid,
      redirectUri,
      attempt.verifier,
      options,
    );
    const tokens = await library.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: attempt.nonce,
      requireIdToken: true,
    });
    await library.validateApplicationLevelSignature(server, response, options);
    const claims = library.getValidatedIdTokenClaims(tokens);
    if (claims === undefined) return {};
    // Some providers say more than who it is only at the endpoint that is made for that.
    if (claims['email'] !== undefined || server.userinfo_endpoint === undefined) return claims;
    const info = await library.userInfoRequest(server, client, tokens.access_token, options);
    return await library.processUserInfoResponse(server, client, claims.sub, info);
  }

  return {
    async signInAddress(attempt, redirectUri) {
      const library = await import('oauth4webapi');
      try {
        const { authorization_endpoint: endpoint = '' } = await metadata(library);
        if (!mayBeCalled(endpoint, http)) return fail(noEndpoint);
        const address = new URL(endpoint);
        const asked = {
          client_id: clientId,
          redirect_uri: redirectUri,
          response_type: 'code',
          scope: 'openid email',
          state: attempt.state,
          nonce: attempt.nonce,
          code_challenge: await library.calculatePKCECodeChallenge(attempt.verifier),
          code_challenge_method: 'S256',
        };
        for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
        return ok(address.href);
      } catch (error) {
        return fail(failureOfProvider(error));
      }
    },
    async personOf(parameters, attempt, redirectUri) {
      const library = await import('oauth4webapi');
      try {
        return emailIn(await claimsOf(library, { parameters, attempt, redirectUri }));
      } catch (error) {
        return fail(failureOfProvider(error));
      }
    },
  };
}

interface ComeBack {
  readonly parameters: URLSearchParams;
  readonly attempt: SignInAttempt;
  readonly redirectUri: string;
}

/** Of an id token, or of the endpoint for information on a person. */
type Claims = Readonly<Record<string, unknown>>;

const longestEmail = 320;

function emailIn({ email, email_verified: verified }: Claims): Result<string> {
  if (typeof email !== 'string' || email === '' || email.length > longestEmail) return fail(noEmail);
  // Some providers write it as a text.
  if (verified === false || String(verified).toLowerCase() === 'false') return fail(unverified(email));
  return ok(email);
}

const noEndpoint = failure(
  'upstream_protocol',
  'The OpenID Connect provider (auth.oidc.issuer) does not say where people sign in, or names an address that is not https.',
);
const noEmail = failure(
  'admin_required',
  'The OpenID Connect provider does not say which e-mail address you have. Its client for this server must allow the scope email, and your account there needs an address.',
);
const unverified = (email: string) =>
  failure(
    'admin_required',
    `You have come as ${quoted(email)}, but the OpenID Connect provider has not verified this address. Verify it there, then sign in again.`,
    { detail: 'email_verified is false' },
  );
