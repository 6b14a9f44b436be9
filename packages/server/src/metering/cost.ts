import { type Price, ratesFor, unitsPerMicroUsd } from './price.ts';

/** What one request is charged for. */
export interface Charge {
  readonly promptTokens: number;
  /** Part of the prompt. */
  readonly cachedTokens: number;
  /** Another part of the prompt. */
  readonly cacheWriteTokens: number;
  /** Of the model that committed first; it holds for the prompt and the request. Undefined: they cost nothing. */
  readonly price: Price | undefined;
  /** The tokens of the answer by the models that produced them. */
  readonly delivered: readonly DeliveredPiece[];
}

/** Tokens of an answer that one model produced, and its price; without one they cost nothing. */
export interface DeliveredPiece {
  readonly tokens: number;
  readonly price: Price | undefined;
}

/**
 * The cost of a request in whole micro-dollars: the exact sum, rounded half up once (contract, section 5). The length of the
 * prompt decides which step of each price holds. Costs beyond the safe integers, nine billion dollars, are the largest of
 * these.
 */
export function costMicroUsd({
  promptTokens,
  cachedTokens,
  cacheWriteTokens,
  price,
  delivered,
}: Charge): number {
  let units = 0n;
  if (price !== undefined) {
    const { input, cached, cacheWrite } = ratesFor(price, promptTokens);
    // No prompt has more cached tokens than tokens; a negative rest would be a discount.
    const read = Math.min(cachedTokens, promptTokens);
    const written = Math.min(cacheWriteTokens, promptTokens - read);
    units += price.request + BigInt(read) * cached + BigInt(written) * cacheWrite;
    units += BigInt(promptTokens - read - written) * input;
  }
  for (const { tokens, price: own } of delivered) {
    if (own !== undefined) units += BigInt(tokens) * ratesFor(own, promptTokens).output;
  }
  const rounded = (units + unitsPerMicroUsd / 2n) / unitsPerMicroUsd;
  return rounded > maxMicroUsd ? Number.MAX_SAFE_INTEGER : Number(rounded);
}

const maxMicroUsd = BigInt(Number.MAX_SAFE_INTEGER);
