import { parseDuration } from '../../config/units.ts';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { nearest } from '../../domain/nearest.ts';
import { parseRfc3339 } from '../../domain/rfc3339.ts';
import { shortened } from '../../domain/shortened.ts';
import type { Budget, KeyFields, OwnerFields } from '../../storage/keys.ts';
import { printable } from '../../telemetry/printable.ts';
import {
  createFindings,
  describeValue,
  listField,
  objectField,
  type Place,
  type PlainSchema,
  plainField,
  rawField,
  stringAt,
  wrongType,
  wrongValue,
} from '../../wire/fields.ts';

/** The fields of an owner and of a key with one plain value. `openapi.json` is made of the same objects. */
export const plainLimits = {
  name: { type: 'string', maxLength: 128 },
  requests_per_minute: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
  tokens_per_minute: { type: 'integer', minimum: 1, maximum: 1_000_000_000_000 },
  max_streams: { type: 'integer', minimum: 1, maximum: 1_000_000 },
} as const satisfies Readonly<Record<string, PlainSchema>>;
/** Those that only a key has. */
export const plainKeyFields = {
  owner: { type: 'string', maxLength: 128 },
  usage_chunk: { type: 'string', enum: ['inline', 'separate'] },
  log_content: { type: 'boolean' },
} as const satisfies Readonly<Record<string, PlainSchema>>;
export const budgetFields = {
  tokens: { type: 'integer', minimum: 0, maximum: 1_000_000_000_000_000 },
  /** In micro-dollars the largest one is still an exact integer. */
  usd: { type: 'number', minimum: 0, maximum: 1_000_000_000 },
  period: { type: 'string', enum: ['day', 'month', 'total'] },
} as const satisfies Readonly<Record<string, PlainSchema>>;
export const overlapFields = {
  overlap: { type: 'string', maxLength: 32 },
} as const satisfies Readonly<Record<string, PlainSchema>>;
export const keyBounds = { models: 256, modelLength: 256, metadataLength: 16_384 } as const;
const maxOverlapMs = 90 * 86_400_000;
/** The year 9999 ends: later times have no RFC 3339 form. */
const maxTimeMs = 253_402_300_799_999;

export const ownerFields = [
  'name',
  'models',
  'requests_per_minute',
  'tokens_per_minute',
  'max_streams',
  'budget',
  'metadata',
] as const;
export const keyFields = [...ownerFields, 'owner', 'expires_at', 'usage_chunk', 'log_content'] as const;

export const ownerId = /^[A-Za-z0-9][A-Za-z0-9\-_.:/@+]{0,127}$/;

/** Whether a text can be the id of an owner: letters, digits and `-_.:/@+`, at most 128. */
export function isOwnerId(text: string): boolean {
  return ownerId.test(text);
}

/** What a body asks of a key. A field with `null` is removed; for a new key that is the same as an absent one. */
export interface AskedKey {
  readonly fields: KeyFields;
  /** `null`: the default owner. */
  readonly owner?: string | null;
}

/** The fields of `POST /admin/v1/keys` and of its `PATCH`; each failure names its path. `nowMs`: Unix milliseconds. */
export function readKeyFields(body: JsonValue, nowMs: number): Result<AskedKey> {
  return readFields(body, keyFields, (place) => {
    const owner = plainField(place, plainKeyFields, 'owner');
    if (owner !== undefined && !isOwnerId(owner)) {
      wrongValue(
        place.findings,
        'owner',
        `'owner' has at most 128 letters, digits and -_.:/@+, and begins with a letter or digit${got(owner)}.`,
      );
    }
    const fields: KeyFields = {
      ...readLimits(place),
      ...given(place, 'expires_at', 'expiresAtMs', expiry(place, nowMs)),
      ...given(place, 'usage_chunk', 'usageChunk', plainField(place, plainKeyFields, 'usage_chunk')),
      ...given(place, 'log_content', 'logContent', plainField(place, plainKeyFields, 'log_content')),
    };
    return { fields, ...given(place, 'owner', 'owner', owner) };
  });
}

/** The fields of `PUT` and `PATCH /admin/v1/owners/{id}`. */
export function readOwnerFields(body: JsonValue): Result<OwnerFields> {
  return readFields(body, ownerFields, readLimits);
}

/** The body of `POST /admin/v1/keys/{id}/rotate`: how long the key before lives on, in milliseconds. */
export function readOverlap(body: JsonValue): Result<number> {
  return readFields(body, ['overlap'], (place) => {
    const text = plainField(place, overlapFields, 'overlap');
    const ms = text === undefined ? 0 : parseDuration(text);
    if (ms !== undefined && ms <= maxOverlapMs) return ms;
    wrongValue(
      place.findings,
      'overlap',
      `'overlap' must be a duration of at most 90d, such as '1h'${got(text ?? '')}.`,
    );
    return 0;
  });
}

/** Reads a body, a JSON object that has only fields of `known`. */
export function readFields<T>(
  body: JsonValue,
  known: readonly string[],
  fields: (place: Place) => T,
): Result<T> {
  if (!isObject(body)) {
    return fail(failure('invalid_type', `The body must be a JSON object, got ${describeValue(body)}.`));
  }
  const unknown = unknownField(body, known);
  if (unknown !== undefined) return fail(unknown);
  const findings = createFindings();
  const value = fields({ object: body, path: '', findings });
  const wrong = findings.first();
  return wrong === undefined ? ok(value) : fail(wrong);
}

