import type { Usage } from '../domain/usage.ts';
import { type Charge, costMicroUsd } from './cost.ts';
import type { Prices } from './prices.ts';

/** An ended request, as far as its cost depends on it. `RunOutcome` of `relay/run-outcome.ts` is one. */
export interface EndedRequest {
  readonly status: 'completed' | 'failed' | 'cut' | 'cancelled' | 'abandoned';
  /** The usage that is charged (`RunOutcome.usage`); absent where that is nothing. */
  readonly usage?: Usage;
  /** The target that began the answer. */
  readonly target?: string;
  /** In the order in which their targets were called. */
  readonly attempts: readonly EndedAttempt[];
}

/** One call of a target. `AttemptRecord` of `routing/open-attempts.ts` is one. */
export interface EndedAttempt {
  /** The public id of the model. */
  readonly model: string;
  /** `upstream/model`. */
  readonly target: string;
  readonly outcome: 'open' | 'served' | 'failed' | 'lost' | 'aborted';
  /** It has sent output, whether or not the client has received it. */
  readonly hasOutput?: boolean;
  /** Tokens that the client has received of it. */
  readonly deliveredTokens: number;
}

/**
 * The cost of an ended request in micro-dollars (contract, section 5). A request costs something only where the client has
 * received something of its answer: then the prompt once, and the tokens delivered, whether the answer is whole, was cut, was
 * cancelled or lost its client. One that does not stream and that the client has ended itself costs what it had produced
 * until then, as the stream would. A `failed` request costs nothing, and neither does one that ended before any output. What
 * else was produced (by a hedge that lost, a failed attempt, the repeated part of a replay) is not charged.
 */
export function requestCostMicroUsd(ended: EndedRequest, prices: Prices): number {
  const charge = chargeOf(ended, prices);
  return charge === undefined ? 0 : costMicroUsd(charge);
}

/**
 * What an ended request is charged for; undefined: nothing. The completion of its usage is split among the attempts in
 * proportion to what the client received of each: usage counts exactly, and only its sum is known after a takeover.
 */
export function chargeOf(
  { status, usage, target, attempts }: EndedRequest,
  prices: Prices,
): Charge | undefined {
  if (usage === undefined || status === 'failed') return undefined;
  const first = firstToCommit(attempts, target);
  if (first === undefined) return undefined;
  const priceOf = (attempt: EndedAttempt) => prices.find(attempt.model, attempt.target);
  const shares = deliveredShares(usage.completionTokens, attempts);
  return {
    promptTokens: usage.promptTokens,
    cachedTokens: usage.cachedTokens ?? 0,
    cacheWriteTokens: usage.cacheWriteTokens ?? 0,
    price: priceOf(first),
    delivered:
      shares === undefined
        ? [{ tokens: usage.completionTokens, price: priceOf(first) }]
        : attempts.map((attempt, at) => ({ tokens: shares[at] ?? 0, price: priceOf(attempt) })),
  };
}

/**
 * What of the completion came from each attempt, in proportion to what the client received of it; undefined where it has received
 * nothing.
 */
export function deliveredShares(
  completionTokens: number,
  attempts: readonly Pick<EndedAttempt, 'deliveredTokens'>[],
): readonly number[] | undefined {
  return split(
    completionTokens,
    attempts.map(({ deliveredTokens }) => deliveredTokens),
  );
}

/**
 * The attempt that began the answer. An attempt that was cut after it has the outcome `failed`, so its delivered tokens show
 * it; an answer may also consist of a bare finish, or begin with a call that has no token yet. Of an answer that the client
 * ended before it received anything, it is the attempt that was producing it.
 */
export function firstToCommit<Attempt extends EndedAttempt>(
  attempts: readonly Attempt[],
  target: string | undefined,
): Attempt | undefined {
  return (
    attempts.find(({ deliveredTokens, outcome }) => deliveredTokens > 0 || outcome === 'served') ??
    attempts.find(({ hasOutput, outcome }) => hasOutput === true && outcome === 'aborted') ??
    attempts.findLast((attempt) => attempt.target === target && attempt.outcome !== 'lost')
  );
}

/** Whole parts of `total` in proportion to the weights, whose sum is `total`; undefined where there is no weight. */
function split(total: number, weights: readonly number[]): readonly number[] | undefined {
  const sum = weights.reduce((one, other) => one + other, 0);
  if (sum === 0) return undefined;
  let weight = 0;
  let given = 0;
  return weights.map((own) => {
    weight += own;
    // Where each part ends is rounded down, so the parts have no rounding of their own. BigInt: the product may be unsafe.
    const end = Number((BigInt(total) * BigInt(weight)) / BigInt(sum));
    const part = end - given;
    given = end;
    return part;
  });
}
