import { atScale, type Decimal, formatDecimal, parseDecimal, shifted } from '../domain/decimal.ts';
import { writeMember } from '../domain/exact-json.ts';
import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { PriceConfig, TokenPrices } from './config.ts';

/** Takes what is wrong with a field of an entry. */
export type ReportField = (field: string, value: unknown, expected: string) => void;

/** LiteLLM's names of the costs of a token. The first name of each that an entry has counts. */
export const tokenCosts: Readonly<Record<keyof TokenPrices, readonly string[]>> = {
  input: ['input_cost_per_token'],
  output: ['output_cost_per_token'],
  cached: ['cache_read_input_token_cost', 'input_cost_per_token_cache_hit'],
  cacheWrite: ['cache_creation_input_token_cost'],
};

/** The ending of a cost that holds for long prompts. */
export const stepEnding = /_above_(\d{1,5})k_tokens$/;

/**
 * The price of an entry; undefined where it has no cost of tokens or requests, such as that of a model that makes images.
 * Costs for long prompts stand in fields with an ending (`…_above_200k_tokens`), or in a list of tiers by ranges of the
 * prompt. Both mean the same: the whole request has the costs of the range that its prompt falls into.
 */
export function decodeEntry(entry: JsonObject, report: ReportField): PriceConfig | undefined {
  const [lowest, ...tiers] = tiersOf(entry, report);
  const base = { ...tokenPrices(entry, '', report), ...lowest?.prices };
  const request = costOf(entry, 'input_cost_per_request', report);
  if (base.input === undefined && base.output === undefined && request === undefined) return undefined;
  const above =
    lowest === undefined
      ? stepsOf(entry, report)
      : tiers.map(({ from, prices }) => ({ tokens: from, ...prices }));
  return { ...base, ...(request === undefined ? {} : { request: formatDecimal(request) }), above };
}

function stepsOf(entry: JsonObject, report: ReportField): PriceConfig['above'] {
  const steps = new Set(Object.keys(entry).flatMap((field) => stepEnding.exec(field)?.[1] ?? []));
  return (
    [...steps]
      .map((thousands) => ({
        tokens: Number(thousands) * 1_000,
        ...tokenPrices(entry, `_above_${thousands}k_tokens`, report),
      }))
      // A step may be one of costs that are not read here.
      .filter((prices) => prices.tokens > 0 && Object.keys(prices).length > 1)
      .toSorted((one, other) => one.tokens - other.tokens)
  );
}

interface Tier {
  /** Prompts of more tokens have these prices. */
  readonly from: number;
  readonly prices: TokenPrices;
}

/** The tiers of an entry in ascending order, the first from 0 on; none where it has no such list. */
function tiersOf(entry: JsonObject, report: ReportField): readonly Tier[] {
  const { tiered_pricing: list } = entry;
  if (list === undefined || list === null) return [];
  // The tiers of a search engine are ranges of results.
  if (Array.isArray(list) && !list.some(hasTokenCost)) return [];
  const tiers = Array.isArray(list) ? list.map((tier: JsonValue) => readTier(tier, report)) : [undefined];
  const read = tiers.filter((tier) => tier !== undefined).toSorted((one, other) => one.from - other.from);
  const froms = new Set(read.map(({ from }) => from));
  if (read.length === tiers.length && froms.size === read.length && froms.has(0)) return read;
  report(
    'tiered_pricing',
    list,
    'a list of tiers, each with its own range of prompt tokens, the first from 0',
  );
  return [];
}

function hasTokenCost(tier: JsonValue): boolean {
  return isObject(tier) && Object.values(tokenCosts).some((fields) => fields.some((field) => field in tier));
}

function readTier(tier: JsonValue, report: ReportField): Tier | undefined {
  if (!isObject(tier) || !Array.isArray(tier['range'])) return undefined;
  const [from] = tier['range'] as readonly JsonValue[];
  if (typeof from !== 'number' || !Number.isSafeInteger(from) || from < 0) return undefined;
  return { from, prices: tokenPrices(tier, '', report) };
}

/** The costs whose names end so, for a million tokens. */
function tokenPrices(entry: JsonObject, ending: string, report: ReportField): TokenPrices {
  const prices: Partial<Record<keyof TokenPrices, string>> = {};
  for (const [kind, fields] of Object.entries(tokenCosts) as [keyof TokenPrices, readonly string[]][]) {
    for (const field of fields) {
      const amount = prices[kind] === undefined ? costOf(entry, `${field}${ending}`, report) : undefined;
      if (amount !== undefined) prices[kind] = formatDecimal(shifted(amount, 6));
    }
  }
  return prices;
}

/** A cost in dollars by its spelling; a text holds one too (`"1e-06"`), as YAML and scripts write it. */
function costOf(entry: JsonObject, field: string, report: ReportField): Decimal | undefined {
  const value = Object.hasOwn(entry, field) ? entry[field] : undefined;
  if (value === undefined || value === null) return undefined;
  const amount = amountOf(entry, field);
  if (amount !== undefined && isCost(amount)) return amount;
  report(field, value, 'dollars from 0 to 1');
  return undefined;
}

/** The number in a field, as it is spelt there; undefined where it holds none. */
export function amountOf(entry: JsonObject, field: string): Decimal | undefined {
  const value = entry[field];
  if (typeof value === 'number') return parseDecimal(writeMember(entry, field));
  return typeof value === 'string' ? parseDecimal(value) : undefined;
}

/** At most one dollar, with at most so many decimals that a sum of costs is exact (`metering/price.ts`). */
function isCost(amount: Decimal): boolean {
  const units = atScale(amount, maxDecimals);
  return units !== undefined && units <= 10n ** BigInt(maxDecimals);
}
const maxDecimals = 30;
