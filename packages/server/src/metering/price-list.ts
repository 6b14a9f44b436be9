import type { Config, PriceConfig, UncountedCost, Unlisted } from '../config/config.ts';
import { costMicroUsd } from './cost.ts';
import { createPrice } from './price.ts';
import { priceConfigOf, targetName } from './prices.ts';

/** The price of one target of one model. */
export interface ListedTarget {
  /** The public id of the model. */
  readonly model: string;
  /** `upstream/model`. */
  readonly target: string;
  /** Undefined: no price. */
  readonly price: PriceConfig | undefined;
  /** Where the price was found: the key of the configuration, or the entry of the catalogue; undefined without a price. */
  readonly source: { readonly file: string | undefined; readonly key: string } | undefined;
  /** Costs of the catalogue's entry that no request is charged for. */
  readonly uncounted: readonly UncountedCost[];
  /** Why the catalogue has no price; absent where there is one, and without a catalogue. */
  readonly unlisted?: Unlisted;
  /** What {@link exampleTokens} of prompt and as many of an answer would cost, in micro-dollars. */
  readonly exampleMicroUsd: number | undefined;
}

/** Tokens of the prompt, and of the answer, in {@link ListedTarget.exampleMicroUsd}. */
export const exampleTokens = 1_000;

/** The price of every target of every model, in the order of the configuration. */
export function listPrices({ models, storage, file }: Config): readonly ListedTarget[] {
  return [...models].flatMap(([id, model]) =>
    model.targets.map((target) => {
      const config = priceConfigOf(model, target);
      const place = { model: id, target: targetName(target), price: config };
      const { listed, unlisted } = target;
      if (config === undefined) {
        const why = unlisted === undefined ? {} : { unlisted };
        return { ...place, source: undefined, uncounted: [], ...why, exampleMicroUsd: undefined };
      }
      const price = createPrice(config);
      return {
        ...place,
        source:
          model.price === undefined
            ? { file: storage.pricesFile, key: listed?.entry ?? '' }
            : { file, key: `models.${id}.price` },
        uncounted: listed?.uncounted ?? [],
        exampleMicroUsd: costMicroUsd({
          promptTokens: exampleTokens,
          cachedTokens: 0,
          cacheWriteTokens: 0,
          price,
          delivered: [{ tokens: exampleTokens, price }],
        }),
      };
    }),
  );
}
