import * as z from 'zod';
import { atScale, formatDecimal, parseDecimal } from '../domain/decimal.ts';
import { didYouMean } from '../domain/nearest.ts';
import {
  formatDuration,
  formatSize,
  isLoopback,
  parseDuration,
  parseListen,
  parseSize,
  wholeDurationHint,
  wholeSizeHint,
} from './units.ts';

/*
 * The schemas of the single values of a configuration. Each names in one phrase what it expects, reads the plain YAML
 * value, and has the JSON Schema by which editors check it. A value from the environment is a text, so numbers and truth
 * values are also read from texts.
 */

const disjunction = new Intl.ListFormat('en-GB', { type: 'disjunction' });
const referencePattern = '\\$\\{';
const reference = { type: 'string', pattern: referencePattern } as const;
type JsonSchema = Readonly<Record<string, unknown>>;

interface ValueSchemaOptions {
  /** The rest of the sentence `expected …`. */
  readonly expected: string;
  readonly json: JsonSchema;
  /** What a message adds after `got "…"` for a refused text. */
  readonly hint?: (text: string) => string;
}

/** A schema that reads a value with `parse`. `parse` returns undefined for a value that it refuses. */
function valueSchema<T>(
  { expected, json, hint }: ValueSchemaOptions,
  parse: (value: unknown) => T | undefined,
) {
  return z
    .unknown()
    .transform((value, context): T => {
      const parsed = parse(value);
      if (parsed !== undefined) return parsed;
      const more = typeof value === 'string' && hint !== undefined ? hint(value) : '';
      context.addIssue({ code: 'custom', message: expected, params: { hint: more } });
      return z.NEVER;
    })
    .meta(json);
}

/** A text that `accepts` allows. Default: any text that is not empty. */
export function text(expected = 'a text', accepts: (text: string) => boolean = (value) => value !== '') {
  return valueSchema({ expected, json: { type: 'string' } }, (value) =>
    typeof value === 'string' && accepts(value) ? value : undefined,
  );
}

export function oneOf<const T extends string>(...names: readonly T[]) {
  const known: ReadonlySet<string> = new Set(names);
  const isName = (value: unknown): value is T => typeof value === 'string' && known.has(value);
  return valueSchema(
    {
      expected: disjunction.format(names),
      json: { anyOf: [{ enum: names }, reference] },
      hint: (value) => didYouMean(value, names),
    },
    (value) => (isName(value) ? value : undefined),
  );
}

/** True, false, or `auto`. */
export function autoOrFlag() {
  return valueSchema(
    {
      expected: 'auto, true or false',
      json: { anyOf: [{ type: 'boolean' }, { enum: ['auto'] }, reference] },
    },
    (value) => (value === 'auto' ? value : asFlag(value)),
  );
}

export function flag() {
  return valueSchema(
    { expected: 'true or false', json: { anyOf: [{ type: 'boolean' }, reference] } },
    asFlag,
  );
}

function asFlag(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}

function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : undefined;
}

export function integer(minimum: number, maximum: number) {
  const json = { anyOf: [{ type: 'integer', minimum, maximum }, reference] };
  return valueSchema({ expected: `a whole number from ${minimum} to ${maximum}`, json }, (value) => {
    const number = asNumber(value);
    if (number === undefined || !Number.isSafeInteger(number)) return undefined;
    return number >= minimum && number <= maximum ? number : undefined;
  });
}

export function decimal(minimum: number, maximum: number) {
  const json = { anyOf: [{ type: 'number', minimum, maximum }, reference] };
  return valueSchema({ expected: `a number from ${minimum} to ${maximum}`, json }, (value) => {
    const number = asNumber(value);
    return number !== undefined && number >= minimum && number <= maximum ? number : undefined;
  });
}

/** The most dollars of one price, and the decimals that it may have. */
const maxDollars = 1_000_000n;
const maxDecimals = 12;

/** Dollars, read as a decimal text such as `0.15`: a JavaScript number would round them. */
export function dollars() {
  const json = {
    anyOf: [
      { type: 'number', minimum: 0, maximum: Number(maxDollars) },
      { type: 'string', pattern: '^\\+?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d{1,3})?$' },
      reference,
    ],
  };
  return valueSchema(
    {
      expected: `dollars from 0 to ${maxDollars}, with at most ${maxDecimals} decimals, such as 0.15`,
      json,
      hint: (value) => (/^\$|\$$|USD/i.test(value) ? ' (without the currency)' : ''),
    },
    (value) => {
      if (typeof value !== 'number' && typeof value !== 'string') return undefined;
      const amount = parseDecimal(String(value));
      const units = amount === undefined ? undefined : atScale(amount, maxDecimals);
      if (amount === undefined || units === undefined) return undefined;
      return units <= maxDollars * 10n ** BigInt(maxDecimals) ? formatDecimal(amount) : undefined;
    },
  );
}