function unknownField(body: JsonObject, known: readonly string[], path = ''): Failure | undefined {
  const name = Object.keys(body).find((key) => !known.includes(key));
  if (name === undefined) return undefined;
  const shown = name.slice(0, 64).replace(/[^\x21-\x7e]/g, '?');
  const guess = nearest(name, known);
  const hint = guess === undefined ? '' : ` (did you mean '${guess}'?)`;
  const there = known.length === 0 ? 'none is taken' : `there are: ${known.join(', ')}`;
  const message = `There is no field '${path}${shown}' here${hint}; ${there}.`;
  return failure('unsupported_parameter', message, { param: `${path}${shown}` });
}

/** A member for a field that the body has: its value, or null where the body removes it. */
function given<Name extends string, T>(
  { object }: Place,
  field: string,
  name: Name,
  value: T | undefined,
): { [_ in Name]?: T | null } {
  if (value === undefined && object[field] !== null) return {};
  // The compiler does not see that a computed name of one literal type is that member.
  return { [name]: value ?? null } as { [_ in Name]?: T | null };
}

function readLimits(place: Place): OwnerFields {
  return {
    ...given(place, 'name', 'name', plainField(place, plainLimits, 'name')),
    ...given(place, 'models', 'models', modelList(place)),
    ...given(
      place,
      'requests_per_minute',
      'requestsPerMinute',
      plainField(place, plainLimits, 'requests_per_minute'),
    ),
    ...given(
      place,
      'tokens_per_minute',
      'tokensPerMinute',
      plainField(place, plainLimits, 'tokens_per_minute'),
    ),
    ...given(place, 'max_streams', 'maxStreams', plainField(place, plainLimits, 'max_streams')),
    ...given(place, 'budget', 'budget', readBudget(place)),
    ...given(place, 'metadata', 'metadata', readMetadata(place)),
  };
}

function modelList(place: Place): string[] | undefined {
  const models = listField(place, 'models', keyBounds.models, (value, path, findings) => {
    const name = stringAt(findings, path, value, keyBounds.modelLength);
    if (name === undefined) return undefined;
    if (name !== '' && !name.slice(0, -1).includes('*')) return name;
    return wrongValue(
      findings,
      path,
      `'${path}' must be the name of a model, or a pattern with one * at its end, such as 'acme/*'${got(name)}.`,
    );
  });
  if (models?.length !== 0) return models;
  const message = "'models' has no entry. Leave it out, or send null, for all models.";
  return wrongValue(place.findings, 'models', message);
}

function readBudget(place: Place): Budget | undefined {
  const budget = objectField(place, 'budget');
  if (budget === undefined) return undefined;
  const unknown = unknownField(budget.object, Object.keys(budgetFields), 'budget.');
  if (unknown !== undefined) place.findings.report(unknown);
  const tokens = plainField(budget, budgetFields, 'tokens');
  const usd = plainField(budget, budgetFields, 'usd');
  const period = plainField(budget, budgetFields, 'period');
  const units = ['tokens', 'usd'].filter((unit) => rawField(budget, unit) !== undefined);
  if (units.length !== 1) {
    return wrongValue(place.findings, 'budget', "'budget' takes one of 'tokens' and 'usd', and a 'period'.");
  }
  if (rawField(budget, 'period') === undefined) {
    place.findings.report(
      failure('missing_parameter', "'budget.period' is required: day, month or total.", {
        param: 'budget.period',
      }),
    );
  }
  if (period === undefined) return undefined;
  if (tokens !== undefined) return { unit: 'tokens', limit: tokens, period };
  if (usd === undefined) return undefined;
  const microUsd = Math.round(usd * 1_000_000);
  // The nearest double to a number of micro-dollars is what a JSON number with six decimals is parsed to.
  if (microUsd / 1_000_000 === usd) return { unit: 'usd', limit: microUsd, period };
  return wrongValue(place.findings, 'budget.usd', "'budget.usd' may have at most six decimals.");
}

function readMetadata(place: Place): JsonObject | undefined {
  const metadata = objectField(place, 'metadata')?.object;
  if (metadata === undefined || JSON.stringify(metadata).length <= keyBounds.metadataLength) return metadata;
  const message = `'metadata' may have at most ${keyBounds.metadataLength} characters of JSON.`;
  return wrongValue(place.findings, 'metadata', message);
}

function expiry(place: Place, nowMs: number): number | undefined {
  const value = rawField(place, 'expires_at');
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return wrongType(place.findings, 'expires_at', 'a time as a string', value);
  const ms = parseRfc3339(value);
  const example = `such as '${new Date(nowMs + 86_400_000).toISOString()}'`;
  if (ms === undefined || ms > maxTimeMs) {
    return wrongValue(
      place.findings,
      'expires_at',
      `'expires_at' must be an RFC 3339 time, ${example}${got(value)}.`,
    );
  }
  if (ms > nowMs) return ms;
  return wrongValue(
    place.findings,
    'expires_at',
    `'expires_at' lies in the past; expected a later time, ${example}${got(value)}. To end a key now, revoke it.`,
  );
}

/** The value that came. It is the operator's own: a name, a pattern or a time. */
function got(text: string): string {
  return `, got '${printable(shortened(text))}'`;
}
