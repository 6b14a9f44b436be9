import { parseDuration } from '../config/units.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';

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
export const keyFlags = [...ownerFlags, '--owner', '--expires', '--usage-chunk'] as const;

export const ownerFlagsHelp = `  --name TEXT               a name for people
  --models A,B              models that may be used, by name or pattern (acme/*)
  --requests-per-minute N
  --tokens-per-minute N
  --max-streams N           requests at the same time
  --budget AMOUNT/PERIOD    such as 20usd/month, 500000tokens/day, 100usd/total
  --metadata JSON           an object of your own
`;
export const keyFlagsHelp = `${ownerFlagsHelp}  --owner ID                who pays (default: default)
  --expires TIME            such as 90d, or 2027-01-01T00:00:00Z
  --usage-chunk FORM        inline or separate: where its streams carry the usage
`;

type KeyFlag = (typeof keyFlags)[number];

export type ReadFields =
  | { readonly ok: true; readonly fields: JsonObject }
  | { readonly ok: false; readonly message: string };

/**
 * The flags as the body of the API's routes, which check the values: here only the forms of the command line are read.
 * `nowMs`: Unix milliseconds.
 */
export function readLimitFlags(values: { readonly [Flag in KeyFlag]?: string }, nowMs: number): ReadFields {
  const fields: Record<string, JsonValue> = {};
  for (const flag of keyFlags) {
    const text = values[flag];
    if (text === undefined) continue;
    const read = text === 'none' ? null : readers[flag](text, nowMs);
    if (read === undefined) return { ok: false, message: `${flag}: ${expected[flag]}, got ${shown(text)}` };
    fields[fieldOf(flag)] = read;
  }
  return { ok: true, fields };
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
  '--models': (text) => text.split(',').map((name) => name.trim()),
  '--requests-per-minute': whole,
  '--tokens-per-minute': whole,
  '--max-streams': whole,
  '--budget': budget,
  '--expires': (text, nowMs) => {
    const ms = parseDuration(text);
    // A time is checked by the server; what is not even a year is neither.
    if (ms === undefined) return /^\d{4}-/.test(text) ? text : undefined;
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
  '--expires': 'expected a duration or a time, such as 90d or 2027-01-01T00:00:00Z',
  '--metadata': 'expected a JSON object',
};

function budget(text: string): JsonValue | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s?(usd|tokens)\/(day|month|total)$/.exec(text);
  if (match === null) return undefined;
  const [, amount, unit, period = ''] = match;
  return unit === 'usd' ? { usd: Number(amount), period } : { tokens: Number(amount), period };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 63)}…` : text);
}
