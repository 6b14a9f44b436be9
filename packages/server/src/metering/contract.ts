import type { AttemptPlan } from '../routing/attempt-plan.ts';
import type { AttemptRecord } from '../routing/open-attempts.ts';

/** What a request cost, and may cost. Micro-dollars are whole numbers, rounded half up once for each request. */
export interface Pricing {
  /** The plan without targets that have no price. */
  withPrice(plan: AttemptPlan): AttemptPlan;
  /** The cost of the prompt, and of prompt and completion together, at the dearest target of the plan. */
  dearest(
    plan: AttemptPlan,
    promptTokens: number,
    completionTokens: number,
  ): { readonly promptMicroUsd: number; readonly totalMicroUsd: number };
  /** 0 where nothing has a price, and where no output reached the client. */
  cost(answer: PricedAnswer): number;
}

/** An answer, or its part so far. */
export interface PricedAnswer {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly completionTokens: number;
  /** In order; the first with delivered tokens is the one that committed. */
  readonly attempts: readonly Pick<AttemptRecord, 'model' | 'target' | 'deliveredTokens'>[];
}
