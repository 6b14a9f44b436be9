import { atScale, type Decimal, formatDecimal, parseDecimal, shifted } from '../domain/decimal.ts';
import { parseExactly, writeMember } from '../domain/exact-json.ts';
import { isObject, type JsonObject } from '../domain/json.ts';
import type { ListedPrice, PriceConfig, TokenPrices } from './config.ts';
import { expected, showText } from './config-problem.ts';

/*
 * LiteLLM's public catalogue, `model_prices_and_context_window.json`: an object of models, of which each has its costs in
 * dollars for one token. Numbers are taken by their spelling (`1.5e-07`), so that none is rounded. Costs of images, audio,
 * seconds, batches, priority tiers and of reasoning tokens are not read: a price here has no place for them.
 */

export interface PricesCatalogue {
  /** The entry of the first of these names that has a price for tokens or requests; undefined where none has. */
  find(names: readonly string[]): ListedPrice | undefined;
  /** What is wrong with entries that were found, in a sentence each. */
  readonly problems: readonly string[];
}

/** A catalogue out of its JSON text, or why the text is none. */
export function readPricesCatalogue(text: string): PricesCatalogue | string {
  let value: unknown;
  try {
    value = parseExactly(text);
  } catch (error) {
    // Without the words of the parser: they quote the file, which may be another one than the operator meant.
    const place = /\(line \d+ column \d+\)/.exec(String(error))?.[0];
    return `it is not JSON${place === undefined ? '' : ` ${place}`}`;
  }
  if (!isObject(value)) return 'it is no catalogue of prices: expected an object of models';
  return new Catalogue(value);
}

class Catalogue implements PricesCatalogue {
  readonly problems: string[] = [];
  readonly #entries: JsonObject;
  /** By name, each entry that was asked for: undefined where it has no price. */
  readonly #read = new Map<string, ListedPrice | undefined>();

  constructor(entries: JsonObject) {
    this.#entries = entries;
  }

  find(names: readonly string[]): ListedPrice | undefined {
    for (const name of names) {
      const found = this.#entry(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #entry(name: string): ListedPrice | undefined {
    // The catalogue explains its fields in an entry of that name.
    if (name === 'sample_spec' || !Object.hasOwn(this.#entries, name)) return undefined;
    if (!this.#read.has(name)) this.#read.set(name, this.#decode(name));
    return this.#read.get(name);
  }

  #decode(name: string): ListedPrice | undefined {
    const wrong = (field: string, value: unknown, what: string): undefined => {
      const where = `entry "${showText(name)}"${field === '' ? '' : `: ${showText(field)}`}`;
      this.problems.push(`${where}: ${expected(what, value, []).inFile}`);
    };
    const entry = this.#entries[name];
    if (!isObject(entry)) return wrong('', entry, 'an object');
    const price = decodeEntry(entry, (field) => {
      const value = entry[field];
      if (value === undefined || value === null) return undefined;
      const amount = typeof value === 'number' ? parseDecimal(writeMember(entry, field)) : undefined;
      if (amount !== undefined && isCost(amount)) return amount;
      return wrong(field, value, 'dollars from 0 to 1');
    });
    return price === undefined ? undefined : { entry: name, price };
  }
}

/** At most one dollar, with at most so many decimals that a sum of costs is exact (`metering/price.ts`). */
function isCost(amount: Decimal): boolean {
  const units = atScale(amount, maxDecimals);
  return units !== undefined && units <= 10n ** BigInt(maxDecimals);
}
const maxDecimals = 30;

/** LiteLLM's names of the costs of a token. The first name of each that an entry has counts. */
const tokenCosts: Readonly<Record<keyof TokenPrices, readonly string[]>> = {
  input: ['input_cost_per_token'],
  output: ['output_cost_per_token'],
  cached: ['cache_read_input_token_cost', 'input_cost_per_token_cache_hit'],
  cacheWrite: ['cache_creation_input_token_cost'],
};
const step = /_above_(\d{1,5})k_tokens$/;

/** Undefined where the entry has no cost of tokens or requests, such as one of a model that makes images. */
function decodeEntry(
  entry: JsonObject,
  cost: (field: string) => Decimal | undefined,
): PriceConfig | undefined {
  const base = tokenPrices('', cost);
  const request = cost('input_cost_per_request');
  if (base.input === undefined && base.output === undefined && request === undefined) return undefined;
  const steps = new Set(Object.keys(entry).flatMap((field) => step.exec(field)?.[1] ?? []));
  return {
    ...base,
    ...(request === undefined ? {} : { request: formatDecimal(request) }),
    above: [...steps]
      .map((thousands) => ({
        tokens: Number(thousands) * 1_000,
        ...tokenPrices(`_above_${thousands}k_tokens`, cost),
      }))
      // A step may be one of costs that are not read here.
      .filter((prices) => prices.tokens > 0 && Object.keys(prices).length > 1)
      .toSorted((one, other) => one.tokens - other.tokens),
  };
}

/** The costs whose names end so, for a million tokens. */
function tokenPrices(ending: string, cost: (field: string) => Decimal | undefined): TokenPrices {
  const prices: Partial<Record<keyof TokenPrices, string>> = {};
  for (const [kind, fields] of Object.entries(tokenCosts) as [keyof TokenPrices, readonly string[]][]) {
    for (const field of fields) {
      const amount = prices[kind] === undefined ? cost(`${field}${ending}`) : undefined;
      if (amount !== undefined) prices[kind] = formatDecimal(shifted(amount, 6));
    }
  }
  return prices;
}
