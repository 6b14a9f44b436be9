import type { ModelPrice, TokenPrices } from '../api/connection.ts';

export interface CountedTokens {
  readonly prompt: number;
  readonly completion: number;
  /** A part of the prompt. */
  readonly cached: number;
}

/**
 * What an answer costs in millionths of a dollar, by the price that the list of models tells. The server's record is exact, and knows writes to caches
 * and other models that helped; this is what the page can say while the answer comes.
 */
export function costMicroUsd(price: ModelPrice, { prompt, completion, cached }: CountedTokens): number {
  const { input = 0, output = 0, cached: fromCache = input } = ratesFor(price, prompt);
  const tokens = (prompt - cached) * input + cached * fromCache + completion * output;
  return tokens + (price.request ?? 0) * 1_000_000;
}

/** A prompt has the amounts of the highest step that it exceeds; an amount that this leaves out is that of the price. */
function ratesFor({ above, request, ...base }: ModelPrice, prompt: number): TokenPrices {
  return { ...base, ...above.findLast(({ tokens }) => prompt > tokens) };
}
