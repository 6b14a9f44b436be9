import type { RequestHeaders } from './extract-key.ts';

/** What a browser keeps of a session. */
export interface SessionCookie {
  /** `Sessions.begin`; empty: the browser forgets the cookie. */
  readonly token: string;
  readonly maxAgeS: number;
  /** The browser has come by https, and sends the cookie by nothing else. */
  readonly secure: boolean;
}

/**
 * A cookie belongs to a host with all its ports. So that servers on several ports of one machine do not end each other's
 * sessions, the name has the port by which the browser has come.
 */
function nameFor(headers: RequestHeaders): string {
  const port = /:(\d{1,5})$/.exec(headers['host']?.[0] ?? '')?.[1];
  return port === undefined ? 'tailrace_session' : `tailrace_session_${port}`;
}

/** The token in the cookie of a request; undefined where there is none. Of several the first one counts. */
export function readSessionCookie(headers: RequestHeaders): string | undefined {
  const lines = headers['cookie'];
  if (lines === undefined) return undefined;
  const begin = `${nameFor(headers)}=`;
  for (const pair of lines.flatMap((line) => line.split(';'))) {
    const text = pair.trim();
    if (text.startsWith(begin)) return text.slice(begin.length);
  }
  return undefined;
}

/** The value of `Set-Cookie` in the answer to a request with these headers. */
export function writeSessionCookie(
  headers: RequestHeaders,
  { token, maxAgeS, secure }: SessionCookie,
): string {
  const attributes = `Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  return `${nameFor(headers)}=${token}; ${attributes}`;
}
