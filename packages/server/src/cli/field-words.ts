import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';

/*
 * Fields of the administration's JSON in words, for tables and for `show`. Counts have separators, times are UTC and say it.
 */

const thousands = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const dollarsOf = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const exactDollars = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 6,
});

/** `1,234,567`. */
export function grouped(count: number): string {
  return thousands.format(count);
}

/** Exact to the micro-dollar: `$1,234.500000`. */
export function dollars(microUsd: number): string {
  return exactDollars.format(microUsd / 1_000_000);
}

/** `$20.00/month`, `500,000 tokens/day`; empty where there is none. */
export function budgetWords(budget: JsonValue | undefined): string {
  if (!isObject(budget)) return '';
  const { usd, tokens, period } = budget;
  const amount = typeof usd === 'number' ? usdWords(usd) : `${grouped(Number(tokens))} tokens`;
  return `${amount}/${String(period)}`;
}

function usdWords(usd: number): string {
  return Number.isInteger(usd * 100) ? dollarsOf.format(usd) : dollars(Math.round(usd * 1_000_000));
}

/** `acme/*, chat`; empty where all may be used. */
export function modelsWords(models: JsonValue | undefined): string {
  return Array.isArray(models) ? models.join(', ') : '';
}

/** `60 requests/min, 5 streams`: short, for a table; empty where there are none. */
export function limitsWords(one: JsonObject): string {
  const { requests_per_minute: requests, tokens_per_minute: tokens, max_streams: streams } = one;
  return [
    ...(typeof requests === 'number' ? [`${grouped(requests)} requests/min`] : []),
    ...(typeof tokens === 'number' ? [`${grouped(tokens)} tokens/min`] : []),
    ...(typeof streams === 'number' ? [`${grouped(streams)} stream${streams === 1 ? '' : 's'}`] : []),
  ].join(', ');
}

/** `2026-11-28 09:00:00 UTC`; empty for null. */
export function timeWords(time: JsonValue | undefined): string {
  return typeof time === 'string' ? time.replace(/^(.*)T(.*?)(?:\.\d+)?Z$/, '$1 $2 UTC') : '';
}

/** An object of the operator's own; empty for `{}`. */
export function metadataWords(metadata: JsonValue | undefined): string {
  return isObject(metadata) && Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : '';
}
