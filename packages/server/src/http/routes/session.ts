import { asciiJson } from '@tailrace/protocol';
import { readFields } from '../../access/administration/read-fields.ts';
import { foreignPage } from '../../access/authenticator.ts';
import { comesByHttps, comesFromOwnPage } from '../../access/own-origin.ts';
import { writeSessionCookie } from '../../access/session-cookie.ts';
import { type Sessions, sessionLifeS } from '../../access/sessions.ts';
import type { SignInCodes } from '../../access/sign-in-codes.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import { stringField } from '../../wire/fields.ts';
import type { BodyBudget } from '../body-budget.ts';
import type { Exchange } from '../exchange.ts';
import { readNoFields, readWrite } from '../read-write.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

export interface SessionRoutesOptions {
  readonly sessions: Sessions;
  readonly codes: SignInCodes;
  /** `auth.required`. Where no key is asked for there is nothing to sign in to, and no session is made. */
  readonly required: boolean;
  /** `server.public_url`. */
  readonly publicUrl: string | undefined;
  /** The account of bodies as bytes. */
  readonly budget: BodyBudget;
}

const path = '/admin/v1/session';
/** A sender without a key may send no more. */
const maxBodyBytes = 1_024;
const longestCode = 64;

/** Signing in and out of browsers, and `POST /admin/v1/session/codes` for `tailrace console`, which no other client needs. */
export function sessionRoutes(options: SessionRoutesOptions): Route[] {
  const { sessions, codes, required, budget } = options;
  return [
    { method: 'POST', path, access: 'sign-in', handle: (exchange) => signIn(exchange, options) },
    { method: 'GET', path, access: 'admin', handle: (exchange) => describe(exchange, required) },
    {
      method: 'DELETE',
      path,
      access: 'admin',
      async handle(exchange) {
        const nothing = await readNothing(exchange, budget);
        if (!nothing.ok) return replyFailure(exchange, nothing.failure);
        const { session } = exchange.principal;
        if (session !== undefined) {
          await sessions.end(session);
          setCookie(exchange, { token: '', maxAgeS: 0, secure: session.secure });
        }
        return replyNothing(exchange);
      },
    },
    {
      method: 'POST',
      path: `${path}/codes`,
      access: 'admin',
      async handle(exchange) {
        const nothing = await readNothing(exchange, budget);
        if (!nothing.ok) return replyFailure(exchange, nothing.failure);
        // A session must not make others that outlive its sign-out.
        if (exchange.principal.session !== undefined) return replyFailure(exchange, keyRequired);
        const code = required ? await codes.issue(exchange.principal.keyId) : undefined;
        exchange.headers['cache-control'] = 'no-store';
        return replyJson(
          exchange,
          200,
          asciiJson({ code: code?.code ?? null, expires_at: timeJson(code?.expiresAtMs) }),
        );
      },
    },
  ];
}

async function signIn(exchange: Exchange, options: SessionRoutesOptions): Promise<void> {
  const keyId = await signedInBy(exchange, options);
  if (!keyId.ok) return replyFailure(exchange, keyId.failure);
  if (options.required) {
    const secure = comesByHttps(exchange.request.headersDistinct, options.publicUrl);
    const begun = options.sessions.begin({ keyId: keyId.value, secure });
    if (begun === undefined) return replyFailure(exchange, cannotSign);
    setCookie(exchange, { token: begun.token, maxAgeS: sessionLifeS, secure });
  }
  return replyNothing(exchange);
}

/** The id of the admin key that the session is made from: of the key that came, or of the one that the code was made for. */
async function signedInBy(
  exchange: Exchange,
  { codes, budget, publicUrl }: SessionRoutesOptions,
): Promise<Result<string>> {
  const asked = await readWrite(exchange, budget, maxBodyBytes);
  if (!asked.ok) return asked;
  const read = readFields(asked.value.body, ['code'], (place) => stringField(place, 'code', longestCode));
  if (!read.ok) return read;
  const { principal, request } = exchange;
  const code = read.value;
  if (principal.admin) return code === undefined ? ok(principal.keyId) : fail(keyAndCode);
  if (code === undefined) return fail(nothingCame);
  if (!comesFromOwnPage(request.headersDistinct, publicUrl)) return fail(foreignPage);
  const redeemed = await codes.redeem(code);
  if (redeemed.type === 'redeemed') return ok(redeemed.keyId);
  return fail(redeemed.type === 'unknown' ? wrongCode : tooManyCodes(redeemed.retryAfterMs));
}

/** What a page needs to know of its sender: how it was recognized, and when it has to sign in again. */
function describe(exchange: Exchange, required: boolean): Promise<void> {
  const { admin, keyId, owner, session } = exchange.principal;
  const by = session !== undefined ? 'session' : required ? 'key' : 'nothing';
  const expiresAt = session === undefined ? undefined : session.expiresS * 1_000;
  exchange.headers['cache-control'] = 'no-store';
  return replyJson(
    exchange,
    200,
    asciiJson({ signed_in_by: by, admin, key_id: keyId, owner, expires_at: timeJson(expiresAt) }),
  );
}

async function readNothing(exchange: Exchange, budget: BodyBudget): Promise<Result<undefined>> {
  const asked = await readWrite(exchange, budget, maxBodyBytes);
  return asked.ok ? readNoFields(asked.value.body) : asked;
}

function setCookie(exchange: Exchange, cookie: Parameters<typeof writeSessionCookie>[1]): void {
  exchange.headers['set-cookie'] = writeSessionCookie(exchange.request.headersDistinct, cookie);
}

async function replyNothing({ response, headers }: Exchange): Promise<void> {
  response.writeHead(204, { ...headers, 'cache-control': 'no-store' }).end();
}

function timeJson(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

const nothingCame = failure(
  'missing_api_key',
  'To sign in send an admin key as \'Authorization: Bearer KEY\', or a one-time code as {"code": "…"}.',
);
const keyAndCode = failure('invalid_value', 'A key came with this code. Send one of them.', {
  param: 'code',
});
const wrongCode = failure(
  'invalid_api_key',
  "This sign-in code was used, or its time is over, or this server has not made it. 'tailrace console' makes a new one.",
);
const keyRequired = failure('admin_required', 'This route takes an admin key, and no session of a browser.');
const cannotSign = failure(
  'storage_unavailable',
  'The store has not been read since the start, so no session can be signed now.',
  { retryAfterMs: 1_000 },
);

function tooManyCodes(retryAfterMs: number) {
  const message = 'Too many wrong sign-in codes came to this server. Sign in with an admin key, or wait.';
  return failure('rate_limit_exceeded', message, { retryAfterMs });
}
