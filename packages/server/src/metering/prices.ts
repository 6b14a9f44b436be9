import type { Config, ModelConfig, TargetConfig } from '../config/config.ts';
import { costMicroUsd } from './cost.ts';
import { createPrice, type Price } from './price.ts';

/** A target of a plan, with the model that it belongs to there (`routing/attempt-plan.ts` has them as candidates). */
export interface PlannedTarget {
  readonly model: { readonly id: string };
  readonly target: { readonly name: string };
}

/** The prices of one configuration. Created once with it, never changed. */
export interface Prices {
  /** The price of a model, by its public id, at a target, by its name `upstream/model`; undefined where it has none. */
  find(model: string, target: string): Price | undefined;
  /** Whether a request under a dollar budget may use the target. */
  hasPrice(candidate: PlannedTarget): boolean;
  /**
   * The cost in micro-dollars to reserve for a request: that of the dearest of these targets, for a prompt of which each
   * token is charged at the dearest of its rates. A target without a price counts as 0.
   */
  dearestCost(candidates: readonly PlannedTarget[], promptTokens: number, completionTokens: number): number;
}

/** `isFree`: models beside these whose use costs nothing. */
export function createPrices(
  models: Config['models'],
  isFree: (model: string) => boolean = () => false,
): Prices {
  const byModel = new Map<string, ReadonlyMap<string, Price>>();
  for (const [id, model] of models) {
    const byTarget = new Map<string, Price>();
    for (const target of model.targets) {
      const config = priceConfigOf(model, target);
      if (config !== undefined) byTarget.set(targetName(target), createPrice(config));
    }
    byModel.set(id, byTarget);
  }

  const find: Prices['find'] = (model, target) => {
    const byTarget = byModel.get(model);
    if (byTarget !== undefined) return byTarget.get(target);
    return isFree(model) ? free : undefined;
  };
  return {
    find,
    hasPrice: ({ model, target }) => find(model.id, target.name) !== undefined,
    dearestCost(candidates, promptTokens, completionTokens) {
      const costs = candidates.map(({ model, target }) => {
        const price = find(model.id, target.name);
        const delivered = [{ tokens: completionTokens, price }];
        return Math.max(
          costMicroUsd({ promptTokens, cachedTokens: 0, cacheWriteTokens: 0, price, delivered }),
          costMicroUsd({ promptTokens, cachedTokens: 0, cacheWriteTokens: promptTokens, price, delivered }),
        );
      });
      return Math.max(0, ...costs);
    },
  };
}

const free = createPrice({ input: '0', output: '0', above: [] });

/** The price of a model at one of its targets: its own, else the listed one. */
export function priceConfigOf(model: ModelConfig, target: TargetConfig) {
  return model.price ?? target.listed?.price;
}

/** The price of a model at whichever of its targets answers; undefined where one has none, and where they differ. */
export function commonPrice(model: ModelConfig) {
  const [price, ...others] = model.targets.map((target) => priceConfigOf(model, target));
  const text = JSON.stringify(price);
  return others.every((other) => JSON.stringify(other) === text) ? price : undefined;
}

/** The name of a target in the log, in records and in headers. */
export function targetName({ upstream, model }: TargetConfig): string {
  return `${upstream}/${model}`;
}
