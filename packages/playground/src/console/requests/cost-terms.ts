import { isObject, listIn } from '../../api/json.ts';
import { count, money } from '../../elements/format.ts';
import type { RequestRecord } from './request-record.ts';

/** US dollars for a million tokens, as `GET /admin/v1/models` says them. */
export interface TargetPrice {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  /** For each request. */
  readonly request: number;
}

/** The price of each target of each model and alias. */
export type PriceBook = ReadonlyMap<string, ReadonlyMap<string, TargetPrice>>;

export function readPrices(body: unknown): PriceBook {
  const data = listIn(body).filter(isObject);
  return new Map(
    data.flatMap(({ id, aliases, targets }) => {
      const names = [id, ...(Array.isArray(aliases) ? aliases : [])].filter(
        (name) => typeof name === 'string',
      );
      const prices = new Map(
        (Array.isArray(targets) ? targets.filter(isObject) : []).flatMap(({ id: target, price }) => {
          const read = readPrice(price);
          return typeof target === 'string' && read !== undefined ? [[target, read] as const] : [];
        }),
      );
      return names.map((name) => [name, prices] as const);
    }),
  );
}

/** Undefined for none, and for one that depends on the length of the prompt or on what is written into a cache, which records do not have. */
function readPrice(price: unknown): TargetPrice | undefined {
  if (!isObject(price) || Array.isArray(price['above']) || price['cache_write'] !== undefined)
    return undefined;
  const dollars = (name: string): number | undefined => {
    const amount = Number(price[name] ?? Number.NaN);
    return Number.isFinite(amount) ? amount : undefined;
  };
  const input = dollars('input') ?? 0;
  const [output, cached, request] = [
    dollars('output') ?? 0,
    dollars('cached') ?? input,
    dollars('request') ?? 0,
  ];
  return { input, output, cached, request };
}

/**
 * How the cost of a request came about: `37 × $0.15 + 24 × $0.6`. The record has the cost alone, so the terms are those of the prices in
 * force; undefined where they make another cost, for then they have changed since.
 */
export function costTerms(record: RequestRecord, prices: PriceBook): string | undefined {
  const ofModel = prices.get(record.model);
  const delivering = record.attemptLog.filter(({ deliveredTokens = 0 }) => deliveredTokens > 0);
  const used = delivering.map(({ target }) => ofModel?.get(target));
  const [price] = used;
  if (price === undefined || used.some((other) => JSON.stringify(other) !== JSON.stringify(price)))
    return undefined;
  const { promptTokens, completionTokens } = record;
  const cachedTokens = Math.min(record.cachedTokens, promptTokens);
  const hasCached = cachedTokens > 0 && price.cached !== price.input;
  const read = hasCached ? promptTokens - cachedTokens : promptTokens;
  // A dollar for a million tokens is a micro-dollar for one.
  const microUsd =
    price.request * 1e6 +
    read * price.input +
    (hasCached ? cachedTokens * price.cached : 0) +
    completionTokens * price.output;
  // Sums of decimals are off by less than this.
  if (Math.floor(microUsd + 0.5 + 1e-6) !== record.costMicroUsd) return undefined;
  const term = (amount: number, each: number): string => `${count(amount)} × ${money(each * 1e6)}`;
  return [
    ...(price.request > 0 ? [money(price.request * 1e6)] : []),
    term(read, price.input),
    ...(hasCached ? [`${term(cachedTokens, price.cached)} (cached)`] : []),
    term(completionTokens, price.output),
  ].join(' + ');
}
