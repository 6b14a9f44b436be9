import type { PriceConfig } from '../../config/config.ts';

/** A fraction of dollars. */
interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}

/** An amount of a price, in dollars for `tokens` tokens, times a count. */
function times(amount: string, count: number, tokens: bigint): Fraction {
  const [whole = '', fraction = ''] = amount.split('.');
  return {
    over: BigInt(whole + fraction) * BigInt(count),
    under: 10n ** BigInt(fraction.length) * tokens,
  };
}

function sum(one: Fraction, other: Fraction): Fraction {
  return { over: one.over * other.under + other.over * one.under, under: one.under * other.under };
}

/** What is charged, with the prices as they are configured. */
export interface NaiveCharge {
  readonly prompt: number;
  readonly cached: number;
  readonly written: number;
  readonly price: PriceConfig | undefined;
  readonly delivered: readonly { readonly tokens: number; readonly price: PriceConfig | undefined }[];
}

/** The cost in micro-dollars by fractions and the words of the contract (section 5), to compare `cost.ts` with. */
export function naiveCostMicroUsd({ prompt, cached, written, price, delivered }: NaiveCharge): bigint {
  const million = 1_000_000n;
  const fractions: Fraction[] = [];
  if (price !== undefined) {
    const { input = '0', cached: cachedPrice = input, cacheWrite = input } = at(price, prompt);
    fractions.push(times(input, prompt - cached - written, million));
    fractions.push(times(cachedPrice, cached, million));
    fractions.push(times(cacheWrite, written, million));
    fractions.push(times(price.request ?? '0', 1, 1n));
  }
  for (const { tokens, price: own } of delivered) {
    if (own !== undefined) fractions.push(times(at(own, prompt).output ?? '0', tokens, million));
  }
  const { over, under } = fractions.reduce(sum, { over: 0n, under: 1n });
  const twice = 2n * over * million;
  return (twice + under) / (2n * under);
}

/** The amounts for a prompt of that length. */
function at(price: PriceConfig, prompt: number): Omit<PriceConfig, 'request' | 'above'> {
  let best: PriceConfig['above'][number] | undefined;
  for (const step of price.above) {
    if (step.tokens < prompt && (best === undefined || step.tokens > best.tokens)) best = step;
  }
  return { ...price, ...best };
}
