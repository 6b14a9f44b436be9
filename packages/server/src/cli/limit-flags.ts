import { parseDuration, wholeDurationHint } from '../config/units.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { shortened } from '../domain/shortened.ts';
import { keyFieldsProblem, overlapProblem } from '../service/check-key-fields.ts';
import { asLine } from './api-message.ts';
import type { FlagHelp } from './flag-help.ts';

/** Flags for the limits of a key or an owner, and for its other fields. `none` removes a field. */
export const ownerFlags = [
  '--name',
  '--models',
  '--requests-per-minute',
  '--tokens-per-minute',
  '--max-streams',
  '--budget',
  '--metadata',
] as const;
export const keyFlags = [...ownerFlags, '--owner', '--expires', '--usage-chunk', '--log-content'] as const;

export type KeyFlag = (typeof keyFlags)[number];

export const limitFlagHelp = {
  '--name': { value: 'TEXT', about: 'a name for people' },
  '--models': { value: 'A,B', about: 'only these models, by name or pattern (acme/*); default: all' },
  '--requests-per-minute': { value: 'N', about: 'requests a minute, 1 or more' },
  '--tokens-per-minute': { value: 'N', about: 'tokens a minute, of prompt and answer together' },
  '--max-streams': { value: 'N', about: 'requests that run at the same time' },
  '--budget': { value: 'AMOUNT/PERIOD', about: '20usd/month, 500000tokens/day, 100usd/total' },
  '--metadata': { value: 'JSON', about: 'an object of your own' },
  '--owner': { value: 'ID', about: 'who pays; one that does not exist is made (default: default)' },
  '--expires': {
    value: 'TIME',
    about: 'a duration (90d), a date (2027-01-01, its beginning in UTC) or a time; default: never',
  },
  '--usage-chunk': { value: 'FORM', about: 'inline or separate: where its streams carry the usage' },
  '--log-content': { value: 'BOOL', about: 'true or false: whether its prompts and answers are kept' },
} as const satisfies Readonly<Record<KeyFlag, FlagHelp>>;

/** The flags of `update` that mean something else than those of `create`: what is not named stays. */
export const updateFlagHelp = {
  '--models': { value: 'A,B', about: 'only these models, by name or pattern (acme/*); none: all' },
  '--expires': {
    value: 'TIME',
    about: 'a duration from now (90d), a date (2027-01-01) or a time; none: never',
  },
} as const satisfies Partial<Readonly<Record<KeyFlag, FlagHelp>>>;

export type ReadFields =
  | { readonly ok: true; readonly fields: JsonObject }
  | { readonly ok: false; readonly message: string };

/**
 * The flags as the body of the API's routes, checked as these check it: so a wrong value is found before a server or a store is
 * touched. `nowMs`: Unix milliseconds.
 */
export function readLimitFlags(values: { readonly [Flag in KeyFlag]?: string }, nowMs: number): ReadFields {
  const fields: Record<string, JsonValue> = {};
  for (const flag of keyFlags) {
    const text = values[flag];
    if (text === undefined) continue;
    const read = text === 'none' ? null : readers[flag](text, nowMs);
    if (read === undefined) {
      const hint = flag === '--expires' ? wholeDurationHint(text) : '';
      return { ok: false, message: `${flag}: ${expected[flag]}, got ${shown(text)}${hint}` };
    }
    fields[fieldOf(flag)] = read;
  }
  const problem = keyFieldsProblem(fields, nowMs);
  return problem === undefined ? { ok: true, fields } : { ok: false, message: inFlags(asLine(problem)) };
}

/** What is wrong with the value of `--overlap`; undefined where it is right. */
export function overlapFlagProblem(text: string): string | undefined {
  const problem = overlapProblem(text);
  if (problem === undefined) return undefined;
  return `${asLine(problem).replace('"overlap"', '--overlap')}${wholeDurationHint(text)}`;
}

/** A message of the API with the flags in the place of its fields: `"max_streams" must be …` becomes `--max-streams must be …`. */
function inFlags(message: string): string {
  return keyFlags.reduce(
    (text, flag) => text.replaceAll(new RegExp(`"${fieldOf(flag)}[.\\w[\\]]*"`, 'g'), flag),
    message,
  );
}

function fieldOf(flag: KeyFlag): string {
  return flag === '--expires' ? 'expires_at' : flag.slice(2).replaceAll('-', '_');
}

type Reader = (text: string, nowMs: number) => JsonValue | undefined;

const plain: Reader = (text) => text;
const whole: Reader = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);

const readers: Readonly<Record<KeyFlag, Reader>> = {
  '--name': plain,
  '--owner': plain,
  '--usage-chunk': plain,
  '--log-content': (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  '--models': (text) => text.split(',').map((name) => name.trim()),
  '--requests-per-minute': whole,
  '--tokens-per-minute': whole,
  '--max-streams': whole,
  '--budget': budget,
  '--expires': (text, nowMs) => {
    const ms = parseDuration(text);
    if (ms === undefined) {
      // As `tailrace usage` reads a date.
      if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00.000Z`;
      // A time is checked by the server; what is not even a year is neither.
      return /^\d{4}-/.test(text) ? text : undefined;
    }
    // Later than any time that has a written form.
    return ms > 8e14 ? undefined : new Date(nowMs + ms).toISOString();
  },
  '--metadata': (text) => {
    try {
      return JSON.parse(text) as JsonValue;
    } catch {
      return undefined;
    }
  },
};

const expected: Readonly<Partial<Record<KeyFlag, string>>> = {
  '--requests-per-minute': 'expected a whole number',
  '--tokens-per-minute': 'expected a whole number',
  '--max-streams': 'expected a whole number',
  '--budget':
    'expected an amount and a period (day, month or total), such as 20usd/month or 500000tokens/day',
  '--expires': 'expected a duration, a date or a time, such as 90d, 2027-01-01 or 2027-01-01T00:00:00Z',
  '--metadata': 'expected a JSON object',
  '--log-content': 'expected true or false',
};

function budget(text: string): JsonValue | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s?(usd|tokens)\/(day|month|total)$/.exec(text);
  if (match === null) return undefined;
  const [, amount, unit, period = ''] = match;
  return unit === 'usd' ? { usd: Number(amount), period } : { tokens: Number(amount), period };
}

function shown(text: string): string {
  return JSON.stringify(shortened(text));
}
