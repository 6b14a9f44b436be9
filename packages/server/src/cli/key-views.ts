import type { JsonObject, JsonValue } from '../domain/json.ts';
import { budgetWords, grouped, limitsWords, metadataWords, modelsWords, timeWords } from './field-words.ts';
import { textPairs, textTable } from './text-table.ts';

/** Keys as `/admin/v1/keys` lists them. A column that is empty for each of them is left out. */
export function keyTable(keys: readonly JsonObject[], nowMs: number, width?: number): string {
  return textTable(
    [
      'ID',
      'KEY',
      'OWNER',
      { shrinks: 'NAME' },
      'STATE',
      { shrinks: 'MODELS' },
      'LIMITS',
      'BUDGET',
      'EXPIRES',
      'LAST USED',
    ],
    keys.map((key) => [
      text(key['id']),
      text(key['prefix']),
      text(key['owner']),
      text(key['name']),
      stateOf(key, nowMs),
      modelsWords(key['models']),
      limitsWords(key),
      budgetWords(key['budget']),
      text(key['expires_at']).slice(0, 10),
      lastUse(key),
    ]),
    { optional: ['NAME', 'MODELS', 'LIMITS', 'BUDGET', 'EXPIRES', 'LAST USED'], width },
  );
}

/** One key, a field a line. */
export function keyPairs(key: JsonObject, nowMs: number): string {
  const limit = (field: string) => countOr(key[field], 'as configured under limits');
  return textPairs([
    ['id', text(key['id'])],
    ['key', text(key['prefix'])],
    ['owner', text(key['owner'])],
    ['name', or(text(key['name']), 'none')],
    ['state', stateOf(key, nowMs)],
    ['models', or(modelsWords(key['models']), 'all')],
    ['requests per minute', limit('requests_per_minute')],
    ['tokens per minute', limit('tokens_per_minute')],
    ['max streams', limit('max_streams')],
    ['budget', or(budgetWords(key['budget']), 'none')],
    ['prompts and answers', contentWords(key['log_content'])],
    ['usage chunk', or(text(key['usage_chunk']), 'as configured under stream')],
    ['expires', or(timeWords(key['expires_at']), 'never')],
    ...overlapPair(key, nowMs),
    ['created', or(timeWords(key['created_at']), 'where it is configured')],
    ['last used', or(lastUse(key), 'not kept for fixed keys')],
    ...(typeof key['revoked_at'] === 'string' ? [['revoked', timeWords(key['revoked_at'])] as const] : []),
    ['metadata', or(metadataWords(key['metadata']), 'none')],
  ]);
}

/** Owners as `/admin/v1/owners` lists them, with the keys of all that are not revoked. */
export function ownerTable(
  owners: readonly JsonObject[],
  keys: readonly JsonObject[],
  width?: number,
): string {
  return textTable(
    ['ID', { shrinks: 'NAME' }, { right: 'KEYS' }, { shrinks: 'MODELS' }, 'LIMITS', 'BUDGET'],
    owners.map((owner) => [
      text(owner['id']),
      text(owner['name']),
      grouped(keys.filter((key) => key['owner'] === owner['id'] && key['revoked_at'] === null).length),
      modelsWords(owner['models']),
      limitsWords(owner),
      budgetWords(owner['budget']),
    ]),
    { optional: ['NAME', 'MODELS', 'LIMITS', 'BUDGET'], width },
  );
}

/** One owner, a field a line. */
export function ownerPairs(owner: JsonObject): string {
  return textPairs([
    ['id', text(owner['id'])],
    ['name', or(text(owner['name']), 'none')],
    ['models', or(modelsWords(owner['models']), 'all')],
    ['requests per minute', countOr(owner['requests_per_minute'], 'no limit')],
    ['tokens per minute', countOr(owner['tokens_per_minute'], 'no limit')],
    ['max streams', countOr(owner['max_streams'], 'no limit')],
    ['budget', or(budgetWords(owner['budget']), 'none')],
    ['created', timeWords(owner['created_at'])],
    ['metadata', or(metadataWords(owner['metadata']), 'none')],
  ]);
}

function stateOf(key: JsonObject, nowMs: number): string {
  if (key['fixed'] === true) return key['admin'] === true ? 'fixed, admin' : 'fixed';
  if (typeof key['revoked_at'] === 'string') return 'revoked';
  if (isPast(key['expires_at'], nowMs)) return 'expired';
  return overlapPair(key, nowMs).length > 0 ? 'active, 2 secrets' : 'active';
}

/** The end of the secret before, while it works. */
function overlapPair(key: JsonObject, nowMs: number): readonly (readonly [string, string])[] {
  const { overlap_until: until } = key;
  if (typeof until !== 'string' || isPast(until, nowMs)) return [];
  return [['old secret until', timeWords(until)]];
}

function isPast(time: JsonObject[string] | undefined, nowMs: number): boolean {
  return typeof time === 'string' && Date.parse(time) <= nowMs;
}

function lastUse(key: JsonObject): string {
  const used = timeWords(key['last_used_at']);
  return used === '' && key['fixed'] !== true ? 'never' : used;
}

function text(value: JsonObject[string] | undefined): string {
  return typeof value === 'string' ? value : '';
}

function countOr(value: JsonObject[string] | undefined, without: string): string {
  return typeof value === 'number' ? grouped(value) : without;
}

function or(words: string, without: string): string {
  return words === '' ? without : words;
}

function contentWords(logContent: JsonValue | undefined): string {
  if (typeof logContent !== 'boolean') return 'as configured under logging';
  return logContent ? 'kept' : 'not kept';
}
