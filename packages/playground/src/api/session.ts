import type { Asked, Connection } from './connection.ts';
import { isObject } from './json.ts';

/** The session of this browser is an http-only cookie that the page never sees. */
export interface SessionFacts {
  readonly isAdmin: boolean;
}

/** Signs in with the code of a one-time address, or with the admin key of this connection. */
export async function beginSession(
  connection: Connection,
  body: { readonly code?: string },
): Promise<Asked<Response>> {
  return await connection.ask('/admin/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** What the administration knows of this sender; undefined for an ordinary key, and where there is no answer. */
export async function readSession(connection: Connection): Promise<SessionFacts | undefined> {
  const asked = await connection.ask('/admin/v1/session');
  if (!asked.ok) return undefined;
  const body: unknown = await asked.value.json().catch(() => undefined);
  return isObject(body) ? { isAdmin: body['admin'] === true } : undefined;
}

/** Where a browser signs in by the provider of the configuration. A link leads there, because the provider has pages of its own. */
export const providerAddress = '/admin/v1/session/oidc';

/** Whether the server has a provider by which one can sign in. Where that is not known there is none. */
export async function hasProvider(connection: Connection): Promise<boolean> {
  const asked = await connection.ask('/admin/v1/session/ways');
  const body: unknown = asked.ok ? await asked.value.json().catch(() => undefined) : undefined;
  return isObject(body) && body['oidc'] === true;
}

/**
 * Signs out, over a connection without a key: a key would decide where both come. Where there was no session, or the server is away,
 * nothing is left to do here.
 */
export async function endSession(connection: Connection): Promise<void> {
  await connection.ask('/admin/v1/session', { method: 'DELETE' });
}

/** The code in the fragment of a one-time address, `#sign-in=CODE`; the server never gets a fragment. */
export function codeIn(fragment: string): string | undefined {
  return /^#sign-in=([\w-]{1,64})$/.exec(fragment)?.[1];
}
