import type { ModelPrice, TokenPrices } from '../api/connection.ts';

export interface CountedTokens {
  readonly prompt: number;
  readonly completion: number;
  /** A part of the prompt. */
  readonly cached: number;
}

/**
 * What an answer costs in dollars, by the price that the list of models tells. The server's record is exact, and knows writes to caches
 * and other models that helped; this is what the page can say while the answer comes.
 */
export function costDollars(price: ModelPrice, { prompt, completion, cached }: CountedTokens): number {
  const { input = 0, output = 0, cached: fromCache = input } = ratesFor(price, prompt);
  const tokens = (prompt - cached) * input + cached * fromCache + completion * output;
  return tokens / 1_000_000 + (price.request ?? 0);
}

/** A prompt has the amounts of the highest step that it exceeds; an amount that this leaves out is that of the price. */
function ratesFor({ above, request, ...base }: ModelPrice, prompt: number): TokenPrices {
  return { ...base, ...above.findLast(({ tokens }) => prompt > tokens) };
}

/** `$0.000234`: three digits that count, and no fewer than the cents. */
export function dollars(amount: number): string {
  if (amount === 0) return '$0';
  const digits = Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(amount))));
  return `$${amount.toFixed(digits).replace(/(\.\d{2}\d*?)0+$/, '$1')}`;
}
