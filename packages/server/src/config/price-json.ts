import type { PriceConfig, TokenPrices } from './config.ts';

/** A price by its keys in the configuration; amounts are decimal texts. */
export function priceJson({ request, above, ...base }: PriceConfig): PriceJson {
  return {
    ...amountsJson(base),
    ...(request === undefined ? {} : { request }),
    ...(above.length === 0
      ? {}
      : { above: above.map(({ tokens, ...prices }) => ({ tokens, ...amountsJson(prices) })) }),
  };
}

export type PriceJson = Amounts & {
  readonly request?: string;
  readonly above?: readonly (Amounts & { readonly tokens: number })[];
};

type Amounts = { readonly [Kind in 'input' | 'output' | 'cached' | 'cache_write']?: string };

/** The amounts by their keys in the configuration. */
export function amountsJson({ input, output, cached, cacheWrite }: TokenPrices): Amounts {
  return {
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(cached === undefined ? {} : { cached }),
    ...(cacheWrite === undefined ? {} : { cache_write: cacheWrite }),
  };
}
