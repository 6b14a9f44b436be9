import { readBrowserCookie, writeBrowserCookie } from './browser-cookie.ts';
import type { RequestHeaders } from './extract-key.ts';

/** What a browser keeps of a session. */
export interface SessionCookie {
  /** `Sessions.begin`; empty: the browser forgets the cookie. */
  readonly token: string;
  readonly maxAgeS: number;
  /** The browser has come by https, and sends the cookie by nothing else. */
  readonly secure: boolean;
}

const name = 'tailrace_session';

/** The token in the cookie of a request; undefined where there is none. */
export function readSessionCookie(headers: RequestHeaders): string | undefined {
  return readBrowserCookie(headers, name);
}

/** The value of `Set-Cookie` in the answer to a request with these headers. */
export function writeSessionCookie(headers: RequestHeaders, { token, ...more }: SessionCookie): string {
  return writeBrowserCookie(headers, { name, value: token, sameSite: 'Strict', ...more });
}
