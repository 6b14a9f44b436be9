import { errorWords } from '../telemetry/error-words.ts';

/*
 * A server that refuses a credential may quote a part of it: the token without its scheme, one value of a cookie, the
 * decoded password. The functions here list the texts that reveal a credential; the log masks them, and so do the messages
 * that clients get.
 */

const secretName = /auth|key|token|secret|cookie|pass|credential|signature|^sig$/i;
const scheme = /^\s*(?:basic|bearer|digest|token|negotiate)\s+\S/i;
/** A shorter piece is part of many words. */
const shortestPiece = 6;

/** Whether a header carries a credential, by its name or by its value. */
export function isCredential(name: string, value: string): boolean {
  return secretName.test(name) || scheme.test(value);
}

/**
 * The value of a header or of a query, and every part of it that would reveal it: its pieces between separators, and what
 * `Basic` encodes. Words that are common in error messages are not counted as pieces.
 */
export function credentialTexts(value: string): readonly string[] {
  const basic = /^\s*basic\s+([\w+/-]+={0,2})\s*$/i.exec(value)?.[1];
  return [value, ...piecesOf(value), ...(basic === undefined ? [] : basicTexts(basic))];
}

/**
 * User and password of a URL, as they are written and as they are sent, with their parts. The text need not be a URL by
 * the web's rules: a database's may name two hosts.
 */
export function userTexts(url: string): readonly string[] {
  const user = /:\/\/(?:([^/?#\s:@]*):)?([^/?#\s@]+)@/.exec(url);
  if (user === null) return [];
  const [, name = '', password = ''] = user;
  const pairs = [[name, password] as const, [decoded(name), decoded(password)] as const];
  return pairs.flatMap(([before, behind]) => pairTexts(before, behind));
}

/**
 * The password of a database's URL, as it is written and as it is sent. Its user and its database are no secrets, and are often
 * the word `postgres`: masked, they would disappear from every message about PostgreSQL.
 */
export function passwordTexts(url: string): readonly string[] {
  const written = /:\/\/[^/?#\s:]*:([^/?#\s]+)@/.exec(url)?.[1];
  const query = /\?([^#\s]*)/.exec(url)?.[1] ?? '';
  const named = [...new URLSearchParams(query)].flatMap(([name, value]) =>
    /pass/i.test(name) && value !== '' ? [value] : [],
  );
  return [...(written === undefined ? [] : [written, decoded(written)]), ...named];
}

/** The values of a URL's query, with their parts. `onlySecret`: only those whose names say that they are secret. */
export function queryTexts(url: string, onlySecret = false): readonly string[] {
  const query = /\?([^#\s]*)/.exec(url)?.[1] ?? '';
  return [...new URLSearchParams(query)].flatMap(([name, value]) =>
    value !== '' && (!onlySecret || secretName.test(name)) ? credentialTexts(value) : [],
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
