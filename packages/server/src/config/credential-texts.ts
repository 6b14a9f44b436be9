import { errorWords } from '../telemetry/error-words.ts';

/*
 * A server that refuses a credential may quote a part of it: the token without its scheme, one value of a cookie, the
 * password that it has decoded. Here is one answer to which texts tell a credential, for the log and for clients.
 */

const tellingName = /auth|key|token|secret|cookie|pass|credential|signature|^sig$/i;
const scheme = /^\s*(?:basic|bearer|digest|token|negotiate)\s+\S/i;
/** A shorter piece stands in many words. */
const shortestPiece = 6;

/** Whether a header carries a credential, by its name or by its value. */
export function isCredential(name: string, value: string): boolean {
  return tellingName.test(name) || scheme.test(value);
}

/**
 * The value of a header or of a query, and every part of it that would tell it: its pieces between separators, and what
 * `Basic` encodes. Words that any error is made of are no pieces.
 */
export function credentialTexts(value: string): readonly string[] {
  const basic = /^\s*basic\s+([\w+/-]+={0,2})\s*$/i.exec(value)?.[1];
  return [value, ...piecesOf(value), ...(basic === undefined ? [] : basicTexts(basic))];
}

/** What the user part of a URL tells, as it is written there and as it is sent. It need not be a URL by the web's rules. */
export function userTexts(url: string): readonly string[] {
  const user = /:\/\/(?:([^/?#\s:@]*):)?([^/?#\s@]+)@/.exec(url);
  if (user === null) return [];
  const [, name = '', password = ''] = user;
  const pairs = [[name, password] as const, [decoded(name), decoded(password)] as const];
  return pairs.flatMap(([before, behind]) => pairTexts(before, behind));
}

/** What a query tells: its values, or of `onlyTelling` those whose names say that they are secret. */
export function queryTexts(url: string, onlyTelling = false): readonly string[] {
  const query = /\?([^#\s]*)/.exec(url)?.[1] ?? '';
  return [...new URLSearchParams(query)].flatMap(([name, value]) =>
    value !== '' && (!onlyTelling || tellingName.test(name)) ? credentialTexts(value) : [],
  );
}

function piecesOf(value: string): readonly string[] {
  return value
    .split(/[;,=\s]+/)
    .map((piece) => piece.replace(/^"|"$/g, ''))
    .filter((piece) => piece.length >= shortestPiece && !errorWords.has(piece.toLowerCase()));
}

function basicTexts(encoded: string): readonly string[] {
  const pair = Buffer.from(encoded, 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? [] : pairTexts(pair.slice(0, colon), pair.slice(colon + 1));
}

function pairTexts(name: string, password: string): readonly string[] {
  return [...(name === '' ? [] : [`${name}:${password}`]), password, ...piecesOf(name)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
