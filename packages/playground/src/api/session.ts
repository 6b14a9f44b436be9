import type { Asked, Connection } from './connection.ts';

/*
 * The session of this browser: an http-only cookie that the page never sees. The connection must be one without a key, because a key
 * decides where both come.
 */

/** Signs in with the code of a one-time address. */
export async function beginSession(connection: Connection, code: string): Promise<Asked<Response>> {
  return await connection.ask('/admin/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  });
}

/** Signs out. Where there was no session, or the server is away, nothing is left to do here. */
export async function endSession(connection: Connection): Promise<void> {
  await connection.ask('/admin/v1/session', { method: 'DELETE' });
}

/** The code in the fragment of a one-time address, `#sign-in=CODE`; the server never gets a fragment. */
export function codeIn(fragment: string): string | undefined {
  return /^#sign-in=([\w-]{1,64})$/.exec(fragment)?.[1];
}
