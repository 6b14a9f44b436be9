import type { RequestHeaders } from './extract-key.ts';

/** A cookie of this server, which no script reads. */
export interface BrowserCookie {
  /** Its name without the port. */
  readonly name: string;
  /** Empty: the browser forgets the cookie. */
  readonly value: string;
  readonly maxAgeS: number;
  /** `Lax`: it also comes along where a page of another site leads the browser here. */
  readonly sameSite: 'Strict' | 'Lax';
  /** The browser sends it by https only. */
  readonly secure: boolean;
}

/**
 * A cookie belongs to a host with all its ports. So that servers on several ports of one machine do not take each other's
 * cookies, the name has the port by which the browser has come.
 */
function nameFor(headers: RequestHeaders, name: string): string {
  const port = /:(\d{1,5})$/.exec(headers['host']?.[0] ?? '')?.[1];
  return port === undefined ? name : `${name}_${port}`;
}

/** The value of the cookie of a request; undefined where there is none. Of several the first one counts. */
export function readBrowserCookie(headers: RequestHeaders, name: string): string | undefined {
  const lines = headers['cookie'];
  if (lines === undefined) return undefined;
  const begin = `${nameFor(headers, name)}=`;
  for (const pair of lines.flatMap((line) => line.split(';'))) {
    const text = pair.trim();
    if (text.startsWith(begin)) return text.slice(begin.length);
  }
  return undefined;
}

/** The value of `Set-Cookie` in the answer to a request with these headers. */
export function writeBrowserCookie(
  headers: RequestHeaders,
  { name, value, maxAgeS, sameSite, secure }: BrowserCookie,
): string {
  const attributes = `Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`;
  return `${nameFor(headers, name)}=${value}; ${attributes}`;
}
