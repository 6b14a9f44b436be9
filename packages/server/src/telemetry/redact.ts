/**
 * The last line of defence: nothing passes a secret to the log on purpose, but a provider's error text or
 * a mistyped setting may carry one.
 */
export type Redact = (text: string) => string;

export interface RedactOptions {
  /** Secrets known by value: fixed keys, upstream keys. Shorter than 6 characters they would blot out words. */
  readonly secrets?: Iterable<string>;
  /** How issued keys begin, `tr_`. */
  readonly keyPrefix?: string;
}

const mask = '***';
const bearer = /\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi;
// Bounded repetitions: what is redacted may be anybody's text, and must not be read twice from each letter.
const urlCredentials = /([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#@"']{1,300}@/gi;
const queryKeys = /([?&](?:api[-_]?key|key|access_token|token)=)[^&\s"']+/gi;
const shortestSecret = 6;

export function createRedact({ secrets = [], keyPrefix }: RedactOptions = {}): Redact {
  const known = [...new Set(secrets)].filter((secret) => secret.length >= shortestSecret);
  // The longest first: a key that begins with another one must go as a whole.
  const byValue = alternatives(known.toSorted((a, b) => b.length - a.length));
  const prefixes = ['sk-', 'tr_', 'tl_', 'tns_', 'gsk_', 'xai-', 'hf_', 'r8_', 'pplx-', 'AIza'];
  if (keyPrefix !== undefined) prefixes.push(keyPrefix);
  const keyShaped = new RegExp(`(?<![A-Za-z0-9])(?:${alternativesOf(prefixes)})[A-Za-z0-9_-]{12,}`, 'g');
  return (text) => {
    const withoutKnown = byValue === undefined ? text : text.replace(byValue, mask);
    return withoutKnown
      .replace(urlCredentials, `$1${mask}@`)
      .replace(bearer, `$1 ${mask}`)
      .replace(queryKeys, `$1${mask}`)
      .replace(keyShaped, mask);
  };
}

function alternatives(texts: readonly string[]): RegExp | undefined {
  return texts.length === 0 ? undefined : new RegExp(alternativesOf(texts), 'g');
}

function alternativesOf(texts: readonly string[]): string {
  return texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
}
