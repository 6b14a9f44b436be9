import { asciiJson } from '@tailrace/protocol';
import { readBrowserCookie, writeBrowserCookie } from '../../access/browser-cookie.ts';
import type { IdentityProvider } from '../../access/oidc/identity-provider.ts';
import type { OidcAdmins } from '../../access/oidc/oidc-admins.ts';
import { attemptLifeS, type SignInAttempt, type SignInAttempts } from '../../access/oidc/sign-in-attempts.ts';
import { writeSessionCookie } from '../../access/session-cookie.ts';
import { type Sessions, sessionLifeS } from '../../access/sessions.ts';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import { quoted, readParameters } from '../../domain/query-parameters.ts';
import type { Exchange } from '../exchange.ts';
import { isOwnHost } from '../refuse-foreign.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';
import { serverBase } from '../server-base.ts';
import { errorPage, errorPageHeaders } from './error-page.ts';

export interface OidcRoutesOptions {
  readonly sessions: Pick<Sessions, 'begin'>;
  readonly attempts: SignInAttempts;
  readonly provider: IdentityProvider;
  readonly admins: Pick<OidcAdmins, 'idOf'>;
  /** `server.public_url`. */
  readonly publicUrl: string | undefined;
}

const path = '/admin/v1/session/oidc';
const cookieName = 'tailrace_oidc';
/** Anybody can send codes that were never given out; the provider must not be asked for more of them than this at a time. */
const mostAtOnce = 16;

/**
 * Signing in by an OpenID Connect provider: authorization code with PKCE. The browser that comes back must be the one that has
 * left; its cookie says so, which is `Lax`, because the page of the provider leads it here.
 *
 *     GET …/oidc ──303, cookie──▶ provider ──?code&state──▶ GET …/oidc/callback ──303, session──▶ /
 *
 * The page at `/` needs no cookie. Its requests are of this site, so the cookie of the session, which is `Strict`, comes with them.
 */
export function oidcRoutes(options: OidcRoutesOptions): Route[] {
  let working = 0;
  async function withinBound(work: () => Promise<Result<SignedIn>>): Promise<Result<SignedIn>> {
    if (working >= mostAtOnce) return fail(tooMany);
    working += 1;
    try {
      return await work();
    } finally {
      working -= 1;
    }
  }

  return [
    {
      method: 'GET',
      path,
      access: 'public',
      async handle(exchange) {
        const begun = await begin(exchange, options);
        if (!begun.ok) return refuse(exchange, begun.failure);
        const { redirectUri, attempt, address } = begun.value;
        const cookie = attemptCookie(exchange, attempt.token, attemptLifeS, redirectUri);
        return redirect(exchange, address, [cookie]);
      },
    },
    {
      method: 'GET',
      path: `${path}/callback`,
      access: 'public',
      async handle(exchange) {
        const back = readBack(exchange, options);
        if (!back.ok) return refuse(exchange, back.failure);
        // Whatever comes of it, this attempt is over.
        const over = attemptCookie(exchange, '', 0, back.value.redirectUri);
        const signedIn = await withinBound(() => finish(exchange, back.value, options));
        if (!signedIn.ok) return refuse(exchange, signedIn.failure, over);
        return redirect(exchange, '/', [signedIn.value.cookie, over]);
      },
    },
  ];
}

/** What the page offers before it has signed in. It asks for no key, and says nothing but that. */
export function signInWaysRoute(oidc: boolean): Route {
  return {
    method: 'GET',
    path: '/admin/v1/session/ways',
    access: 'public',
    readsQuery: true,
    async handle(exchange) {
      const read = readParameters(exchange.query, []);
      if (!read.ok) return replyFailure(exchange, read.failure);
      exchange.headers['cache-control'] = 'no-store';
      return replyJson(exchange, 200, asciiJson({ oidc }));
    },
  };
}

interface Begun {
  readonly attempt: SignInAttempt;
  readonly redirectUri: string;
  readonly address: string;
}

async function begin(
  exchange: Exchange,
  { attempts, provider, publicUrl }: OidcRoutesOptions,
): Promise<Result<Begun>> {
  const read = readParameters(exchange.query, []);
  if (!read.ok) return read;
  const redirectUri = redirectUriOf(exchange, publicUrl);
  if (redirectUri === undefined) return fail(unknownHost);
  const attempt = attempts.begin();
  if (attempt === undefined) return fail(cannotSign);
  const address = await provider.signInAddress(attempt, redirectUri);
  return address.ok ? ok({ attempt, redirectUri, address: address.value }) : address;
}

