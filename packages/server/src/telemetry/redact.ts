import { createSecretMask } from './secret-mask.ts';
import { maskSignatures } from './signature-mask.ts';

/**
 * Masks secrets in a text, in case one gets into it: no code passes a secret to the log on purpose, but a provider's error
 * or a mistyped setting may hold one, and a client may write the signed address of a stream into a path. `cut`: the text was cut at its end, which may be the beginning of a secret.
 */
export type Redact = (text: string, cut?: boolean) => string;

export interface RedactOptions {
  /** Secrets known by value: fixed keys, upstream keys. Those under 6 characters are not masked: they may be parts of words. */
  readonly secrets?: Iterable<string>;
  /** How issued keys begin, `tr_`. */
  readonly keyPrefixes?: Iterable<string>;
}

const mask = '***';
const bearer = /\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi;
// Bounded repetitions: the text may come from any client or upstream, and the time must stay linear.
const urlCredentials = /([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#@"']{1,300}@/gi;
const queryKeys = /([?&](?:api[-_]?key|key|access_token|token)=)[^&\s"']+/gi;
const shortestSecret = 6;
/** A text without any of these holds no match of the three patterns above. */
const beyondOneWord = /[\s@?&]/;

/**
 * Most texts of a log are the same in each line: methods, routes, models. Those found without a secret are remembered, so
 * that they are examined once. That saves two thirds of the time of a request's line. The set is emptied when it is full,
 * because ids are in it too.
 */
const rememberedTexts = 256;
const longestRemembered = 64;

export function createRedact({ secrets = [], keyPrefixes = [] }: RedactOptions = {}): Redact {
  const byValue = createSecretMask(
    [...secrets].filter((secret) => secret.length >= shortestSecret),
    mask,
  );
  const prefixes = [
    'sk-',
    'tr_',
    'tl_',
    'tns_',
    'gsk_',
    'xai-',
    'hf_',
    'r8_',
    'pplx-',
    'AIza',
    ...keyPrefixes,
  ];
  const known = prefixes.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
  const keyShaped = new RegExp(`(?<![A-Za-z0-9])(?:${known})[A-Za-z0-9_-]{12,}`, 'g');
  const examine = (text: string, cut?: boolean): string => {
    const masked = maskSignatures(byValue(text, cut), mask);
    if (!beyondOneWord.test(masked)) return masked.replace(keyShaped, mask);
    return masked
      .replace(urlCredentials, `$1${mask}@`)
      .replace(bearer, `$1 ${mask}`)
      .replace(queryKeys, `$1${mask}`)
      .replace(keyShaped, mask);
  };
  const clean = new Set<string>();
  return (text, cut) => {
    if (cut === true || text.length > longestRemembered) return examine(text, cut);
    if (clean.has(text)) return text;
    const masked = examine(text);
    if (masked !== text || !text.isWellFormed()) return masked;
    if (clean.size === rememberedTexts) clean.clear();
    // A copy: the text itself may be a slice, which would keep a whole URL or body in memory. UTF-8 holds no half pairs.
    clean.add(Buffer.from(text).toString());
    return text;
  };
}

/** The masking of the process: each configuration replaces its secrets, in one mask and not in one more around it. */
export interface ChangingRedact {
  readonly redact: Redact;
  /** Masks these from now on, and those of earlier configurations as long as they are remembered. */
  replace(secrets: readonly string[], keyPrefix: string): void;
}

/**
 * Streams that began under an earlier configuration may still write its keys into the log. So many configurations are
 * remembered beside the one in force; a reload that changes no secret does not count.
 */
const rememberedConfigurations = 8;

export function createChangingRedact(): ChangingRedact {
  let generations: readonly {
    readonly id: string;
    readonly secrets: readonly string[];
    readonly prefix: string;
  }[] = [];
  let current = createRedact();
  return {
    redact: (text, cut) => current(text, cut),
    replace(secrets, prefix) {
      const id = JSON.stringify([prefix, ...secrets.toSorted()]);
      if (generations[0]?.id === id) return;
      const others = generations.filter((one) => one.id !== id);
      generations = [{ id, secrets, prefix }, ...others].slice(0, rememberedConfigurations + 1);
      current = createRedact({
        secrets: generations.flatMap((one) => one.secrets),
        keyPrefixes: new Set(generations.map((one) => one.prefix)),
      });
    },
  };
}
