import type { PriceConfig, TokenPrices } from './config.ts';
import type { ConfigPath } from './config-problem.ts';
import type { ResolveContext } from './resolve-context.ts';
import type { RawModel } from './schema.ts';

type RawPrice = NonNullable<RawModel['price']>;
type RawTokenPrices = Omit<RawPrice, 'request' | 'above'>;

/** The price of one model. Reports a price that charges nothing by any name, and steps that are not in ascending order. */
export function resolvePrice(raw: RawPrice, path: ConfigPath, { problems }: ResolveContext): PriceConfig {
  const { request, above } = raw;
  if (raw.input === undefined && raw.output === undefined && request === undefined) {
    problems.report(path, 'a price needs at least one of input, output and request (0 for a free model)');
  }
  for (const [index, { tokens, ...amounts }] of above.entries()) {
    const before = above[index - 1]?.tokens ?? 0;
    if (tokens === before) {
      problems.report([...path, 'above', index, 'tokens'], `${tokens} is here twice`);
    } else if (tokens < before) {
      problems.report(
        [...path, 'above', index, 'tokens'],
        `expected more than the ${before} before it, got ${tokens}: the steps go from few tokens to many`,
      );
    }
    if (Object.values(amounts).every((amount) => amount === undefined)) {
      problems.report(
        [...path, 'above', index],
        'needs at least one of input, output, cached and cache_write',
      );
    }
  }
  return {
    ...tokenPrices(raw),
    ...(request !== undefined && { request }),
    above: above.map(({ tokens, ...amounts }) => ({ tokens, ...tokenPrices(amounts) })),
  };
}

function tokenPrices({ input, output, cached, cache_write: cacheWrite }: RawTokenPrices): TokenPrices {
  return {
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(cached !== undefined && { cached }),
    ...(cacheWrite !== undefined && { cacheWrite }),
  };
}

/** Whether the value at that path is an amount of money, which is read by its digits and not as a JavaScript number. */
export function isAmount(path: ConfigPath): boolean {
  return path[0] === 'models' && path[2] === 'price' && path.at(-1) !== 'tokens';
}