interface Back {
  readonly parameters: URLSearchParams;
  readonly attempt: SignInAttempt;
  readonly redirectUri: string;
}

/** Providers add parameters of their own, which are not judged here. */
function readBack(exchange: Exchange, { attempts, publicUrl }: OidcRoutesOptions): Result<Back> {
  const redirectUri = redirectUriOf(exchange, publicUrl);
  if (redirectUri === undefined) return fail(unknownHost);
  const parameters = new URLSearchParams(exchange.query);
  const token = readBrowserCookie(exchange.request.headersDistinct, cookieName) ?? '';
  const read = attempts.read(token, parameters.get('state') ?? '');
  if (read.type === 'unavailable') return fail(cannotSign);
  if (read.type === 'invalid') return fail(notBegunHere(redirectUri));
  return ok({ parameters, attempt: read.attempt, redirectUri });
}

interface SignedIn {
  /** `Set-Cookie`. */
  readonly cookie: string;
}

async function finish(
  exchange: Exchange,
  { parameters, attempt, redirectUri }: Back,
  { provider, admins, sessions }: OidcRoutesOptions,
): Promise<Result<SignedIn>> {
  const email = await provider.personOf(parameters, attempt, redirectUri);
  if (!email.ok) return email;
  // For the log.
  exchange.notes.subject = email.value;
  const keyId = admins.idOf(email.value);
  if (keyId === undefined) return fail(notAdmitted(email.value));
  // The browser has come by this address.
  const secure = redirectUri.startsWith('https:');
  const begun = sessions.begin({ keyId, secure });
  if (begun === undefined) return fail(cannotSign);
  const cookie = { token: begun.token, maxAgeS: sessionLifeS, secure };
  return ok({ cookie: writeSessionCookie(exchange.request.headersDistinct, cookie) });
}

/**
 * Where the provider sends the browser back to. Without `server.public_url` only a `Host` of this machine is taken: another one could be
 * a name that somebody else has pointed here.
 */
function redirectUriOf({ request }: Exchange, publicUrl: string | undefined): string | undefined {
  const { host } = request.headers;
  const base = publicUrl === undefined && !isOwnHost(host) ? undefined : serverBase(publicUrl, host);
  return base === undefined ? undefined : `${base}${path}/callback`;
}

function attemptCookie({ request }: Exchange, token: string, maxAgeS: number, redirectUri: string): string {
  return writeBrowserCookie(request.headersDistinct, {
    name: cookieName,
    value: token,
    maxAgeS,
    sameSite: 'Lax',
    secure: redirectUri.startsWith('https:'),
  });
}

/** The address of the callback has a code in it: no page learns it as its referrer. */
const privateAnswer = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };

async function redirect({ response, headers }: Exchange, location: string, cookies: string[]): Promise<void> {
  response.writeHead(303, {
    ...{ ...headers, ...privateAnswer },
    ...{ location, 'set-cookie': cookies, 'content-length': '0' },
  });
  response.end();
}

/** A person gets a page, a program the envelope. */
function refuse(exchange: Exchange, reason: Failure, cookie?: string): Promise<void> {
  const headers = {
    ...privateAnswer,
    vary: 'Accept',
    ...(cookie === undefined ? {} : { 'set-cookie': cookie }),
  };
  if (!/\btext\/html\b/i.test(exchange.request.headers.accept ?? ''))
    return replyFailure(exchange, reason, headers);
  return replyFailure({ ...exchange, errorReply: errorPage }, reason, { ...headers, ...errorPageHeaders });
}

const unknownHost = failure(
  'invalid_value',
  'To sign in by OpenID Connect under this name, server.public_url must say under which URL browsers reach the server.',
  { param: 'Host' },
);
const cannotSign = failure(
  'storage_unavailable',
  'The store has not been read since the start, so nobody can be signed in now.',
  { retryAfterMs: 1_000 },
);
const tooMany = failure(
  'overloaded',
  'Too many people sign in at the same time. Sign in again in a second.',
  {
    retryAfterMs: 1_000,
  },
);

function notBegunHere(redirectUri: string): Failure {
  const message = `This sign-in was not begun in this browser, or longer ago than ${attemptLifeS / 60} minutes, or it is over. Begin again at ${new URL(redirectUri).origin}.`;
  return failure('invalid_value', message, { param: 'state' });
}

function notAdmitted(email: string): Failure {
  const message = `You have come as ${quoted(email)}, who may not administer this server. Its operator can add the address to auth.oidc.admins.`;
  return failure('admin_required', message, { detail: 'not in auth.oidc.admins' });
}
