import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { amountOf, stepEnding, tokenCosts } from './catalogue-entry.ts';
import type { UncountedCost } from './config.ts';

/*
 * A price here has input, output, cache reads, cache writes and requests. An entry of the public catalogue may have more
 * costs, which no request is charged for: `tailrace prices check` names them, so that an operator does not take the price for
 * the whole bill. A field that looks like a cost and is not known here is named as it stands.
 */

const normalCosts = new Set(Object.values(tokenCosts).flat());

/** What fields without an effect here are for, by their names. */
const kinds: readonly (readonly [form: RegExp, what: string])[] = [
  [/_above_\d+hr(?:_|$)/, 'caches that are kept for hours'],
  [/reasoning_token/, 'reasoning tokens'],
  [/_video_/, 'video'],
  [/_audio_/, 'audio'],
  [/_image|_pixel$/, 'images'],
  [/_per_second/, 'seconds'],
  [/_per_character/, 'characters'],
  [
    /^search_|^google_maps_|^file_search_|^vector_store_|^code_interpreter_|^computer_use_|^citation_|_per_query$/,
    'searches and tools of the provider',
  ],
  [/^off_peak_pricing$/, 'hours of the day'],
  [/_uplift_multiplier|^provider_specific_entry$/, 'regions and speeds'],
  [/^explicit_cache_/, 'explicit caches'],
];

/**
 * Fields that look like costs and mean none of a request here: batches do not exist here, a free number of searches is no
 * cost, and a DBU is another unit for the same cost.
 */
const otherwise =
  /_batches$|_dbu_cost_per_token$|^search_free_requests$|^web_search_billing_unit$|^search_context_size/;
const looksLikeCost = /cost|pric|multiplier|^provider_specific_entry$/;
const serviceTier = /_([a-z]+)$/;

/** The costs of an entry that no request is charged for; those that are 0, or as the normal ones, are left out. */
export function uncountedCosts(entry: JsonObject): readonly UncountedCost[] {
  const found = new Map<string, string[]>();
  for (const holder of [entry, ...tiersOf(entry)]) {
    for (const field of Object.keys(holder)) {
      const what = whatFor(holder, field);
      if (what === undefined) continue;
      const fields = found.get(what) ?? [];
      if (!fields.includes(field)) fields.push(field);
      found.set(what, fields);
    }
  }
  return Array.from(found, ([what, fields]) => ({ what, fields }));
}

function tiersOf({ tiered_pricing: list }: JsonObject): readonly JsonObject[] {
  return Array.isArray(list) ? (list as readonly JsonValue[]).filter(isObject) : [];
}

/** What a field without an effect is for; undefined where it has one, or is no cost. */
function whatFor(entry: JsonObject, field: string): string | undefined {
  if (!looksLikeCost.test(field) || otherwise.test(field)) return undefined;
  if (isCounted(field) || field === 'tiered_pricing') return undefined;
  if (isNothing(entry[field]) || isAsNormal(entry, field)) return undefined;
  const kind = kinds.find(([form]) => form.test(field));
  if (kind !== undefined) return kind[1];
  const tier = serviceTier.exec(field)?.[1];
  const base = tier === undefined ? field : field.slice(0, -tier.length - 1);
  return tier !== undefined && isCounted(base) ? `the service tier ${tier}` : field;
}

function isCounted(field: string): boolean {
  return field === 'input_cost_per_request' || normalCosts.has(field.replace(stepEnding, ''));
}

function isNothing(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === 0 || value === '0') return true;
  return isObject(value) && Object.values(value).every(isNothing);
}

/** Tokens of a kind, such as audio, at the cost of others: nothing is missed. */
function isAsNormal(entry: JsonObject, field: string): boolean {
  const normal = field
    .replace(/_(?:audio|image|video|reasoning)_token/, '_token')
    .replace(/_(?:audio|image)_token_cost/, '_token_cost');
  if (normal === field) return false;
  const [own, other] = [amountOf(entry, field), amountOf(entry, normal)];
  return own !== undefined && own.units === other?.units && own.decimals === other.decimals;
}