/** A number of tokens, or `max`: as many as memory allows. */
export function contextSize() {
  const json = {
    anyOf: [{ type: 'integer', minimum: 16, maximum: 10_000_000 }, { const: 'max' }, reference],
  };
  return valueSchema(
    { expected: 'a number of tokens from 16 to 10000000, or max', json },
    (value): number | 'max' | undefined => {
      if (value === 'max') return 'max';
      const number = asNumber(value);
      if (number === undefined || !Number.isSafeInteger(number)) return undefined;
      return number >= 16 && number <= 10_000_000 ? number : undefined;
    },
  );
}

// The longest time of a timer of Node is 2^31-1 ms; a timer with a longer time fires at once.
const longestTimerMs = 24 * 86_400_000;

/** Read as milliseconds. Default of `maximumMs`: 24 days, which a timer can hold. */
export function duration({ minimumMs = 1, maximumMs = longestTimerMs } = {}) {
  const range = `${formatDuration(minimumMs)} to ${formatDuration(maximumMs)}`;
  return valueSchema(
    {
      expected: `a duration such as 250ms, 10s, 5m or 24h (${range})`,
      json: { type: 'string', pattern: `^\\d+(ms|s|m|h|d)$|${referencePattern}` },
      hint: wholeDurationHint,
    },
    (value) => {
      const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
      if (milliseconds === undefined) return undefined;
      return milliseconds >= minimumMs && milliseconds <= maximumMs ? milliseconds : undefined;
    },
  );
}

const switchedOff = (value: unknown): value is 'off' => value === 'off';

/** A {@link duration}, or `off`. */
export function durationOrOff() {
  const range = `1ms to ${formatDuration(longestTimerMs)}`;
  return valueSchema(
    {
      expected: `a duration such as 200ms (${range}), or off`,
      json: { type: 'string', pattern: `^\\d+(ms|s|m|h|d)$|^off$|${referencePattern}` },
      hint: wholeDurationHint,
    },
    (value): number | 'off' | undefined => {
      if (switchedOff(value)) return value;
      const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
      return milliseconds !== undefined && milliseconds >= 1 && milliseconds <= longestTimerMs
        ? milliseconds
        : undefined;
    },
  );
}

/** `90%`, read as 0.9; or `off`. */
export function shareOrOff() {
  return valueSchema(
    {
      expected: 'a share such as 90% (1% to 100%), or off',
      json: { type: 'string', pattern: `^([1-9]\\d?|100)%$|^off$|${referencePattern}` },
    },
    (value): number | 'off' | undefined => {
      if (switchedOff(value)) return value;
      const [, digits] = (typeof value === 'string' && /^([1-9]\d?|100)%$/.exec(value)) || [];
      return digits === undefined ? undefined : Number(digits) / 100;
    },
  );
}

/** Read as bytes. */
export function size(minimumBytes: number, maximumBytes: number) {
  const range = `${formatSize(minimumBytes)} to ${formatSize(maximumBytes)}`;
  return valueSchema(
    {
      expected: `a size such as 64KiB or 1MiB (${range})`,
      json: { type: 'string', pattern: `^\\d+(B|KiB|MiB|GiB)$|${referencePattern}` },
      hint: (value) => {
        const decimalUnit = /^(\d+) ?([KMG])i?[Bb]?$/i.exec(value);
        return decimalUnit && parseSize(value) === undefined
          ? ` (did you mean "${decimalUnit[1]}${decimalUnit[2]?.toUpperCase()}iB"?)`
          : wholeSizeHint(value);
      },
    },
    (value) => {
      const bytes = typeof value === 'string' ? parseSize(value) : undefined;
      if (bytes === undefined) return undefined;
      return bytes >= minimumBytes && bytes <= maximumBytes ? bytes : undefined;
    },
  );
}

export function listenAddress() {
  return valueSchema(
    { expected: 'an address and a port, such as 127.0.0.1:7245 or "[::1]:7245"', json: { type: 'string' } },
    (value) => (typeof value === 'string' ? parseListen(value) : undefined),
  );
}

/** A URL that this server calls or shows, without `user:password@`. */
export function webUrl() {
  return text('a URL that begins with http:// or https://, without user and password', (value) => {
    if (/\s/.test(value) || !URL.canParse(value)) return false;
    const { protocol, username, password } = new URL(value);
    return /^https?:$/.test(protocol) && username === '' && password === '';
  });
}

