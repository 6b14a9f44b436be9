import type { Asked, Connection } from './connection.ts';
import { isObject } from './failure.ts';

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
