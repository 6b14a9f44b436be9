import type { PriceConfig, TokenPrices } from '../config/config.ts';
import { atScale, parseDecimal } from '../domain/decimal.ts';

/**
 * Money is counted in whole units of 10^-30 dollars: the configuration allows 18 decimals for one token, and a catalogue of
 * prices 30. So each product and each sum of a cost is exact.
 */
const decimals = 30;

/** Units of {@link Price} in a micro-dollar. */
export const unitsPerMicroUsd = 10n ** BigInt(decimals - 6);

/** What one token costs, in units of 10^-30 dollars. */
export interface Rates {
  readonly input: bigint;
  readonly output: bigint;
  readonly cached: bigint;
  readonly cacheWrite: bigint;
}

/** A price, ready to be charged. */
export interface Price {
  readonly base: Rates;
  /** For each request, in the same units. */
  readonly request: bigint;
  /** For prompts of more than `tokens`, in ascending order of these. */
  readonly above: readonly { readonly tokens: number; readonly rates: Rates }[];
}

/** Reads a price of the configuration; it throws for a text that the configuration has not checked. */
export function createPrice({ request, above, ...base }: PriceConfig): Price {
  return {
    base: ratesOf(base),
    request: request === undefined ? 0n : unitsOf(request, decimals),
    above: above.map(({ tokens, ...prices }) => ({ tokens, rates: ratesOf({ ...base, ...prices }) })),
  };
}

/** The rates for a prompt of that length: those of the highest step that it exceeds. They hold for the answer too. */
export function ratesFor({ base, above }: Price, promptTokens: number): Rates {
  return above.findLast(({ tokens }) => promptTokens > tokens)?.rates ?? base;
}

function ratesOf({ input = '0', output = '0', cached = input, cacheWrite = input }: TokenPrices): Rates {
  // A million tokens cost 10^6 times as much as one.
  const rate = (amount: string) => unitsOf(amount, decimals - 6);
  return { input: rate(input), output: rate(output), cached: rate(cached), cacheWrite: rate(cacheWrite) };
}

function unitsOf(amount: string, scale: number): bigint {
  const decimal = parseDecimal(amount);
  const units = decimal === undefined ? undefined : atScale(decimal, scale);
  if (units === undefined) throw new Error(`${amount} is no amount of a price`);
  return units;
}
