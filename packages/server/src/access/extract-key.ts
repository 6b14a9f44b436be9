import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { isSignature } from './stream-signature.ts';

/** The values of all header lines by lower-case name: a second Authorization must be noticed. */
export type RequestHeaders = Readonly<Record<string, readonly string[] | undefined>>;

const keyHeaders = ['authorization', 'x-api-key', 'api-key'] as const;
const keyParameters = new Set(['api_key', 'apikey', 'api-key', 'key', 'access_token']);

/**
 * Reads the key of a request; no other file does. `undefined` where there is none. Fails with `invalid_value` for two
 * different keys, and for a key in the query string: every proxy on the way logs the URL.
 */
export function extractKey(
  headers: RequestHeaders,
  query: string,
  keyPrefix: string,
): Result<string | undefined> {
  const inQuery = query === '' ? undefined : keyInQuery(query, keyPrefix);
  if (inQuery !== undefined) return fail(inQuery);
  let key: string | undefined;
  for (const name of keyHeaders) {
    for (const value of headers[name] ?? []) {
      const given = name === 'authorization' ? bearer(value) : value.trim();
      if (given === undefined || given === '') continue;
      if (key !== undefined && key !== given) {
        return fail(failure('invalid_value', 'Two different API keys came with this request. Send one.'));
      }
      key = given;
    }
  }
  return ok(key);
}

function keyInQuery(query: string, keyPrefix: string): Failure | undefined {
  const isKey = (text: string) => keyPrefix !== '' && text.trim().startsWith(keyPrefix);
  for (const [name, value] of new URLSearchParams(query)) {
    // `?KEY`, which no parameter stands before. It is not repeated.
    if (isKey(name)) return failure('invalid_value', refused(''));
    if (keyParameters.has(name.toLowerCase()) || (isKey(value) && !isSignature(name, value))) {
      return failure('invalid_value', refused(` ('${printable(name)}')`), { param: printable(name) });
    }
  }
  return undefined;
}

function refused(where: string): string {
  return `An API key in the query string${where} is refused: URLs are logged. Send it as 'Authorization: Bearer KEY'.`;
}

/** In linear time, because it reads headers of senders that are not identified yet. */
function bearer(value: string): string | undefined {
  const text = value.trim();
  if (!/^bearer[ \t]/i.test(text)) return undefined;
  return text.slice('bearer '.length).trim() || undefined;
}

function printable(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, '?').slice(0, 64);
}