/** The issuer of an OpenID Connect provider. Passwords and tokens travel to it, so plain http stays on this machine. */
export function issuerUrl() {
  return text(
    'the issuer of an OpenID Connect provider: a URL that begins with https:// (http:// on loopback only), without user, query and fragment',
    (value) => {
      if (/[\s?#]/.test(value) || !URL.canParse(value)) return false;
      const { protocol, username, password, hostname } = new URL(value);
      if (username !== '' || password !== '') return false;
      return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')));
    },
  );
}

/** Letters beyond ASCII may look like others, and are not compared without regard to case: addresses that sign in have none. */
export function emailAddress() {
  return text('an e-mail address such as ann@example.org', (value) =>
    /^[\x21-\x3f\x41-\x7e]{1,64}@[\x21-\x3f\x41-\x7e]{1,255}$/.test(value),
  );
}

/**
 * A URL that a driver reads by its own rules, and that may hold credentials. Only its scheme is checked:
 * `postgres://a,b/db` with two hosts is right for the driver, and no URL by the web's rules.
 */
export function connectionUrl(...schemes: readonly string[]) {
  const beginnings = schemes.map((scheme) => `${scheme}://`);
  return text(`a URL that begins with ${disjunction.format(beginnings)}`, (value) =>
    beginnings.some(
      (beginning) => value.startsWith(beginning) && /^\S+$/.test(value.slice(beginning.length)),
    ),
  );
}

/**
 * A URL of PostgreSQL, which its driver reads by its own rules. It names a database: without one the driver would take the database
 * that is called like the user, which is hardly the one that was meant.
 */
export function postgresUrl() {
  return text(
    'a URL that begins with postgres:// or postgresql:// and names a database, such as postgres://user:password@host:5432/tailrace',
    (value) => /^postgres(?:ql)?:\/\/[^\s/?#]*\/[^\s/?#][^\s]*$/.test(value),
  );
}

/** A URL of Redis, which its driver reads by the web's rules; it may hold credentials. */
export function redisUrl() {
  return text(
    'a URL such as redis://host:6379 or rediss://host:6379',
    (value) => /^rediss?:\/\/\S+$/.test(value) && URL.canParse(value),
  );
}

/** The longest key and the longest value of a header: servers accept request heads of 8 to 16 KiB. */
export const maxHeaderValueLength = 4_096;

/**
 * A secret for an HTTP header: printable ASCII without spaces. A text with `${` is refused: it is a reference that was not
 * replaced, here or where the environment was made, and so a key that is easy to guess.
 */
export function secret() {
  return text(
    `a key: at most ${maxHeaderValueLength} printable characters without spaces and without "\${"`,
    (value) => value.length <= maxHeaderValueLength && /^(?!.*\$\{)[\x21-\x7e]+$/.test(value),
  );
}

/** The shortest key of a signature, in bytes: 128 bits. */
const shortestSigningKey = 16;

/** What signs the events of the webhook: a text, or `whsec_` and Base64, as receivers for Standard Webhooks make secrets. */
export function signingSecret() {
  return text(
    `a secret of ${shortestSigningKey} or more printable characters without spaces and without "\${", or whsec_ and Base64 of ${shortestSigningKey} or more bytes`,
    (value) => {
      if (value.length > maxHeaderValueLength || !/^(?!.*\$\{)[\x21-\x7e]+$/.test(value)) return false;
      if (!value.startsWith('whsec_')) return value.length >= shortestSigningKey;
      const base64 = value.slice('whsec_'.length);
      return (
        /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && Buffer.from(base64, 'base64').length >= shortestSigningKey
      );
    },
  );
}

const maxSecrets = 256;

/** One {@link secret}, or a list of different ones; read as a list. */
export function secrets() {
  const one = secret();
  const expected = `a key, or a list of 1 to ${maxSecrets} keys`;
  const repeated = 'a key that does not stand before it in the list';
  return z
    .unknown()
    .transform((value, context): readonly string[] => {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (list.length === 0 || list.length > maxSecrets) {
        context.addIssue({ code: 'custom', message: expected, params: { hint: '' } });
        return z.NEVER;
      }
      const read = new Set<string>();
      for (const [index, item] of list.entries()) {
        const { data, error } = one.safeParse(item);
        const wrong = error?.issues[0]?.message ?? (read.has(data ?? '') ? repeated : undefined);
        const path = Array.isArray(value) ? [index] : [];
        if (wrong !== undefined)
          context.addIssue({ code: 'custom', message: wrong, path, params: { hint: '' } });
        else if (data !== undefined) read.add(data);
      }
      return [...read];
    })
    .meta({
      anyOf: [
        { type: 'string' },
        { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: maxSecrets },
      ],
    });
}
